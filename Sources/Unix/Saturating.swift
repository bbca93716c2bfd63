/// Arithmetic on numbers that came from outside. What does not fit becomes the nearest number that does: Swift's own
/// operators trap, and a trap in a master is the end of all its children.
extension FixedWidthInteger {
    package func addingSaturated(_ other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    package func subtractingSaturated(_ other: Self) -> Self {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }

    package func multipliedSaturated(by other: Self) -> Self {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
    }
}

extension Duration {
    /// So many of these in a second: of `ticks` of a clock that counts `perSecond` of them.
    package init(ticks: Int64, perSecond: Int64) {
        let rate = max(1, perSecond)
        // bounded: by 1 or more, of two numbers that are not negative
        let (seconds, rest) = max(0, ticks).quotientAndRemainder(dividingBy: rate)
        // bounded: the rest is less than the rate, so that the quotient is less than a second
        let nanoseconds = rest.multipliedSaturated(by: 1_000_000_000) / rate
        self = .nanoseconds(seconds.multipliedSaturated(by: 1_000_000_000).addingSaturated(nanoseconds))
    }

    /// Saturates at 292 years.
    package var inNanoseconds: Int64 {
        // What follows traps on more seconds than an Int64 holds.
        if self >= .nanoseconds(Int64.max) { return .max }
        if self <= .nanoseconds(Int64.min) { return .min }
        let (seconds, attoseconds) = components
        return seconds.multipliedSaturated(by: 1_000_000_000).addingSaturated(attoseconds / 1_000_000_000)
    }
}
