public import DaemonKit
public import Logging

extension LogLevel {
    /// The severity of syslog(3) that stands for swift-log's level.
    public init(_ level: Logger.Level) {
        self =
            switch level {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            case .critical: .critical
            }
    }
}

extension Logger.Level {
    /// swift-log's level for the severity of syslog(3), which has two more above `critical`.
    public init(_ level: LogLevel) {
        self =
            switch level {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            case .critical, .alert, .emergency: .critical
            }
    }
}
