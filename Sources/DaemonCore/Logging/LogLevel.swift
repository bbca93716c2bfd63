/// The severities of syslog(3), lowest first, and one below them all.
public enum LogLevel: Int, Sendable, Comparable, CaseIterable {
    /// More than anybody reads, for the author; debug's severity in the journal.
    case trace
    case debug, info, notice, warning, error, critical, alert, emergency

    public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }

    /// `TRACE` … `EMERGENCY`, as it stands in a log line.
    public var name: String {
        switch self {
        case .trace: "TRACE"
        case .debug: "DEBUG"
        case .info: "INFO"
        case .notice: "NOTICE"
        case .warning: "WARNING"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        case .alert: "ALERT"
        case .emergency: "EMERGENCY"
        }
    }

    /// The level of this name, in letters of any case.
    package init?(name: String) {
        guard let level = Self.allCases.first(where: { $0.name == name.uppercased() }) else { return nil }
        self = level
    }

    /// syslog's number: 7 for debug and trace, 0 for emergency.
    var severity: Int { min(7, 8 - rawValue) }
}
