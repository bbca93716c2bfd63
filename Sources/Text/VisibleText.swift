/// Text of somebody else's, made safe for a terminal and for a line: whatever would steer the terminal, end the line or
/// turn the direction of reading is written out.
package enum VisibleText {
    /// C0, DEL and C1; the ends of lines and paragraphs; bidirectional controls (CVE-2021-42574); and marks and tags
    /// that nobody sees. Joiners stay: words of several languages are written with them.
    package static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0: true
        case 0x061C, 0x180E, 0x200B, 0x200E, 0x200F, 0x2028...0x202E, 0x2060...0x206F: true
        case 0xFEFF, 0xFFF9...0xFFFB, 0xE0000...0xE007F: true
        default: false
        }
    }

    /// Whether a byte belongs to a hidden character, or begins the UTF-8 of one.
    package static func mayBeHidden(_ byte: UInt8) -> Bool {
        switch byte {
        case 0..<0x20, 0x7F, 0xC2, 0xD8, 0xE1, 0xE2, 0xEF, 0xF3: true
        default: false
        }
    }

    /// One line: `\n`, `\u{1B}`.
    package static func line(_ text: some StringProtocol) -> String { escaped(text) { _ in false } }

    /// Lines stay lines, and tabs stay.
    package static func lines(_ text: some StringProtocol) -> String { escaped(text) { $0 == "\n" || $0 == "\t" } }

    /// One line with a blank for each character that is hidden.
    package static func blanked(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: text.unicodeScalars.lazy.map { isHidden($0) ? " " : $0 })
        return String(scalars)
    }

    private static func escaped(_ text: some StringProtocol, except: (Unicode.Scalar) -> Bool) -> String {
        guard text.utf8.contains(where: mayBeHidden) else { return String(text) }
        var shown = ""
        for scalar in text.unicodeScalars {
            if isHidden(scalar) && !except(scalar) {
                shown += scalar.escaped(asASCII: true)
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}

/// The same for bytes as they come: they may be cut within a character, and need not be UTF-8. What is none is written
/// out too, since a terminal takes 0x9B alone for the beginning of a sequence.
package struct VisibleBytes {
    /// The beginning of a character.
    private var rest: [UInt8] = []

    package init() {}

    package mutating func take(_ more: ArraySlice<UInt8>) -> [UInt8] {
        let bytes = rest + more
        rest = []
        var shown: [UInt8] = []
        shown.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte >= 0x20 && byte < 0x7F || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\t") {
                shown.append(byte)
                index += 1
                continue
            }
            let length = Self.length(byte)
            let character = bytes[index...].prefix(length)  // bounded: 1 to 4 bytes
            if character.count < length, character.dropFirst().allSatisfy({ $0 & 0xC0 == 0x80 }) {
                rest = Array(character)
                break
            }
            if let text = String(validating: character, as: UTF8.self) {
                shown += VisibleText.line(text).utf8
                index += length
            } else {
                shown += Self.escaped(byte)
                index += 1
            }
        }
        return shown
    }

    /// What is left of a character whose end will not come.
    package mutating func end() -> [UInt8] {
        defer { rest = [] }
        return rest.flatMap(Self.escaped)
    }

    /// Of the character that begins so; 1 where none does.
    private static func length(_ byte: UInt8) -> Int {
        switch byte {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }

    private static func escaped(_ byte: UInt8) -> [UInt8] {
        Array("\\x\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
    }
}
