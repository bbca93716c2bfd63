import TestSupport
import Testing
import Text

@Suite("Numbers of seconds", .timeLimit(.minutes(20)))
struct SecondsTests {
    @Test(
        "whole numbers and fractions are read",
        arguments: [
            ("0", .zero), ("1", .seconds(1)), ("007", .seconds(7)), ("+3", .seconds(3)), ("0.5", .milliseconds(500)),
            ("1.25", .milliseconds(1250)), ("0.000000001", .nanoseconds(1)), ("0.0000000019", .nanoseconds(1)),
            ("2.000", .seconds(2)), ("1000000000", .seconds(1_000_000_000)),
            ("0.10000000000000000000000000000000000001", .milliseconds(100)),
        ] as [(String, Duration)])
    func read(text: String, expected: Duration) { #expect(DurationText.parseSeconds(text) == expected) }

    @Test(
        "anything else is refused",
        arguments: [
            "", "-1", "-0", "+", "-", ".", ".5", "5.", "1..2", "1.2.3", "1e3", "0x10", "1_0", "1,5", " 1", "1 ", "1s",
            "nan", "NaN", "inf", "infinity", "1000000001", "99999999999999999999", "9223372036854775808", "++1", "+-1",
            "٣", "１", "1.٣", "1.-5", "1.+5", "1\u{301}", "1.5\u{301}", "0.1234567890x", "1\n",
        ])
    func refused(text: String) { #expect(DurationText.parseSeconds(text) == nil) }

    @Test(
        "they are written without needless digits",
        arguments: [
            (.zero, "0"), (.seconds(3), "3"), (.milliseconds(500), "0.5"), (.milliseconds(1250), "1.25"),
            (.nanoseconds(1), "0.000000001"), (.seconds(1_000_000_000), "1000000000"),
            (Duration(secondsComponent: 1, attosecondsComponent: 5), "1"),
        ] as [(Duration, String)])
    func written(duration: Duration, text: String) { #expect(DurationText.seconds(duration) == text) }

    @Test("what is written is read back")
    func roundTrip() {
        var random = Seeded(7)
        for _ in 0..<2000 {
            let time = Duration.nanoseconds(Int64.random(in: 0...1_000_000_000_000, using: &random))
            #expect(DurationText.parseSeconds(DurationText.seconds(time)) == time)
        }
    }
}
