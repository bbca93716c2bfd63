import Synchronization
import Unix

/// The daemon's log: one record is one line and one write(2) on a descriptor in append mode, so threads and processes
/// that share the file never tear a line. SIGHUP reopens it.
public final class Log: Sendable {
    enum Format: String, Sendable { case text, json }

    /// Where records go.
    struct Targets: Sendable {
        var file: LogFile?
        var standardError = false
        var syslog: Syslog?
    }

    public let name: String
    /// The lowest level that is written; an administrator's `set log level` changes it.
    public internal(set) var level: LogLevel {
        get { LogLevel(rawValue: lowest.load(ordering: .relaxed)) ?? .info }
        set { lowest.store(newValue.rawValue, ordering: .relaxed) }
    }
    private let lowest: Atomic<Int>
    private let format: Format
    private let targets: Targets
    private let pid: ProcessID
    /// `NAME pid=PID `
    private let identity: [UInt8]
    private let fileSink: LogSink?
    private let errorSink: LogSink?
    private let errorIsJournal: Bool
    /// Whether standard output and error are the log file, and move with it.
    private let holdsStandardStreams: Bool

    /// Opens the file; the log belongs to the calling process's pid.
    init(
        name: String, level: LogLevel, format: Format, targets: Targets, holdsStandardStreams: Bool
    ) throws(DaemonError) {
        self.name = name
        lowest = Atomic(level.rawValue)
        self.format = format
        self.targets = targets
        self.holdsStandardStreams = holdsStandardStreams
        pid = CurrentProcess.id
        identity = Array("\(name) pid=\(pid) ".utf8)
        if let file = targets.file {
            fileSink = LogSink(try file.open().release())
        } else {
            fileSink = nil
        }
        errorSink = targets.standardError ? LogSink(2, isShared: true) : nil
        errorIsJournal = targets.standardError && Self.isJournal(2)
        targets.syslog?.connect()
    }

    /// The descriptor of the file, where there is one.
    var descriptor: Int32? { fileSink?.descriptor }

    /// Why the file takes no records now.
    var fileFailure: Errno? { fileSink?.failure }

    public func debug(_ message: @autoclosure () -> String, _ metadata: KeyValuePairs<String, String> = [:]) {
        log(.debug, message(), metadata)
    }

    public func info(_ message: @autoclosure () -> String, _ metadata: KeyValuePairs<String, String> = [:]) {
        log(.info, message(), metadata)
    }

    public func notice(_ message: @autoclosure () -> String, _ metadata: KeyValuePairs<String, String> = [:]) {
        log(.notice, message(), metadata)
    }

    public func warning(_ message: @autoclosure () -> String, _ metadata: KeyValuePairs<String, String> = [:]) {
        log(.warning, message(), metadata)
    }

    public func error(_ message: @autoclosure () -> String, _ metadata: KeyValuePairs<String, String> = [:]) {
        log(.error, message(), metadata)
    }

    public func critical(_ message: @autoclosure () -> String, _ metadata: KeyValuePairs<String, String> = [:]) {
        log(.critical, message(), metadata)
    }

    public func alert(_ message: @autoclosure () -> String, _ metadata: KeyValuePairs<String, String> = [:]) {
        log(.alert, message(), metadata)
    }

    public func emergency(_ message: @autoclosure () -> String, _ metadata: KeyValuePairs<String, String> = [:]) {
        log(.emergency, message(), metadata)
    }

    /// Writes one record, unless the level is below the log's. The message is not made then.
    public func log(
        _ level: LogLevel, _ message: @autoclosure () -> String, _ metadata: KeyValuePairs<String, String> = [:]
    ) {
        guard level >= self.level else { return }
        let record = LogRecord(
            level: level, message: message(), metadata: metadata.isEmpty ? [] : metadata.map { ($0.key, $0.value) })
        let wall = WallTime.now
        if fileSink != nil || errorSink != nil { writeLines(record, wall) }
        if let syslog = targets.syslog, level > .debug {
            syslog.write(record.syslog(wall, name: name, pid: pid)) { lost in
                Self.lossRecord(lost, nil).syslog(wall, name: name, pid: pid)
            }
        }
    }

    private func writeLines(_ record: LogRecord, _ wall: WallTime) {
        let time = LogTime.of(wall)
        let line = format(record, time)
        let report = { (lost: Int, cause: Errno) in self.format(Self.lossRecord(lost, cause), time) }
        fileSink?.write(line, report: report)
        guard let errorSink else { return }
        if errorIsJournal {
            errorSink.write(record.journal(identity)) { lost, cause in
                Self.lossRecord(lost, cause).journal(identity)
            }
        } else {
            errorSink.write(line, report: report)
        }
    }

    private func format(_ record: LogRecord, _ time: LogTime) -> [UInt8] {
        format == .json ? record.json(time, name: name, pid: pid) : record.text(time, identity)
    }

    private static func lossRecord(_ count: Int, _ cause: Errno?) -> LogRecord {
        let reason = cause.map { ": \($0)" } ?? ""
        return LogRecord(level: .warning, message: "\(count) log records were lost\(reason)", metadata: [])
    }

    // MARK: Reopening

    static let reopenMessage = "Reopening log files after receiving SIGHUP"

    /// Opens the file's name anew, writes its first line, then puts it in the place of the old one in one step each.
    /// Where it cannot be opened, the old one stays and gets told why.
    func reopen() {
        guard let file = targets.file, let fileSink else { return notice(Self.reopenMessage) }
        do {
            let fresh = try file.open()
            let record = LogRecord(level: .notice, message: Self.reopenMessage, metadata: [])
            let line = format(record, LogTime.of(.now))
            _ = try? Descriptor.write(fresh.number, line.span)
            try attempt(.logFile, "log file \(file.path)") { () throws(Errno) in
                try Descriptor.duplicate(fresh.number, onto: fileSink.descriptor)
            }
            if holdsStandardStreams { redirectStandardStreams() }
            errorSink?.write(line, report: { _, _ in line })
        } catch {
            warning("\(Self.reopenMessage) failed, keeping the old file: \(error)")
        }
    }

    /// Makes standard output and error the log file, or nothing where there is no file.
    func redirectStandardStreams() {
        let target = fileSink?.descriptor
        for number: Int32 in 1...2 {
            if let target {
                try? Descriptor.duplicate(target, ontoStandard: number)
            } else if let null = try? FileDescriptor.open("/dev/null", .readWrite) {
                try? Descriptor.duplicate(null.number, ontoStandard: number)
            }
        }
    }

    /// JOURNAL_STREAM names the device and inode of the stream that leads to the journal. systemd.exec(5)
    private static func isJournal(_ descriptor: Int32) -> Bool {
        guard let stream = Environment["JOURNAL_STREAM"], let status = try? FileStatus(descriptor: descriptor) else {
            return false
        }
        return stream == "\(status.identity.device):\(status.identity.inode)"
    }
}
