import TestSupport
import Testing
import Unix

@Suite("Numbers from outside", .timeLimit(.minutes(20)))
struct SaturatingTests {
    /// Where overflows begin, and what lies between.
    private static let numbers: [Int64] = [
        .min, .min + 1, .min / 2, -1_000_000_000, -2, -1, 0, 1, 2, 3, 1_000_000_000, 1 << 32, .max / 2, .max - 1, .max,
    ]

    @Test("Sums, differences and products are right, or the nearest number that there is")
    func operations() {
        for left in Self.numbers {
            for right in Self.numbers {
                let (a, b) = (Int128(left), Int128(right))
                #expect(left.addingSaturated(right) == Int64(clamping: a + b), "\(left) + \(right)")
                #expect(left.subtractingSaturated(right) == Int64(clamping: a - b), "\(left) - \(right)")
                #expect(left.multipliedSaturated(by: right) == Int64(clamping: a * b), "\(left) * \(right)")
            }
        }
        #expect(UInt64(1).subtractingSaturated(2) == 0 && UInt64.max.addingSaturated(1) == .max)
    }

    @Test("No duration and no moment is too long to be counted")
    func durations() {
        let ages: [Duration] = [
            .seconds(Int64.max) + .seconds(Int64.max), .seconds(Int64.max), .nanoseconds(Int64.max),
        ]
        for age in ages { #expect(age.inNanoseconds == .max && (.zero - age).inNanoseconds <= -Int64.max) }
        #expect(Duration.seconds(-1).inNanoseconds == -1_000_000_000)
        let latest = MonotonicTime(nanoseconds: .max)
        #expect((latest + .seconds(Int64.max)).nanoseconds == .max)
        #expect(MonotonicTime(nanoseconds: .min) - latest == .nanoseconds(Int64.min))
        #expect((latest - .now).pollMilliseconds == .max)
    }

    @Test("Ticks of a clock are seconds and nanoseconds, however many")
    func ticks() {
        #expect(Duration(ticks: 250, perSecond: 100) == .milliseconds(2500))
        // 1,067 days of one processor, and the machine's 2.93 years: here multiplying first overflowed.
        #expect(Duration(ticks: 1067 * 86_400 * 100, perSecond: 100) == .seconds(1067 * 86_400))
        #expect(Duration(ticks: 92_400_000 * 100 + 1, perSecond: 100) == .seconds(92_400_000) + .milliseconds(10))
        for rate in [Int64.min, -1, 0, 1, 100, .max] {
            for ticks in Self.numbers { #expect(Duration(ticks: ticks, perSecond: rate) >= .zero) }
        }
    }
}
