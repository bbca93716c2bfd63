import TestSupport
import Testing
import Text

@Suite("JSON", .timeLimit(.minutes(20)))
struct JSONTests {
    private func read(_ text: String) throws(JSON.Mistake) -> JSON { try JSON(Array(text.utf8)) }

    private static let right: [(String, JSON)] = [
        ("null", .null), (" true\n", .bool(true)), ("false", .bool(false)), ("0", .number(0)), ("-0", .number(0)),
        ("12.5e-1", .number(1.25)), ("1E+2", .number(100)), ("\"\"", .string("")), ("[]", .array([])),
        ("{}", .object([:])),
        ("[1, [2],{\"a\":[]}]", .array([.number(1), .array([.number(2)]), .object(["a": .array([])])])),
        (##""\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00""##, .string("\"\\/\u{8}\u{C}\n\r\tAé😀")),
        ("{ \"a\" : 1 , \"b\" : null }", .object(["a": .number(1), "b": .null])), ("\"é日\u{7F}\"", .string("é日\u{7F}")),
    ]

    @Test("values", arguments: right)
    func values(text: String, expected: JSON) throws { #expect(try read(text) == expected) }

    private static let wrong = [
        "", " ", "nul", "nulll", "True", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "1e999", "NaN", "Infinity",
        "[1,]",
        "[,]", "[1 2]", "[", "]", "{", "{a:1}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}",
        "{\"a\":1,\"a\":2}",
        "'a'", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
        "\"a\nb\"",
        "\"\u{1}\"", "1 2", "{} x", "// a\n1", "\u{FEFF}1", "\"\\", "\"\\u",
    ]

    @Test("what RFC 8259 does not allow is refused", arguments: wrong)
    func mistakes(text: String) { #expect(throws: JSON.Mistake.self) { try read(text) } }

    @Test("bytes that are no UTF-8 are refused, and so are more levels than 64")
    func limits() throws {
        #expect(throws: JSON.Mistake.self) { try JSON([0x22, 0xFF, 0x22]) }
        #expect(throws: JSON.Mistake.self) { try JSON([0x22, 0xC0, 0x80, 0x22]) }
        let deep = { (count: Int) in String(repeating: "[", count: count) + String(repeating: "]", count: count) }
        _ = try read(deep(64))
        #expect(throws: JSON.Mistake.self) { try read(deep(65)) }
        #expect(throws: JSON.Mistake.self) { try read(String(repeating: "[", count: 1_000_000)) }
        #expect(try read("9007199254740993").whole != nil)
        #expect(try read("1e30").whole == nil && read("1.5").whole == nil)
    }

    private func random(_ dice: inout Seeded, depth: Int = 0) -> (JSON, String) {
        let blank = [" ", "", "\n", "\t"].randomElement(using: &dice) ?? ""
        switch Int.random(in: 0..<(depth > 4 ? 4 : 6), using: &dice) {
        case 0: return (.null, "null")
        case 1: return (.bool(true), "\(blank)true")
        case 2:
            let number = Int.random(in: -1_000_000...1_000_000, using: &dice)
            return (.number(Double(number)), "\(number)\(blank)")
        case 3:
            let text = string(&dice)
            return (.string(text), JSONText.string(text).text)
        case 4:
            let values = (0..<Int.random(in: 0..<4, using: &dice)).map { _ in random(&dice, depth: depth + 1) }
            return (.array(values.map(\.0)), "[\(values.map(\.1).joined(separator: ",\(blank)"))\(blank)]")
        default:
            var members: [String: JSON] = [:]
            var texts: [String] = []
            for index in 0..<Int.random(in: 0..<4, using: &dice) {
                let name = "\(index)" + string(&dice)
                let (value, text) = random(&dice, depth: depth + 1)
                members[name] = value
                texts.append("\(JSONText.string(name).text)\(blank):\(text)")
            }
            return (.object(members), "{\(texts.joined(separator: ","))}")
        }
    }

    private func string(_ dice: inout Seeded) -> String {
        let pieces = ["a", "\"", "\\", "\n", "\0", "é", "😀", "\u{2028}", "/", "\u{7F}"]
        return (0..<Int.random(in: 0..<6, using: &dice)).map { _ in pieces.randomElement(using: &dice) ?? "" }.joined()
    }

    @Test("what is written is read again, and no change of it does harm", arguments: 0..<40 as Range<UInt64>)
    func fuzz(seed: UInt64) throws {
        var dice = Seeded(seed)
        for _ in 0..<rounds(100) {
            let (value, text) = random(&dice)
            #expect(try read(text) == value, "\(text)")
            var bytes = Array(text.utf8)
            for _ in 0..<5 where !bytes.isEmpty {
                switch Int.random(in: 0..<3, using: &dice) {
                case 0: bytes.removeLast()
                case 1: bytes[Int.random(in: bytes.indices, using: &dice)] = UInt8.random(in: 0...255, using: &dice)
                default:
                    let place = Int.random(in: 0...bytes.count, using: &dice)
                    bytes.insert(Array("[]{},:\"\\u0".utf8).randomElement(using: &dice) ?? 0, at: place)
                }
                _ = try? JSON(bytes)
            }
        }
    }
}
