import DaemonKit
import Supervision
import Text
import Unix

/// Where the superdaemon's lines go: standard error, which is the log once there is one; syslog besides when wanted.
///
/// A reader that stops reading loses lines, which are counted; it never stops the superdaemon.
final class Console {
    private var writer: LogWriter
    private let syslog: Syslog?
    /// How much waits for a reader that is slow.
    private static let queueLimit = 64 * 1024

    init(syslog: Bool) {
        writer = LogWriter(2, isShared: true, queueLimit: Self.queueLimit)
        self.syslog = syslog ? Syslog(queueLimit: Self.queueLimit) : nil
    }

    /// Standard error has become another file.
    func reopened() {
        let fresh = LogWriter(2, isShared: true, queueLimit: Self.queueLimit)
        fresh.takeOver(writer)
        writer = fresh
    }

    func write(_ message: String) {
        let message = VisibleText.lines(message)
        writer.write(Array("\(message)\n".utf8), report: loss)
        guard let syslog else { return }
        syslog.write(record(.notice, message), report: syslogLoss)
    }

    private func loss(_ loss: LogLoss) -> [UInt8] { Array("\(loss.ofLines)\n".utf8) }

    private func syslogLoss(_ lost: Int) -> [UInt8] { record(.warning, "\(lost) log records were lost") }

    private func record(_ level: LogLevel, _ message: String) -> [UInt8] {
        LogRecord(level: level, message: message).syslog(.now, name: "start_server", pid: CurrentProcess.id)
    }

    /// Lines wait for room, or a loss is not told yet.
    var isWaiting: Bool { writer.isWaiting || syslog?.isWaiting == true }

    /// Tries that once more.
    func flush() {
        writer.flush(report: loss)
        syslog?.flush(report: syslogLoss)
    }

    // MARK: Over an exec

    var record: StateText.Record {
        var record = StateText.Record("console")
        writer.write(to: &record)
        return record
    }

    func restore(_ state: StateText) {
        if let record = state.first("console") { writer.restore(record) }
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
