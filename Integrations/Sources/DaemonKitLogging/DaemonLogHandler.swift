public import DaemonKit
public import Logging

/// swift-log's records in the daemon's log: one line each, reopened with it, as text or JSON as `--log-format` says.
///
/// The level is the log's own, also after `set log level` of the control socket or `--debug`, until somebody sets
/// `logLevel`; from then on that one counts for this logger. The label and the metadata are fields of the record.
public struct DaemonLogHandler: LogHandler {
    private let log: Log
    private let label: String
    private var ownLevel: Logger.Level?
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    public init(_ log: Log, label: String, metadataProvider: Logger.MetadataProvider? = nil) {
        self.log = log
        self.label = label
        self.metadataProvider = metadataProvider
    }

    public var logLevel: Logger.Level {
        get { ownLevel ?? Logger.Level(log.level) }
        set { ownLevel = newValue }
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        // The logger has compared the levels already.
        log.record(LogLevel(event.level), "\(event.message)", metadata: fields(of: event))
    }

    /// The label first, then what was said nearer to the event over what was said further from it, in the keys' order.
    private func fields(of event: LogEvent) -> [(key: String, value: String)] {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let error = event.error { all["error"] = "\(error)" }
        if let given = event.metadata { all.merge(given) { $1 } }
        return [(key: "label", value: label)]
            + all.sorted { $0.key < $1.key }.map { (key: $0.key, value: "\($0.value)") }
    }
}

extension Context {
    /// Makes the daemon's log the place where every `Logger` of this process writes, those of libraries too. Call it
    /// once: in `prepare`, or first in main. Loggers that were made before keep writing to standard error, which is the
    /// log file as well, but as bare lines.
    public func bootstrapLogging(metadataProvider: Logger.MetadataProvider? = nil) {
        let log = log
        LoggingSystem.bootstrap(
            { label, provider in DaemonLogHandler(log, label: label, metadataProvider: provider) },
            metadataProvider: metadataProvider)
    }

    /// A logger that writes to the daemon's log whether swift-log was bootstrapped or not.
    public func logger(_ label: String? = nil) -> Logger {
        let log = log
        return Logger(label: label ?? daemon.name) { DaemonLogHandler(log, label: $0) }
    }
}
