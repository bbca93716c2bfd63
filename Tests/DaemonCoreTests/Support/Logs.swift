import Unix

@testable import DaemonCore

extension Log {
    /// A log into a file of this name, as the daemon `testd` would have it.
    static func testing(
        _ path: String, level: LogLevel = .debug, format: Format = .text
    ) throws -> Log {
        try Log(
            name: "testd", level: level, format: format, targets: Targets(file: LogFile(path: path)),
            holdsStandardStreams: false)
    }
}

extension LogRecord {
    init(_ message: String, _ metadata: [(key: String, value: String)] = [], level: LogLevel = .info) {
        self.init(level: level, message: message, metadata: metadata)
    }

    /// The text line with a name and a pid that do not change.
    func line() -> String {
        String(
            decoding: text(.of(WallTime(seconds: 86400, microseconds: 1)), Array("testd pid=42 ".utf8)), as: UTF8.self)
    }
}
