import Synchronization
import Unix

/// The daemon's log: one record is one line and one write(2) on a descriptor in append mode, so threads and processes
/// that share the file never tear a line. SIGHUP reopens it. How lines get out is `LogWriter`'s part.
public final class Log: Sendable {
    package enum Format: String, Sendable { case text, json }

    /// Where records go.
    package struct Targets: Sendable {
        package var file: LogFile?
        package var standardError: Bool
        package var syslog: Syslog?

        package init(file: LogFile? = nil, standardError: Bool = false, syslog: Syslog? = nil) {
            self.file = file
            self.standardError = standardError
            self.syslog = syslog
        }
    }

    public let name: String
    /// The lowest level that is written: `info`, or `debug` with `--debug`. The daemon may change it at any time, and so
    /// may an administrator's `set log level`.
    public var level: LogLevel {
        get { LogLevel(rawValue: lowest.load(ordering: .relaxed)) ?? .info }
        set { lowest.store(newValue.rawValue, ordering: .relaxed) }
    }
    private let lowest: Atomic<Int>
    private let format: Format
    private let targets: Targets
    private let pid: ProcessID
    /// `NAME pid=PID `
    private let identity: [UInt8]
    private let file: LogWriter?
    private let standardError: LogWriter?
    private let errorIsJournal: Bool
    private let isMaster: Bool
    /// Whether standard output and error are the log file, and move with it.
    private let holdsStandardStreams: Bool

    /// How long a record waits for a reader that is slow, where no master's loop waits behind it.
    private static let patience = Duration.seconds(1)
    /// How much waits instead in a master, which never does.
    private static let queueLimit = 64 * 1024

    /// Opens the file; the log belongs to the calling process's pid.
    package init(
        name: String, level: LogLevel, format: Format, targets: Targets, holdsStandardStreams: Bool,
        isMaster: Bool = false
    ) throws(DaemonError) {
        self.name = name
        lowest = Atomic(level.rawValue)
        self.format = format
        self.targets = targets
        self.holdsStandardStreams = holdsStandardStreams
        self.isMaster = isMaster
        pid = CurrentProcess.id
        identity = Array("\(name) pid=\(pid) ".utf8)
        let (patience, queue) = isMaster ? (Duration.zero, Self.queueLimit) : (Self.patience, 0)
        if let target = targets.file {
            file = LogWriter(try target.open().release(), patience: patience, queueLimit: queue)
        } else {
            file = nil
        }
        standardError =
            targets.standardError ? LogWriter(2, isShared: true, patience: patience, queueLimit: queue) : nil
        errorIsJournal = targets.standardError && Self.isJournal(2)
        targets.syslog?.connect()
    }

    package static func syslog(_ origin: Syslog.Origin, isMaster: Bool, keeper: Keeper?) -> Syslog {
        isMaster
            ? Syslog(origin, queueLimit: queueLimit, keeper: keeper)
            : Syslog(origin, patience: patience, keeper: keeper)
    }

    /// The descriptor of the file, where there is one.
    package var descriptor: Int32? { file?.descriptor }

    /// Why the file takes no records now.
    package var fileFailure: Errno? { file?.failure }

    // MARK: Writing

    public func trace(_ message: @autoclosure () -> String, metadata: KeyValuePairs<String, String> = [:]) {
        log(.trace, message(), metadata: metadata)
    }

    public func debug(_ message: @autoclosure () -> String, metadata: KeyValuePairs<String, String> = [:]) {
        log(.debug, message(), metadata: metadata)
    }

    public func info(_ message: @autoclosure () -> String, metadata: KeyValuePairs<String, String> = [:]) {
        log(.info, message(), metadata: metadata)
    }

    public func notice(_ message: @autoclosure () -> String, metadata: KeyValuePairs<String, String> = [:]) {
        log(.notice, message(), metadata: metadata)
    }

    public func warning(_ message: @autoclosure () -> String, metadata: KeyValuePairs<String, String> = [:]) {
        log(.warning, message(), metadata: metadata)
    }

    public func error(_ message: @autoclosure () -> String, metadata: KeyValuePairs<String, String> = [:]) {
        log(.error, message(), metadata: metadata)
    }

    public func critical(_ message: @autoclosure () -> String, metadata: KeyValuePairs<String, String> = [:]) {
        log(.critical, message(), metadata: metadata)
    }

