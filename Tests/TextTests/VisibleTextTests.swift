import TestSupport
import Testing
import Text

@Suite("VisibleText", .timeLimit(.minutes(20)))
struct VisibleTextTests {
    /// C0, DEL, C1, the ends of lines, and every bidirectional control of Unicode.
    private static let hostile: [Unicode.Scalar] =
        (Array(0..<0x20) + Array(0x7F..<0xA0) + [0x61C, 0x200E, 0x200F] + Array(0x2028...0x202E)
        + Array(0x2066...0x2069)).compactMap { Unicode.Scalar($0 as UInt32) }

    @Test("nothing that steers a terminal, ends a line or turns the reading direction is left, in any form")
    func hostileCharacters() {
        for scalar in Self.hostile {
            let text = "a\(Character(scalar))b"
            #expect(!VisibleText.line(text).unicodeScalars.contains(scalar))
            #expect(VisibleText.blanked(text) == "a b")
            let mayStay = scalar == "\n" || scalar == "\t"
            #expect(VisibleText.lines(text).unicodeScalars.contains(scalar) == mayStay)
            var bytes = VisibleBytes()
            let shown = String(decoding: bytes.take(Array(text.utf8)[...]) + bytes.end(), as: UTF8.self)
            #expect(shown == VisibleText.lines(text))
        }
    }

    @Test("a carriage return before a line's end is written out, though both are one character to Swift")
    func carriageReturn() {
        #expect(VisibleText.lines("a\r\nb") == "a\\r\nb")
        #expect(VisibleText.line("a\r\nb") == "a\\r\\nb")
    }

    @Test("other text stays as it is", arguments: ["plain", "é日本語", "\u{1F468}\u{200D}\u{1F469}", "\u{A0}£", ""])
    func plain(text: String) {
        #expect(VisibleText.line(text) == text && VisibleText.lines(text) == text && VisibleText.blanked(text) == text)
    }

    @Test("bytes that are no UTF-8 are written out, 0x80 to 0x9F among them")
    func invalid() {
        var bytes = VisibleBytes()
        for byte: UInt8 in 0x80...0xFF {
            let shown = bytes.take([byte, 0x41]) + bytes.end()
            #expect(shown.allSatisfy { $0 < 0x7F && $0 >= 0x20 } && shown.last == 0x41, "\(byte): \(shown)")
        }
        #expect(String(decoding: bytes.take([0x9B, 0x32, 0x4A]), as: UTF8.self) == "\\x9b2J")
        #expect(String(decoding: bytes.take([0xE2, 0x80]), as: UTF8.self) == "")
        #expect(String(decoding: bytes.end(), as: UTF8.self) == "\\xe2\\x80")
    }

    @Test("bytes cut anywhere are shown as at once, and hold nothing hostile")
    func cuts() {
        var random = Seeded(7)
        let parts: [[UInt8]] = ["a", "é", "日", "\u{1F468}", "\u{9B}", "\u{202E}", "\u{1B}[2J", "\n"].map {
            Array($0.utf8)
        }
        for _ in 0..<3000 {
            var text: [UInt8] = []
            for _ in 0..<8 {
                text += parts[Int(random.next() % 8)]
                if random.next() % 4 == 0 { text.append(UInt8(truncatingIfNeeded: random.next())) }
            }
            let cut = Int(random.next() % UInt64(text.count))
            var (one, two) = (VisibleBytes(), VisibleBytes())
            let whole = one.take(text[...]) + one.end()
            let halves = two.take(text[..<cut]) + two.take(text[cut...]) + two.end()
            let shown = String(validating: whole, as: UTF8.self)
            guard whole == halves, let shown,
                shown.unicodeScalars.allSatisfy({ !VisibleText.isHidden($0) || $0 == "\n" || $0 == "\t" })
            else {
                Issue.record("\(text) cut at \(cut): \(whole), \(halves)")
                return
            }
        }
    }
}
