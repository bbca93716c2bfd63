import Unix

/// Times in HAProxy's units. A number without one is refused: HAProxy takes it for milliseconds, most others for seconds.
package enum TimeText {
    private static let units: [(name: String, microseconds: Int64)] = [
        ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1000), ("us", 1),
    ]

    /// 10000 days, to which every clock here can count.
    private static let longest: Int64 = 10_000 * 86_400_000_000

    /// `100ms`, `30s`, `2h`; nil for what is none, or too long.
    package static func parse(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text[digits.endIndex...]
        // bounded: the next line, by a table without zeros
        guard let size = units.first(where: { $0.name == unit })?.microseconds, let number = Int64(digits),
            number <= longest / size  // bounded: the next line, by a table without zeros
        else { return nil }
        return .microseconds(number.multipliedSaturated(by: size))
    }

    /// In the largest unit that needs no fraction.
    package static func text(_ time: Duration) -> String {
        let microseconds = time.inNanoseconds / 1000
        // bounded: a table without zeros
        let unit = units.first { microseconds != 0 && microseconds % $0.microseconds == 0 } ?? ("s", 1_000_000)
        return "\(microseconds / unit.microseconds)\(unit.name)"  // bounded: a table without zeros
    }
}
