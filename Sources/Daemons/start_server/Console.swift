import DaemonKit
import Unix

/// Where the superdaemon's lines go: standard error, which is the log once there is one; syslog besides when wanted.
///
/// A reader that stops reading loses lines; it never stops the superdaemon.
final class Console {
    private var sink: LogSink
    private let syslog: Syslog?

    init(syslog: Bool) {
        sink = LogSink(2, isShared: true)
        self.syslog = syslog ? Syslog() : nil
    }

    /// Standard error has become another file.
    func reopened() { sink = LogSink(2, isShared: true) }

    func write(_ message: String) {
        let message = VisibleText.lines(message)
        sink.write(Array("\(message)\n".utf8)) { lost, cause in Array("\(lost) lines were lost: \(cause)\n".utf8) }
        guard let syslog else { return }
        let (wall, pid) = (WallTime.now, CurrentProcess.id)
        syslog.write(LogRecord(level: .notice, message: message).syslog(wall, name: "start_server", pid: pid)) { lost in
            LogRecord(level: .warning, message: "\(lost) log records were lost")
                .syslog(wall, name: "start_server", pid: pid)
        }
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
        try? Descriptor.writeAll(2, "start_server: \(VisibleText.lines(text))\n")
        CurrentProcess.exitNow(exitStatus)
    }
}
