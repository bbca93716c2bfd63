import Testing
import Unix

@testable import DaemonCore

@Suite("Forms of a log record", .timeLimit(.minutes(20)))
struct LogRecordTests {
    private static let identity = Array("testd pid=42 ".utf8)

    private static func string(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("a text line has date, microseconds, zone, name, pid, level and message, each at its place")
    func text() {
        #expect(
            LogRecord("hello world").line().wholeMatch(
                of: /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,000001 [A-Z0-9+-]+: testd pid=42 INFO hello world\n/) != nil)
    }

    @Test("in UTC the line is known to the last byte")
    func exact() async {
        await #expect(processExitsWith: .success) {
            setenv("TZ", "UTC", 1)
            tzset()
            let wall = WallTime(seconds: 951_782_400, microseconds: 7)
            let (record, time) = (LogRecord("hello", [("key", "value")], level: .notice), LogTime.of(wall))
            #expect(
                Self.string(record.text(time, Self.identity))
                    == "2000-02-29 00:00:00,000007 UTC: testd pid=42 NOTICE hello key=value\n")
            #expect(
                Self.string(record.json(time, name: "testd", pid: 42))
                    == #"{"time":"2000-02-29T00:00:00.000007Z","level":"NOTICE","name":"testd","pid":42,"message":"hello","metadata":{"key":"value"}}"#
                    + "\n")
            #expect(
                Self.string(record.syslog(wall, name: "testd", pid: 42))
                    == "<29>Feb 29 00:00:00 testd[42]: hello key=value")
        }
    }

    @Test("every level has its name", arguments: LogLevel.allCases)
    func levels(level: LogLevel) {
        #expect(LogRecord("x", level: level).line().hasSuffix(" testd pid=42 \(level.name) x\n"))
        #expect(level.name == "\(level)".uppercased())
    }

    @Test("levels are ordered by how grave they are")
    func order() {
        #expect(LogLevel.allCases.sorted() == LogLevel.allCases)
        #expect(LogLevel.trace < .debug && LogLevel.debug < .info && LogLevel.alert < .emergency)
    }

    @Test(
        "the journal's prefix and syslog's priority are those of syslog(3)",
        arguments: zip(LogLevel.allCases, [7, 7, 6, 5, 4, 3, 2, 1, 0]))
    func priorities(level: LogLevel, severity: Int) {
        let record = LogRecord("hello", level: level)
        #expect(Self.string(record.journal(Self.identity)) == "<\(severity)>testd pid=42 \(level.name) hello\n")
        let syslog = Self.string(record.syslog(.now, name: "testd", pid: 42))
        #expect(syslog.hasPrefix("<\(24 + severity)>") && syslog.hasSuffix(" testd[42]: hello"))
    }

    @Test("a syslog record's day has two places, and the record no newline")
    func syslogForm() {
        for day in 0..<40 {
            let wall = WallTime(seconds: Int64(day) * 86400 + 43200, microseconds: 0)
            let syslog = Self.string(LogRecord("x\ny").syslog(wall, name: "testd", pid: 42))
            #expect(
                syslog.wholeMatch(of: /<30>(Jan|Feb) ([ 1-3][0-9]) \d\d:\d\d:\d\d testd\[42\]: x\\ny/) != nil,
                "\(syslog)")
        }
    }

    @Test("metadata follows the message in the order in which it was given")
    func metadata() {
        let record = LogRecord("done", [("b", "2"), ("a", "1 2"), ("c", "")])
        #expect(record.line().hasSuffix(" INFO done b=2 a=1 2 c=\n"))
    }

    @Test("an empty message is a line all the same")
    func emptyMessage() { #expect(LogRecord("").line().hasSuffix(" testd pid=42 INFO \n")) }
}
