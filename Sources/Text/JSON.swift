/// A value of JSON. RFC 8259
package enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// Why a text is none.
    package struct Mistake: Error, Equatable {
        package let text: String
        /// In bytes, from 0.
        package let position: Int
    }

    /// Strict: nothing that the RFC does not allow, no name twice in an object, no more than 64 values within another.
    package init(_ bytes: [UInt8]) throws(Mistake) {
        var reader = JSONReader(bytes)
        self = try reader.document()
    }

    package subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members[name]
    }

    package var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    package var flag: Bool? {
        guard case .bool(let flag) = self else { return nil }
        return flag
    }

    package var decimal: Double? {
        guard case .number(let number) = self else { return nil }
        return number
    }

    /// nil where it has a fraction, or does not fit.
    package var whole: Int? { decimal.flatMap { Int(exactly: $0) } }

    package var list: [JSON]? {
        guard case .array(let list) = self else { return nil }
        return list
    }
}

private struct JSONReader {
    private static let deepest = 64

    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private func mistake(_ text: String) -> JSON.Mistake { JSON.Mistake(text: text, position: index) }

    mutating func document() throws(JSON.Mistake) -> JSON {
        let value = try value()
        skipBlanks()
        guard next == nil else { throw mistake("something follows the value") }
        return value
    }

    private mutating func skipBlanks() {
        while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { index += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func value() throws(JSON.Mistake) -> JSON {
        skipBlanks()
        switch next {
        case UInt8(ascii: "{"): return try nested { reader throws(JSON.Mistake) in try reader.object() }
        case UInt8(ascii: "["): return try nested { reader throws(JSON.Mistake) in try reader.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
        default: throw mistake("a value is missing")
        }
    }

    private mutating func nested(_ read: (inout JSONReader) throws(JSON.Mistake) -> JSON) throws(JSON.Mistake) -> JSON {
        guard depth < Self.deepest else { throw mistake("more than \(Self.deepest) values within another") }
        depth += 1
        index += 1
        let value = try read(&self)
        depth -= 1
        return value
    }

    private mutating func word(_ text: String, _ value: JSON) throws(JSON.Mistake) -> JSON {
        // bounded: `index` lies within `bytes`
        guard bytes[index...].starts(with: text.utf8) else { throw mistake("no such word") }
        index += text.utf8.count
        return value
    }

    // MARK: Objects and arrays

    private mutating func object() throws(JSON.Mistake) -> JSON {
        var members: [String: JSON] = [:]
        skipBlanks()
        if take("}") { return .object(members) }
        repeat {
            skipBlanks()
            guard next == UInt8(ascii: "\"") else { throw mistake("a name is missing") }
            let name = try string()
            skipBlanks()
            guard take(":") else { throw mistake("a colon is missing") }
            guard members.updateValue(try value(), forKey: name) == nil else { throw mistake("a name stands twice") }
            skipBlanks()
        } while take(",")
        guard take("}") else { throw mistake("the object does not end") }
        return .object(members)
    }

    private mutating func array() throws(JSON.Mistake) -> JSON {
        var list: [JSON] = []
        skipBlanks()
        if take("]") { return .array(list) }
        repeat {
            list.append(try value())
            skipBlanks()
        } while take(",")
        guard take("]") else { throw mistake("the array does not end") }
        return .array(list)
    }

    // MARK: Numbers

    private mutating func digits() -> Int {
        let start = index
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { index += 1 }
        return index - start
    }

    private mutating func number() throws(JSON.Mistake) -> JSON {
        let start = index
        _ = take("-")
        let first = next
        let count = digits()
        guard count > 0, count == 1 || first != UInt8(ascii: "0") else { throw mistake("no number") }
        if take(".") {
            guard digits() > 0 else { throw mistake("no digit follows the point") }
        }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard digits() > 0 else { throw mistake("an exponent without digits") }
        }
        // bounded: `index` lies within `bytes`
        guard let number = Double(String(decoding: bytes[start..<index], as: UTF8.self)), number.isFinite else {
            throw mistake("a number that is too large")
        }
        return .number(number)
    }

    // MARK: Strings

    private mutating func string() throws(JSON.Mistake) -> String {
        index += 1
        var text: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw mistake("no UTF-8") }
                index += 1
                return string
            case UInt8(ascii: "\\"):
                index += 1
                text += try escape()
            case 0..<0x20: throw mistake("a control character in a string")
            default:
                text.append(byte)
                index += 1
            }
        }
        throw mistake("the string does not end")
    }

    private static let escapes: [UInt8: UInt8] = [
        UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F, UInt8(ascii: "b"): 0x08,
        UInt8(ascii: "f"): 0x0C, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09,
    ]

    private mutating func escape() throws(JSON.Mistake) -> [UInt8] {
        guard let letter = next else { throw mistake("the string does not end") }
        index += 1
        if letter == UInt8(ascii: "u") { return try unicodeEscape() }
        guard let byte = Self.escapes[letter] else { throw mistake("no such escape") }
        return [byte]
    }

    private mutating func unicodeEscape() throws(JSON.Mistake) -> [UInt8] {
        var value = UInt32(try codeUnit())  // bounded: the surrogates were checked
        if (0xD800..<0xDC00).contains(value) {
            guard take("\\"), take("u") else { throw mistake("half of a surrogate pair") }
            let low = UInt32(try codeUnit())  // bounded: the surrogates were checked
            guard (0xDC00..<0xE000).contains(low) else { throw mistake("half of a surrogate pair") }
            value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)  // bounded: the surrogates were checked
        }
        guard let scalar = Unicode.Scalar(value) else { throw mistake("half of a surrogate pair") }
        return Array(String(Character(scalar)).utf8)
    }

    private mutating func codeUnit() throws(JSON.Mistake) -> UInt16 {
        guard index + 4 <= bytes.count else { throw mistake("an escape of four digits is cut off") }
        var value: UInt16 = 0
        for byte in bytes[index..<index + 4] {  // bounded: `index` lies within `bytes`
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw mistake("no hexadecimal digit")
            }
            value = value << 4 | UInt16(digit)  // bounded: the surrogates were checked
        }
        index += 4
        return value
    }
}
