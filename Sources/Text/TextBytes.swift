/// Somebody's bytes as text of a line, without a String for each.
extension [UInt8] {
    /// Bytes that are no UTF-8 are written out, each as `\xff`; all others are appended as they are.
    package mutating func appendText(_ bytes: ArraySlice<UInt8>) {
        var (start, index) = (bytes.startIndex, bytes.startIndex)
        while index < bytes.endIndex {
            let length = bytes[index] < 0x80 ? 1 : bytes.lengthOfCharacter(at: index)
            if length == 0 {
                append(contentsOf: bytes[start..<index])
                append(contentsOf: "\\x\(String(bytes[index], radix: 16))".utf8)  // No ASCII: it has two digits.
                start = index + 1  // bounded: within the bytes
            }
            index += Swift.max(1, length)
        }
        append(contentsOf: bytes[start...])
    }

    /// UTF-8 as `appendEscaped(_: String)` appends it.
    package mutating func appendEscaped(_ text: ArraySlice<UInt8>) {
        var (start, index) = (text.startIndex, text.startIndex)
        while let place = text[index...].firstIndex(where: VisibleText.mayBeHidden) {
            let length = text[place] < 0x80 ? 1 : Swift.max(1, text.lengthOfCharacter(at: place))
            index = place + length  // bounded: within the bytes
            guard let scalar = text[place..<index].scalar, VisibleText.isHidden(scalar) else { continue }
            append(contentsOf: text[start..<place])
            appendEscaped(scalar)
            start = index
        }
        append(contentsOf: text[start...])
    }
}

extension ArraySlice<UInt8> {
    /// Nothing but printable ASCII, which is shown as it is. Eight at a time.
    package var isPlain: Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        return unsafe withUnsafeBytes { bytes in
            var (index, found) = (0, UInt64(0))
            while index + 8 <= bytes.count {
                // bounded: the loop ends 8 before the end
                let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                // Per byte: below 0x20, 0x7F, or not ASCII. What a borrow adds lies above one that was found.
                found |= (word &- ones &* 0x20) | ((word ^ (ones &* 0x7F)) &- ones) | word
                index += 8
            }
            guard found & (ones << 7) == 0 else { return false }
            return unsafe bytes[index...].allSatisfy { 0x20..<0x7F ~= $0 }
        }
    }

    /// How many bytes a character that is not ASCII has; 0 where none begins. The Unicode standard, table 3-7.
    fileprivate func lengthOfCharacter(at index: Int) -> Int {
        var (length, second): (Int, ClosedRange<UInt8>) = (2, 0x80...0xBF)
        switch self[index] {  // bounded: the caller's place within the bytes
        case 0xC2...0xDF: break
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        case 0xF1...0xF3: length = 4
        default: return 0
        }
        // bounded: within the bytes
        guard endIndex - index >= length, second ~= self[index + 1] else { return 0 }
        // bounded: within the bytes
        return self[(index + 2)..<(index + length)].allSatisfy { $0 & 0xC0 == 0x80 } ? length : 0
    }

    /// Of one character.
    fileprivate var scalar: Unicode.Scalar? {
        var (decoder, iterator) = (UTF8(), makeIterator())
        guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
        return scalar
    }
}
