/// Numeric addresses as text, as inet_pton(3) reads them: RFC 4291, without a zone.
package enum IPText {
    /// A dotted quad, each number without zeros before it.
    package static func ipv4(_ text: some Collection<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard part.count == 1 || part.count <= 3 && part.first != UInt8(ascii: "0"),
                let number = DecimalText.parse(String(decoding: part, as: UTF8.self), in: 0...UInt8.max)
            else { return nil }
            address = address << 8 | UInt32(number)  // bounded: a wider type
        }
        return address
    }

    /// Eight words, of which `::` stands for one zero or more; the last two may be a dotted quad.
    package static func ipv6(_ text: some BidirectionalCollection<UInt8>) -> (high: UInt64, low: UInt64)? {
        let colon = UInt8(ascii: ":")
        var parts = text.split(separator: colon, maxSplits: 9, omittingEmptySubsequences: false).map { Array($0) }
        guard parts.count >= 3 else { return nil }
        // A colon at an end is one of two.
        if parts[0].isEmpty {  // bounded: three at least
            guard parts[1].isEmpty else { return nil }  // bounded: three at least
            parts.removeFirst()
        }
        if let last = parts.last, last.isEmpty {
            guard parts.count >= 2, parts[parts.count - 2].isEmpty else { return nil }  // bounded: two at least
            parts.removeLast()
        }
        var words: [UInt16] = []
        var gap: Int?
        for (index, part) in parts.enumerated() {
            if part.isEmpty {
                guard gap == nil else { return nil }
                gap = words.count
            } else if index == parts.count - 1, let quad = ipv4(part) {  // bounded: there is one
                words += [UInt16(quad >> 16), UInt16(truncatingIfNeeded: quad)]  // bounded: 16 bits are left
            } else if let word = word(part) {
                words.append(word)
            } else {
                return nil
            }
        }
        guard words.count <= (gap == nil ? 8 : 7) else { return nil }
        // bounded: seven at the most
        if let gap { words.insert(contentsOf: Array(repeating: 0, count: 8 - words.count), at: gap) }
        guard words.count == 8 else { return nil }
        return (half(words[..<4]), half(words[4...]))  // bounded: there are eight
    }

    private static func half(_ words: ArraySlice<UInt16>) -> UInt64 {
        words.reduce(0) { $0 << 16 | UInt64($1) }  // bounded: a wider type
    }

    /// One to four hexadecimal digits.
    private static func word(_ digits: [UInt8]) -> UInt16? {
        guard (1...4).contains(digits.count) else { return nil }
        var word: UInt16 = 0
        for digit in digits {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit & 0x0F
            case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
                value = (digit & 0x0F).advanced(by: 9)
            default: return nil
            }
            word = word << 4 | UInt16(value)  // bounded: a wider type
        }
        return word
    }
}