    public func alert(_ message: @autoclosure () -> String, metadata: KeyValuePairs<String, String> = [:]) {
        log(.alert, message(), metadata: metadata)
    }

    public func emergency(_ message: @autoclosure () -> String, metadata: KeyValuePairs<String, String> = [:]) {
        log(.emergency, message(), metadata: metadata)
    }

    /// Writes one record, unless the level is below the log's: then the message is not even made.
    public func log(
        _ level: LogLevel, _ message: @autoclosure () -> String, metadata: KeyValuePairs<String, String> = [:]
    ) {
        guard level >= self.level else { return }
        write(LogRecord(level: level, message: message(), metadata: metadata.map { ($0.key, $0.value) }))
    }

    /// The same with any sequence of pairs, such as a dictionary: they are written in its order, the same key as often as
    /// it comes.
    @_disfavoredOverload
    public func log<Pairs: Sequence>(_ level: LogLevel, _ message: @autoclosure () -> String, metadata: Pairs)
    where Pairs.Element == (key: String, value: String) {
        guard level >= self.level else { return }
        write(LogRecord(level: level, message: message(), metadata: Array(metadata)))
    }

    @_disfavoredOverload
    @_documentation(visibility: internal)
    public func log<Pairs: Sequence>(_ level: LogLevel, _ message: @autoclosure () -> String, metadata: Pairs)
    where Pairs.Element == (String, String) {
        guard level >= self.level else { return }
        write(LogRecord(level: level, message: message(), metadata: metadata.map { (key: $0.0, value: $0.1) }))
    }

    /// Writes one record whatever the log's level is: for another logging library, whose loggers have levels of their own
    /// and have decided already. Pairs are written in their order.
    public func record<Pairs: Sequence>(_ level: LogLevel, _ message: String, metadata: Pairs)
    where Pairs.Element == (key: String, value: String) {
        write(LogRecord(level: level, message: message, metadata: Array(metadata)))
    }

    private func write(_ record: LogRecord) {
        let wall = WallTime.now
        if file != nil || standardError != nil { writeLines(record, wall) }
        writeSyslog(record, wall)
    }

    private func writeSyslog(_ record: LogRecord, _ wall: WallTime) {
        guard let syslog = targets.syslog, record.level > .debug else { return }
        syslog.write(syslogRecord(record, wall), report: syslogLoss)
    }

    private func writeLines(_ record: LogRecord, _ wall: WallTime) {
        let time = LogTime.of(wall)
        let line = format(record, time)
        file?.write(line, report: fileLoss)
        standardError?.write(errorIsJournal ? record.journal(identity) : line, report: errorLoss)
    }

    /// Several records of one time and level, in one write for each log.
    package func log(_ level: LogLevel, batch: inout LineBatch) {
        guard level >= self.level, !batch.isEmpty else { return }
        let wall = WallTime.now
        let time = LogTime.of(wall)
        var lines: [UInt8] = []
        if format == .json || targets.syslog != nil {
            for message in batch.messages {
                let record = LogRecord(level: level, message: message)
                if format == .json { lines += format(record, time) }
                writeSyslog(record, wall)
            }
        }
        if format == .json {
            file?.write(lines, report: fileLoss)
            if !errorIsJournal { standardError?.write(lines, report: errorLoss) }
        } else if file != nil || !errorIsJournal && standardError != nil {
            batch.makeLines(behind: LogRecord.head(time, identity, level))
            file?.write(batch.lines, report: fileLoss)
            if !errorIsJournal { standardError?.write(batch.lines, report: errorLoss) }
        }
        guard errorIsJournal, let standardError else { return }
        batch.makeLines(behind: LogRecord.journalHead(identity, level))
        standardError.write(batch.lines, report: errorLoss)
    }

    /// A record as it goes to the descriptors that lines are written to, and where in it its time stands.
    package func lines(of record: LogRecord) -> [(descriptor: Int32, bytes: [UInt8], time: Int?)] {
        let line = format(record, LogTime.of(.now))
        let time = format == .json ? LogRecord.timeInJSON : 0
        let inFile = file.map { [($0.descriptor, line, time)] } ?? []
        guard let standardError else { return inFile }
        guard errorIsJournal else { return inFile + [(standardError.descriptor, line, time)] }
        return inFile + [(standardError.descriptor, record.journal(identity), nil)]
    }

