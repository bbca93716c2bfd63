import DaemonCore
import Supervision

/// What a session knows of a child besides the engine: what it is, what it said of itself, and what it was told.
struct ChildNote: Equatable, Sendable {
    /// What a SIGHUP means.
    enum HangUp: String, Sendable { case reopenLogs, hangUp }

    let kind: Program.Kind
    /// A daemon of ours, which knows what SIGHUP asks for.
    let isDaemon: Bool
    /// It accepts nothing new, as far as we have told it.
    var isPaused: Bool
    /// Was said to the others while it was starting.
    var missed: HangUp?
    /// What it said its version is.
    private(set) var version: String?
    /// STATUS of sd_notify(3)
    private(set) var status: String?
    /// It said RELOADING=1, and not READY=1 since.
    private(set) var isReloading = false
    /// It said STOPPING=1.
    private(set) var isStopping = false

    init(_ kind: Program.Kind, isDaemon: Bool = false, isPaused: Bool = false) {
        self.kind = kind
        self.isDaemon = isDaemon
        self.isPaused = isPaused
    }

    mutating func take(_ message: NotifyMessage) {
        if let text = message.status { status = text }
        if let text = message.version { version = text }
        if message.isReloading { isReloading = true }
        if message.isReady { isReloading = false }
        if message.isStopping { isStopping = true }
    }

    // MARK: Over an exec

    func record(_ child: Supervision.Child.ID) -> StateRecord {
        var record = StateRecord("note")
        record[number: "child"] = child
        record["kind"] = kind.rawValue
        record[flag: "paused"] = isPaused
        record["missed"] = missed?.rawValue
        record["version"] = version
        record["status"] = status
        record[flag: "reloading"] = isReloading
        record[flag: "stopping"] = isStopping
        return record
    }

    init(_ record: StateRecord, isDaemon: Bool) {
        kind = record["kind"].flatMap(Program.Kind.init) ?? .worker
        self.isDaemon = isDaemon
        isPaused = record[flag: "paused"]
        missed = record["missed"].flatMap(HangUp.init)
        version = record["version"]
        status = record["status"]
        isReloading = record[flag: "reloading"]
        isStopping = record[flag: "stopping"]
    }
}
