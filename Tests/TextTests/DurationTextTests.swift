import TestSupport
import Testing
import Text

@Suite("Duration texts", .timeLimit(.minutes(20)))
struct DurationTextTests {
    @Test(
        "every unit is read",
        arguments: [
            ("0", .zero), ("90", .seconds(90)), ("90s", .seconds(90)), ("250ms", .milliseconds(250)),
            ("5m", .seconds(300)),
            ("2h", .seconds(7200)), ("007s", .seconds(7)), ("7d", .seconds(604_800)), ("5us", .microseconds(5)),
            ("1000000000s", .seconds(1_000_000_000)), ("277777h", .seconds(999_997_200)),
        ] as [(String, Duration)])
    func read(text: String, expected: Duration) { #expect(DurationText.parse(text, withoutUnit: .seconds) == expected) }

    @Test(
        "anything else is no time",
        arguments: [
            "", "s", "ms", "-1", "-1s", "+1s", "1.5s", "1,5", "1 s", " 1s", "1s ", "1S", "1min", "1h30m", "0x5",
            "1000000001", "277778h", "11575d", "1000000000000001us", "9223372036854775807d", "99999999999999999999s",
            "٩s", "９",
        ])
    func refused(text: String) { #expect(DurationText.parse(text, withoutUnit: .seconds) == nil) }

    @Test(
        "they are written in the largest unit that needs no fraction",
        arguments: [
            (.zero, "0s"), (.seconds(90), "90s"), (.milliseconds(250), "250ms"), (.milliseconds(1500), "1500ms"),
            (.milliseconds(2000), "2s"), (.seconds(120), "2m"), (.seconds(7200), "2h"),
            (.seconds(86400), "1d"), (.microseconds(1), "1us"), (.nanoseconds(1500), "1us"),
            (.seconds(-90), "-90s"),
        ] as [(Duration, String)])
    func written(duration: Duration, text: String) { #expect(DurationText.text(duration) == text) }

    @Test("what is written is read back")
    func roundTrip() {
        var random = Seeded(90)
        for _ in 0..<1000 {
            let time = Duration.milliseconds(Int64.random(in: 0...100_000_000, using: &random))
            #expect(DurationText.parse(DurationText.text(time)) == time)
        }
    }

    @Test("less than a millisecond is not written as nothing")
    func tiny() {
        #expect(DurationText.text(.microseconds(500)) != "0ms")
    }

    @Test("a number without a unit is refused where nobody says what it means", arguments: ["0", "5", "007"])
    func withoutUnit(text: String) { #expect(DurationText.parse(text) == nil) }

    @Test("the longest durations of all are written too")
    func longest() {
        #expect(DurationText.text(.seconds(Int64.max)) == "9223372036854775807us")
        #expect(DurationText.text(.seconds(Int64.min)) == "-9223372036854775807us")
    }
}