    private func format(_ record: LogRecord, _ time: LogTime) -> [UInt8] {
        format == .json ? record.json(time, name: name, pid: pid) : record.text(time, identity)
    }

    private func syslogRecord(_ record: LogRecord, _ wall: WallTime) -> [UInt8] {
        record.syslog(wall, name: name, pid: pid, from: targets.syslog?.origin ?? .init())
    }

    // MARK: Losses

    private static func record(_ loss: LogLoss) -> LogRecord {
        LogRecord(level: .warning, message: loss.ofRecords)
    }

    private func fileLoss(_ loss: LogLoss) -> [UInt8] { format(Self.record(loss), LogTime.of(.now)) }

    private func errorLoss(_ loss: LogLoss) -> [UInt8] {
        errorIsJournal ? Self.record(loss).journal(identity) : fileLoss(loss)
    }

    private func syslogLoss(_ lost: Int) -> [UInt8] {
        syslogRecord(LogRecord(level: .warning, message: "\(lost) log records were lost"), .now)
    }

    /// Records wait for room, or a loss is not told yet.
    package var isWaiting: Bool {
        file?.isWaiting == true || standardError?.isWaiting == true || targets.syslog?.isWaiting == true
    }

    /// Tries that once more.
    package func flush() {
        file?.flush(report: fileLoss)
        standardError?.flush(report: errorLoss)
        targets.syslog?.flush(report: syslogLoss)
    }

    /// The process ends: what waits for a reader that is only slow gets more time.
    package func finish() {
        flush()
        file?.finish(report: fileLoss)
        standardError?.finish(report: errorLoss)
        targets.syslog?.finish(report: syslogLoss)
    }

    /// All that was ever lost, by where it should have gone.
    package var losses: [(log: String, loss: LogLoss)] {
        var losses: [(String, LogLoss)] = []
        if let file, let path = targets.file?.path { losses.append((path, file.lost)) }
        if let standardError { losses.append(("standard error", standardError.lost)) }
        if let syslog = targets.syslog { losses.append(("syslog", syslog.lost)) }
        return losses.filter { !$0.1.isEmpty }
    }

    /// What writes to the log file, and what to standard error.
    package var writers: (file: LogWriter?, error: LogWriter?) { (file, standardError) }

    // MARK: Reopening

    static let reopenMessage = "Reopening log files after receiving SIGHUP"

    /// Opens the file's name anew, writes its first line, then puts it in the place of the old one in one step each.
    /// Where it cannot be opened, the old one stays and gets told why.
    package func reopen() {
        LogTime.reread()
        guard let target = targets.file, let file else { return notice(Self.reopenMessage) }
        do {
            let fresh = try target.open(isFirst: false)
            let record = LogRecord(level: .notice, message: Self.reopenMessage, metadata: [])
            let line = format(record, LogTime.of(.now))
            try attempt(.logFile, "log file \(target.path)") { () throws(Errno) in
                try file.replace(by: fresh.number, first: line, report: fileLoss)
            }
            if holdsStandardStreams { try redirectStandardStreams() }
            standardError?.write(errorIsJournal ? record.journal(identity) : line, report: errorLoss)
            writeSyslog(record, .now)
        } catch {
            warning("\(Self.reopenMessage) failed, keeping the old file: \(error)")
        }
    }

    /// Makes standard output and error the log file, or nothing where there is no file.
    package func redirectStandardStreams() throws(DaemonError) {
        try attempt(.logFile, "cannot redirect standard output and error") { () throws(Errno) in
            if let file { return try Self.redirectStandardStreams(to: file.descriptor) }
            let null = try FileDescriptor.open("/dev/null", .readWrite)
            try Self.redirectStandardStreams(to: null.number)
        }
    }

    private static func redirectStandardStreams(to target: Int32) throws(Errno) {
        for number: Int32 in 1...2 { try Descriptor.duplicate(target, ontoStandard: number) }
    }

    /// JOURNAL_STREAM names the device and inode of the stream that leads to the journal. systemd.exec(5)
    private static func isJournal(_ descriptor: Int32) -> Bool {
        guard let stream = Environment["JOURNAL_STREAM"], let status = try? FileStatus(descriptor: descriptor) else {
            return false
        }
        return stream == "\(status.identity.device):\(status.identity.inode)"
    }
}
