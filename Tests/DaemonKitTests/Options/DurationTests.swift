import Testing

@testable import DaemonKit

@Suite("Duration texts")
struct DurationTests {
    @Test(
        "seconds, milliseconds, minutes and hours are read",
        arguments: [
            ("0", .zero), ("90", .seconds(90)), ("90s", .seconds(90)), ("250ms", .milliseconds(250)),
            ("5m", .seconds(300)),
            ("2h", .seconds(7200)), ("007s", .seconds(7)), ("1000000000h", .seconds(3_600_000_000_000)),
        ] as [(String, Duration)])
    func read(text: String, expected: Duration) { #expect(duration(text) == expected) }

    @Test(
        "anything else is no time",
        arguments: [
            "", "s", "ms", "-1", "-1s", "+1s", "1.5s", "1,5", "1 s", " 1s", "1s ", "1S", "1min", "1d", "1h30m", "0x5",
            "1000000001", "99999999999999999999s", "٩s", "９",
        ])
    func refused(text: String) { #expect(duration(text) == nil) }

    @Test(
        "they are written in whole seconds, else in milliseconds",
        arguments: [
            (.zero, "0s"), (.seconds(90), "90s"), (.milliseconds(250), "250ms"), (.milliseconds(1500), "1500ms"),
            (.milliseconds(2000), "2s"), (.seconds(86400), "86400s"),
        ] as [(Duration, String)])
    func written(duration: Duration, text: String) { #expect(durationText(duration) == text) }

    @Test("what is written is read back")
    func roundTrip() {
        var random = Seeded(90)
        for _ in 0..<1000 {
            let time = Duration.milliseconds(Int64.random(in: 0...100_000_000, using: &random))
            #expect(duration(durationText(time)) == time)
        }
    }

    @Test("less than a millisecond is not written as nothing")
    func tiny() {
        #expect(durationText(.microseconds(500)) != "0ms")
    }
}
