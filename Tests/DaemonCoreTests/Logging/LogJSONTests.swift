import Foundation
import Testing
import Unix

@testable import DaemonCore

@Suite("JSON log records", .timeLimit(.minutes(20)))
struct LogJSONTests {
    private func object(_ line: [UInt8]) throws -> [String: Any] {
        #expect(line.last == UInt8(ascii: "\n"))
        return try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
    }

    @Test("any message and metadata come back from another parser as they were", arguments: 1...4)
    func roundTrip(seed: UInt64) throws {
        var random = Seeded(seed)
        let time = LogTime.of(WallTime(seconds: 0, microseconds: 0))
        for round in 0..<5000 {
            let (message, value) = (LogEscapingTests.message(&random), LogEscapingTests.message(&random))
            let key = "k" + LogEscapingTests.message(&random)
            let read = try object(LogRecord(message, [(key, value)]).json(time, name: "testd", pid: 42))
            let metadata = read["metadata"] as? [String: String]
            // Scalars: as strings, different ones may be equal.
            let isSame =
                (read["message"] as? String).map { Array($0.unicodeScalars) } == Array(message.unicodeScalars)
                && metadata?.first.map { Array($0.key.unicodeScalars) } == Array(key.unicodeScalars)
                && metadata?.first.map { Array($0.value.unicodeScalars) } == Array(value.unicodeScalars)
            if !isSame { Issue.record("seed \(seed), round \(round): \(message.unicodeScalars.map(\.value))") }
        }
    }

    @Test("a record has level, name, pid and message, and metadata only where there is some")
    func fields() throws {
        let record = LogRecord("hello", level: .critical)
        let read = try object(record.json(.of(.now), name: "te\"st", pid: 42))
        #expect(read["level"] as? String == "CRITICAL" && read["name"] as? String == "te\"st")
        #expect(read["pid"] as? Int == 42 && read["message"] as? String == "hello")
        #expect(Set(read.keys) == ["time", "level", "name", "pid", "message"])
    }

    @Test("the time is RFC 3339's, and the very moment")
    func time() async {
        await #expect(processExitsWith: .success) {
            let shape = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)/
            let reader = ISO8601DateFormatter()
            reader.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
            for zone in ["UTC0", "CET-1", "<-0330>3:30", "<+1345>-13:45", "EST5"] {
                setenv("TZ", zone, 1)
                tzset()
                for seconds: Int64 in [951_782_399, 951_868_800, 1_711_846_800] {
                    // Each moment once: LogTime keeps the last second's text.
                    let moment = seconds + Int64(zone.utf8.count)
                    let line = LogRecord("x").json(
                        .of(WallTime(seconds: moment, microseconds: 250_000)), name: "t", pid: 1)
                    let read = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
                    let text = try #require(read?["time"] as? String)
                    #expect(text.wholeMatch(of: shape) != nil)
                    let date = try #require(reader.date(from: text))
                    #expect(abs(date.timeIntervalSince1970 - Double(moment) - 0.25) < 0.01)
                }
            }
        }
    }
}
