import Supervision

/// What a master knows of a child besides the engine: what it is, and what it said of itself.
struct ChildNote: Equatable, Sendable {
    let kind: Program.Kind
    /// What it said its version is.
    var version: String?
    /// STATUS of sd_notify(3)
    var status: String?
    /// It said RELOADING=1, and not READY=1 since.
    var isReloading = false
    /// It said STOPPING=1.
    var isStopping = false

    init(_ kind: Program.Kind) { self.kind = kind }

    mutating func take(_ message: NotifyMessage) {
        if let text = message.status { status = text }
        if let text = message.version { version = text }
        if message.isReloading { isReloading = true }
        if message.isReady { isReloading = false }
        if message.isStopping { isStopping = true }
    }

    // MARK: Over an exec

    func record(_ child: Supervision.Child.ID) -> StateText.Record {
        var record = StateText.Record("note")
        record[number: "child"] = child
        record["kind"] = kind.rawValue
        record["version"] = version
        record["status"] = status
        record[flag: "reloading"] = isReloading
        record[flag: "stopping"] = isStopping
        return record
    }

    init(_ record: StateText.Record) {
        kind = record["kind"].flatMap(Program.Kind.init) ?? .worker
        version = record["version"]
        status = record["status"]
        isReloading = record[flag: "reloading"]
        isStopping = record[flag: "stopping"]
    }
}
