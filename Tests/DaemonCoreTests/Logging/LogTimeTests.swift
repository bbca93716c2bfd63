import Testing
import Unix

@testable import DaemonCore

/// The time zone belongs to the process, so each test has one of its own.
@Suite("LogTime", .timeLimit(.minutes(20)))
struct LogTimeTests {
    private static func use(zone: String) {
        setenv("TZ", zone, 1)
        tzset()
    }

    private static func text(_ seconds: Int64, _ microseconds: Int32 = 0) -> String {
        let time = LogTime.of(WallTime(seconds: seconds, microseconds: microseconds))
        return String(decoding: time.date + time.zone + time.offset, as: UTF8.self)
    }

    @Test(
        "no clock makes a record fall",
        arguments: [Int64.min, -1 << 40, -2_177_452_800, 0, 4_294_967_296, 1 << 56, .max])
    func anyClock(seconds: Int64) {
        let wall = WallTime(seconds: seconds, microseconds: 999_999)
        let record = LogRecord(level: .info, message: "x")
        let time = LogTime.of(wall)
        #expect(record.text(time, []).last == 0x0A && record.json(time, name: "d", pid: 1).last == 0x0A)
        #expect(!record.syslog(wall, name: "d", pid: 1).isEmpty)
    }

    @Test("the date changes with the second")
    func secondChange() async {
        await #expect(processExitsWith: .success) {
            Self.use(zone: "UTC0")
            #expect(Self.text(1_735_689_599, 999_999) == "2024-12-31 23:59:59 UTC: Z")
            #expect(Self.text(1_735_689_600, 0) == "2025-01-01 00:00:00 UTC: Z")
            #expect(Self.text(1_735_689_599, 1) == "2024-12-31 23:59:59 UTC: Z")  // a clock that was set back
        }
    }

    @Test("within a second only the microseconds change")
    func withinSecond() {
        let (first, second) = (
            LogTime.of(WallTime(seconds: 5, microseconds: 1)), LogTime.of(WallTime(seconds: 5, microseconds: 999_999))
        )
        #expect(first.date == second.date && first.zone == second.zone && first.offset == second.offset)
        #expect(first.microseconds == 1 && second.microseconds == 999_999)
    }

    @Test(
        "zones east and west of Greenwich have their name and their offset",
        arguments: [
            ("UTC0", "1970-01-02 00:00:00 UTC: Z"), ("GMT0", "1970-01-02 00:00:00 GMT: Z"),
            ("CET-1", "1970-01-02 01:00:00 CET: +01:00"), ("EST5", "1970-01-01 19:00:00 EST: -05:00"),
            ("<-0330>3:30", "1970-01-01 20:30:00 -0330: -03:30"), ("<+0545>-5:45", "1970-01-02 05:45:00 +0545: +05:45"),
            ("<+14>-14", "1970-01-02 14:00:00 +14: +14:00"),
        ])
    func zones(zone: String, text: String) async {
        await #expect(processExitsWith: .success) { [zone = zone as String, text = text as String] in
            Self.use(zone: zone)
            #expect(Self.text(86400) == text)
        }
    }

    @Test("summer time comes and goes at its second")
    func summerTime() async {
        await #expect(processExitsWith: .success) {
            Self.use(zone: "CET-1CEST,M3.5.0,M10.5.0/3")
            #expect(Self.text(1_711_846_799) == "2024-03-31 01:59:59 CET: +01:00")
            #expect(Self.text(1_711_846_800) == "2024-03-31 03:00:00 CEST: +02:00")
            #expect(Self.text(1_729_990_799) == "2024-10-27 02:59:59 CEST: +02:00")
            #expect(Self.text(1_729_990_800) == "2024-10-27 02:00:00 CET: +01:00")
        }
    }

    @Test("before 1970 and far ahead the date still has its form")
    func farAway() async {
        await #expect(processExitsWith: .success) {
            Self.use(zone: "UTC0")
            #expect(Self.text(-1) == "1969-12-31 23:59:59 UTC: Z")
            #expect(Self.text(-62_135_596_800) == "0001-01-01 00:00:00 UTC: Z")
            #expect(Self.text(253_402_300_799) == "9999-12-31 23:59:59 UTC: Z")
        }
    }
}
