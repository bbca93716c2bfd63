/// Lines as bytes, which the log makes without a String for each field.
extension [UInt8] {
    /// Decimal, with zeros before it.
    package mutating func appendDigits(_ number: Int, width: Int) {
        let start = count
        for _ in 0..<width { append(UInt8(ascii: "0")) }  // bounded: a width that the code names
        var (index, rest) = (start + width - 1, UInt32(truncatingIfNeeded: number))
        while rest > 0, index >= start {
            self[index] &+= UInt8(truncatingIfNeeded: rest % 10)  // bounded: a width that the code names
            rest /= 10
            index -= 1
        }
    }

    /// The text with whatever `VisibleText` hides written out, so that no message can forge a line or steer a terminal.
    package mutating func appendEscaped(_ text: String) {
        let start = count
        append(contentsOf: text.utf8)
        guard mayNeedEscapes(from: start) else { return }
        removeSubrange(start...)  // bounded: `start` was the length
        for scalar in text.unicodeScalars { appendEscaped(scalar) }
    }

    mutating func appendEscaped(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x0A: append(contentsOf: "\\n".utf8)
        case 0x0D: append(contentsOf: "\\r".utf8)
        case 0x09: append(contentsOf: "\\t".utf8)
        case 0..<0x20, 0x7F..<0xA0: append(contentsOf: "\\x\(hex(scalar.value, width: 2))".utf8)
        case 0..<0x1_0000 where VisibleText.isHidden(scalar):
            append(contentsOf: "\\u\(hex(scalar.value, width: 4))".utf8)
        case _ where VisibleText.isHidden(scalar):
            append(contentsOf: "\\U\(hex(scalar.value, width: 8))".utf8)
        default: append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }

    /// Whether a byte from `start` on belongs to a control character, or begins one. Plain ASCII passes eight at a time.
    private func mayNeedEscapes(from start: Int) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops = ones << 7
        return unsafe withUnsafeBytes { bytes in
            var index = start
            while index + 8 <= bytes.count {
                // bounded: the loop ends 8 before the end
                let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                // Per byte: below 0x20, 0x7F, or not ASCII.
                let isDelete = word ^ (ones &* 0x7F)
                if ((word &- ones &* 0x20) | (isDelete &- ones) | word) & tops != 0 { break }
                index += 8
            }
            return unsafe bytes[index...].contains(where: VisibleText.mayBeHidden)
        }
    }

    /// A JSON string with its quotes. RFC 8259; what `VisibleText` hides is escaped too.
    package mutating func appendJSON(_ text: String) {
        append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: append(contentsOf: "\\\"".utf8)
            case 0x5C: append(contentsOf: "\\\\".utf8)
            case 0x0A: append(contentsOf: "\\n".utf8)
            case 0x0D: append(contentsOf: "\\r".utf8)
            case 0x09: append(contentsOf: "\\t".utf8)
            case _ where VisibleText.isHidden(scalar):
                for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                    append(contentsOf: "\\u\(hex(UInt32(unit), width: 4))".utf8)  // bounded: of 16 bits
                }
            default: append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        append(UInt8(ascii: "\""))
    }
}

private func hex(_ number: UInt32, width: Int) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: Swift.max(0, width - digits.utf8.count)) + digits
}
