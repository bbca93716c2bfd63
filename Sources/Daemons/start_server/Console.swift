import DaemonKit
import MasterRuntime
import Supervision
import Text
import Unix

/// Where the superdaemon's lines go: standard error, which is the log once there is one; syslog besides when wanted.
///
/// A reader that stops reading loses lines, which are counted; it never stops the superdaemon.
final class Console: SessionLog {
    /// Standard output and error lead to this file, and to another one of its name after a rotation.
    private let path: String?
    /// Whom the workers run as: the log may be theirs.
    private let owners: [UserID]
    /// Standard output and error lead into the input of a command.
    private let isCommand: Bool
    private var writer: LogWriter
    private let syslog: Syslog?
    private let access: LogFile.Access
    /// How much waits for a reader that is slow.
    private static let queueLimit = 64 * 1024

    init(_ settings: Settings, _ account: SpawnAccount?) {
        if case .file(let path) = settings.log { self.path = path } else { path = nil }
        if case .command = settings.log { isCommand = true } else { isCommand = false }
        owners = account.map { [$0.user] } ?? []
        writer = Self.standardError
        access = settings.logAccess
        let origin = Syslog.Origin(
            facility: settings.syslogFacility.flatMap { Syslog.Facility(rawValue: $0) } ?? .daemon,
            tag: settings.syslogTag)
        syslog = settings.syslog ? Syslog(origin, queueLimit: Self.queueLimit) : nil
    }

    private static var standardError: LogWriter { LogWriter(2, isShared: true, queueLimit: queueLimit) }

    // MARK: Lines

    func write(_ message: String) { write(.notice, message) }

    func write(_ level: LogLevel, batch: inout LineBatch) {
        for message in batch.messages { write(level, message) }
    }

    func write(_ level: LogLevel, _ message: String) {
        let shown = VisibleText.lines(message)
        writer.write(Array("\(shown)\n".utf8), report: loss)
        syslog?.write(record(level, shown), report: syslogLoss)
    }

    private func loss(_ loss: LogLoss) -> [UInt8] { Array("\(loss.ofLines)\n".utf8) }

    private func syslogLoss(_ lost: Int) -> [UInt8] { record(.warning, "\(lost) log records were lost") }

    private func record(_ level: LogLevel, _ message: String) -> [UInt8] {
        LogRecord(level: level, message: message).syslog(
            .now, name: "start_server", pid: CurrentProcess.id, from: syslog?.origin ?? .init())
    }

    var isWaiting: Bool { writer.isWaiting || syslog?.isWaiting == true }

    func flush() {
        writer.flush(report: loss)
        syslog?.flush(report: syslogLoss)
    }

    var losses: [(log: String, loss: LogLoss)] {
        [("standard error", writer.lost)].filter { !$0.1.isEmpty }.map { ($0.0, $0.1) }
    }

    // MARK: Where they go

    func openFile(_ path: String) throws(FileRefusal) -> FileDescriptor {
        let file = try SafeFile.append(path, mode: 0o666, owners: owners)
        do {
            try access.apply(to: file.number)
        } catch {
            throw FileRefusal(.system(error), path)
        }
        return file
    }

    /// Standard output and error, our own and the workers' to come.
    func redirect(to descriptor: Int32) throws(Errno) {
        for number: Int32 in 1...2 { try Descriptor.duplicate(descriptor, ontoStandard: number) }
        let fresh = Self.standardError
        fresh.takeOver(writer)
        writer = fresh
    }

    /// After a rotation. What cannot be opened leaves the old file in use.
    func reopen() {
        LogTime.reread()
        guard let path else { return }
        do {
            let file = try openFile(path)
            try redirect(to: file.number)
        } catch {
            write("cannot reopen log file \(path), going on with the old one: \(error)")
        }
    }

    func finish() {
        flush()
        writer.finish(report: loss)
        syslog?.finish(report: syslogLoss)
        guard isCommand, let null = try? FileDescriptor.open("/dev/null", .readWrite) else { return }
        try? redirect(to: null.number)
    }

    // MARK: Over an exec

    var records: [StateRecord] {
        var record = StateRecord("console")
        writer.write(to: &record)
        return [record]
    }

    func restore(_ state: SavedState) {
        if let record = state.first("console") { writer.restore(record) }
    }
}

extension Settings {
    /// The start has refused a group that nobody knows.
    fileprivate var logAccess: LogFile.Access {
        LogFile.Access(
            mode: logMode.map { FileMode($0) },  // bounded: 0o777 at the most
            group: logGroup.flatMap { try? AccountNames.group($0) })
    }
}

/// Why the superdaemon cannot go on, and what it exits with.
struct ExitError: Error {
    let text: String
    let exitStatus: Int32

    init(_ text: String, exitStatus: Int32) {
        self.text = text
        self.exitStatus = exitStatus
    }

    /// The errno of the failed call is the exit status, as the original's.
    init(_ error: DaemonError) {
        text = error.message
        exitStatus = error.code == .alreadyRunning ? Errno.wouldBlock.rawValue : error.systemError ?? error.exitStatus
    }

    init(_ tried: String, _ error: Errno) {
        text = "\(tried): \(error)"
        exitStatus = error.rawValue
    }

    /// One line, then the end.
    func end() -> Never {
        LogWriter.say("start_server: \(VisibleText.lines(text))")
        CurrentProcess.exitNow(exitStatus)
    }
}
