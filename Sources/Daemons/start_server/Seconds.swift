/// Durations as the command line and the environment write them: seconds, with a fraction where wanted.
enum Seconds {
    /// About 31 years: no sum of two of these overflows, in whatever unit.
    private static let longest: Int64 = 1_000_000_000

    /// `5`, `+5`, `0.25`; nil for anything else. What is finer than a nanosecond is cut off.
    static func parse(_ text: String) -> Duration? {
        var rest = Array(text.utf8)[...]
        if rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        let parts = rest.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        // bounded: a split that keeps what is empty has a first part
        guard let whole = number(parts[0]), whole <= longest else { return nil }
        guard parts.count == 2 else { return .seconds(whole) }
        guard number(parts[1].prefix(9)) != nil, parts[1].allSatisfy(isDigit) else { return nil }
        let digits = parts[1].prefix(9) + repeatElement(UInt8(ascii: "0"), count: max(0, 9 - parts[1].count))
        // bounded: a Duration counts 5 000 000 000 000 years
        return .seconds(whole) + .nanoseconds(number(digits) ?? 0)
    }

    /// `5`, `0.25`: what `parse` reads back.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        guard attoseconds != 0 else { return String(seconds) }
        // bounded: less than a second
        var digits = Array(String(attoseconds / 1_000_000_000 + 1_000_000_000).utf8.dropFirst())
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return digits.isEmpty ? String(seconds) : "\(seconds).\(String(decoding: digits, as: UTF8.self))"
    }

    /// ASCII digits only, which `Int64(_:)` alone would not ask for; nil when there is none, or too many.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard !digits.isEmpty, digits.allSatisfy(isDigit) else { return nil }
        return Int64(String(decoding: digits, as: UTF8.self))  // bounded: nine digits, or compared at once
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
