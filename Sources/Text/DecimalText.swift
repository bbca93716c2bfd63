/// Whole numbers as text: ASCII digits only, where Swift's own initializers take other scripts' digits and a plus sign.
package enum DecimalText {
    package static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// At least one digit, and nothing else.
    package static func isDigits(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isDigit)
    }

    /// Digits, with one minus sign before them at most.
    package static func isWhole(_ text: some StringProtocol) -> Bool {
        text.utf8.first == UInt8(ascii: "-")
            ? isDigits(text[text.utf8.index(after: text.startIndex)...]) : isDigits(text)
    }

    /// The number; nil where the text is none, or it does not lie within the range. A sign is read only where the range
    /// has negative numbers.
    package static func parse<Number: FixedWidthInteger>(
        _ text: some StringProtocol, in range: ClosedRange<Number>
    ) -> Number? {
        // bounded: the initializer is nil for what does not fit
        guard range.lowerBound < 0 ? isWhole(text) : isDigits(text), let number = Number(text), range.contains(number)
        else { return nil }
        return number
    }

    /// `12.3`; what is no number is 0: the difference of two values of a daemon's may be.
    package static func tenths(_ value: Double) -> String {
        let tenths = value.isNaN ? 0 : Int(min(max(value, 0), 1e15) * 10 + 0.5)  // bounded: 1e15 at the most
        return "\(tenths / 10).\(tenths % 10)"
    }
}
