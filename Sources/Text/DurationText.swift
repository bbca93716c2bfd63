/// Durations as text: the one grammar of options, configurations and control lines.
package enum DurationText {
    /// How long a duration is that says no unit.
    package enum Unit: Int64 {
        case microseconds = 1
        case milliseconds = 1000
        case seconds = 1_000_000
        case minutes = 60_000_000
        case hours = 3_600_000_000
        case days = 86_400_000_000
    }

    /// In seconds, about 31 years: no sum of a few of these overflows, in nanoseconds either.
    package static let longest: Int64 = 1_000_000_000

    /// From the largest to the smallest.
    private static let units: [(name: String, unit: Unit)] = [
        ("d", .days), ("h", .hours), ("m", .minutes), ("s", .seconds), ("ms", .milliseconds), ("us", .microseconds),
    ]

    /// `250ms`, `30s`, `2h`, `7d`; nil for anything else, or what is longer than `longest`.
    ///
    /// A number without a unit is refused unless the caller names one: HAProxy takes it for milliseconds, most others
    /// for seconds.
    package static func parse(_ text: String, withoutUnit unit: Unit? = nil) -> Duration? {
        let digits = text.utf8.prefix(while: DecimalText.isDigit)
        let name = text[digits.endIndex...]
        guard let size = name.isEmpty ? unit : units.first(where: { $0.name == name })?.unit,
            let number = DecimalText.parse(text[..<digits.endIndex], in: 0...Int64.max)
        else { return nil }
        let (microseconds, overflow) = number.multipliedReportingOverflow(by: size.rawValue)
        guard !overflow, microseconds <= longest * Unit.seconds.rawValue else { return nil }  // bounded: two constants
        return .microseconds(microseconds)
    }

    /// In the largest unit that needs no fraction; what is finer than a microsecond is cut off.
    package static func text(_ duration: Duration) -> String {
        let time = microseconds(duration)
        // bounded: the units are constants, none of them 0
        let unit = units.first { time != 0 && time % $0.unit.rawValue == 0 } ?? ("s", .seconds)
        return "\(time / unit.unit.rawValue)\(unit.name)"  // bounded: the units are constants, none of them 0
    }

    private static func microseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = limited(duration).components
        // bounded: `limited`
        return seconds * Unit.seconds.rawValue + attoseconds / 1_000_000_000_000
    }

    /// Within what an Int64 of microseconds holds.
    private static func limited(_ duration: Duration) -> Duration {
        let most = Duration.microseconds(Int64.max)
        return min(max(duration, .zero - most), most)  // bounded: a constant
    }
}

/// Numbers of seconds with a fraction and without a unit, as Server::Starter's options and variables have them.
extension DurationText {
    /// `5`, `+5`, `0.25`; nil for anything else, or what is longer than `longest`. What is finer than a nanosecond is cut
    /// off.
    package static func parseSeconds(_ text: String) -> Duration? {
        let unsigned = text.utf8.first == UInt8(ascii: "+") ? text.dropFirst() : text[...]
        let parts = unsigned.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        // bounded: two constants
        guard let whole = parts.first, let seconds = DecimalText.parse(whole, in: 0...longest) else { return nil }
        guard parts.count == 2 else { return .seconds(seconds) }
        guard DecimalText.isDigits(parts[1]) else { return nil }
        let fraction = parts[1].prefix(9)
        let digits = fraction + String(repeating: "0", count: 9 - fraction.count)  // bounded: nine at the most
        // bounded: a Duration counts 5 000 000 000 000 years
        return .seconds(seconds) + .nanoseconds(DecimalText.parse(digits, in: 0...Int64.max) ?? 0)
    }

    /// `5`, `0.25`: what `parseSeconds` reads back.
    package static func seconds(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        guard attoseconds != 0 else { return String(seconds) }
        // bounded: less than a second
        var digits = String(attoseconds / 1_000_000_000 + 1_000_000_000).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return digits.isEmpty ? String(seconds) : "\(seconds).\(digits)"
    }
}
