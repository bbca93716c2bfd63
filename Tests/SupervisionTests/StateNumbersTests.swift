import Supervision
import Testing

@Suite(.timeLimit(.minutes(20))) struct StateNumbersTests {
    @Test(arguments: ["9223372036854775807", "-9223372036854775808", "2305843009213693953"])
    func noNumberOfAStateIsSoLargeThatCountingOnOverflows(text: String) throws {
        var record = StateRecord("r")
        for key in ["number", "numbers", "duration", "instant"] { record[key] = text }
        let number = try #require(record[number: "number"])
        #expect(abs(number) == 1 << 61)
        #expect(record[numbers: "numbers"] == [number])
        #expect(record[duration: "duration"] == .nanoseconds(number))
    }

    @Test func whatIsNoNumberIsNone() {
        var record = StateRecord("r")
        for text in ["99999999999999999999", "x", "", "1.5", "0x1"] {
            record["number"] = text
            #expect(record[number: "number"] == nil && record[duration: "number"] == nil)
        }
    }

    @Test func durationsOfAnyLengthAreWholeNanoseconds() {
        #expect((Duration.seconds(Int64.max) + .seconds(Int64.max)).wholeNanoseconds == .max)
        #expect(Duration.seconds(Int64.min).wholeNanoseconds == .min)
        #expect((Instant(nanoseconds: .min) + .nanoseconds(-1)).nanoseconds == .min)
    }
}
