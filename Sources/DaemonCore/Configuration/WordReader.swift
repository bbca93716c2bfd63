/// Cuts a line into words, as HAProxy's configuration reader does: `#` begins a comment, a backslash takes special
/// meaning away, nothing is special in '...', and in "..." stand `$NAME`, `${NAME}`, `${NAME-default}` and
/// `${NAME[*]}`, whose value becomes several words. Outside of "..." a `$` is a letter.
package struct WordReader {
    /// All words of a line together: variables that are made of variables must not fill the memory.
    package static let longestLine = 65_536

    private enum Quote { case single, double }

    private let line: ArraySlice<UInt8>
    private let environment: [String: String]
    private var index: Int
    private var quote: (kind: Quote, start: Int)?
    private var words: [String] = []
    private var word: [UInt8] = []
    /// A word may be empty where it is quoted, but not where a list of words had none.
    private var isQuoted = false
    private var isList = false
    private var size = 0

    /// The words of a line, which comes without its end.
    package static func words(
        of line: ArraySlice<UInt8>, environment: [String: String]
    ) throws(Complaint) -> (words: [String], size: Int) {
        guard line.count <= longestLine else { throw tooLong }
        var reader = WordReader(line: line, environment: environment)
        try reader.read()
        return (reader.words, reader.size)
    }

    private init(line: ArraySlice<UInt8>, environment: [String: String]) {
        self.line = line
        self.environment = environment
        index = line.startIndex
    }

    private static let tooLong = Complaint("line too long: its words have more than \(longestLine) bytes.")

    private func complaint(_ text: String, at index: Int) -> Complaint {
        Complaint("\(text) at position \(index - line.startIndex + 1).")
    }

    private var next: UInt8? { index < line.endIndex ? line[index] : nil }  // bounded: `index` is below `endIndex`

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private mutating func append(_ byte: UInt8, taking count: Int) {
        word.append(byte)
        index += count
    }

    private mutating func read() throws(Complaint) {
        loop: while let byte = next {
            switch (byte, quote?.kind) {
            case (0, _): throw complaint("zero byte", at: index)
            case (UInt8(ascii: "#"), nil): break loop
            case (UInt8(ascii: "\""), nil): open(.double)
            case (UInt8(ascii: "'"), nil): open(.single)
            case (UInt8(ascii: "\""), .double), (UInt8(ascii: "'"), .single): close()
            case (UInt8(ascii: "\\"), nil), (UInt8(ascii: "\\"), .double): try readEscape()
            case (UInt8(ascii: "$"), .double): try readVariable()
            case (_, nil) where Self.isSpace(byte):
                try endWord()
                index += 1
            default: append(byte, taking: 1)
            }
        }
        if let quote { throw complaint("unmatched quote", at: quote.start) }
        try endWord()
    }

    private mutating func open(_ kind: Quote) {
        quote = (kind, index)
        isQuoted = true
        index += 1
    }

    private mutating func close() {
        quote = nil
        index += 1
    }

    private mutating func endWord() throws(Complaint) {
        defer { (isQuoted, isList) = (false, false) }
        guard !word.isEmpty || (isQuoted && !isList) else { return }
        guard let text = String(validating: word, as: UTF8.self) else {
            throw Complaint("word \(words.count + 1) is not UTF-8.")
        }
        size += word.count + 1
        guard size <= Self.longestLine else { throw Self.tooLong }
        words.append(text)
        word.removeAll(keepingCapacity: true)
    }

    // MARK: Escapes

    /// What has no special meaning keeps its backslash.
    private mutating func readEscape() throws(Complaint) {
        let letter = index + 1 < line.endIndex ? line[index + 1] : 0  // bounded: `index` is below `endIndex`
        switch letter {
        case UInt8(ascii: " "), UInt8(ascii: "\\"), UInt8(ascii: "#"), UInt8(ascii: "'"), UInt8(ascii: "\""):
            append(letter, taking: 2)
        case UInt8(ascii: "t"): append(0x09, taking: 2)
        case UInt8(ascii: "n"): append(0x0A, taking: 2)
        case UInt8(ascii: "r"): append(0x0D, taking: 2)
        case UInt8(ascii: "$") where quote != nil: append(letter, taking: 2)
        case UInt8(ascii: "x"):
            // bounded: `index` is below `endIndex`
            guard index + 3 < line.endIndex, let high = Self.hexadecimal(line[index + 2]),
                let low = Self.hexadecimal(line[index + 3])  // bounded: `index` is below `endIndex`
            else { throw complaint("truncated or invalid hexadecimal sequence", at: index) }
            guard high | low != 0 else { throw complaint("zero byte", at: index) }
            append(high << 4 | low, taking: 4)
        default: append(UInt8(ascii: "\\"), taking: 1)
        }
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")  // bounded: a digit
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10  // bounded: a digit
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10  // bounded: a digit
        default: nil
        }
    }

    // MARK: Variables

    private mutating func readVariable() throws(Complaint) {
        index += 1
        let brace = next == UInt8(ascii: "{") ? index : nil
        if brace != nil { index += 1 }
        guard let first = next, Self.isNameByte(first), !Self.isDigit(first) else {
            throw complaint("forbidden first char in environment variable name", at: index)
        }
        let start = index
        while let byte = next, Self.isNameByte(byte) { index += 1 }
        // bounded: `index` is below `endIndex`
        let name = String(decoding: line[start..<index], as: UTF8.self)
        var value = environment[name].map { Array($0.utf8) }
        var takesWords = false
        if let brace {
            if next == UInt8(ascii: "[") {
                // bounded: `index` is below `endIndex`
                guard line[index...].starts(with: "[*]".utf8) else {
                    throw complaint("truncated or invalid word expansion sequence", at: index)
                }
                takesWords = true
                index += 3
            }
            if next == UInt8(ascii: "-") {
                let rest = line[(index + 1)...]
                index = rest.firstIndex(of: UInt8(ascii: "}")) ?? line.endIndex
                value = value ?? Array(rest[..<index])
            }
            guard next == UInt8(ascii: "}") else {
                throw complaint("unmatched brace in environment variable name", at: brace)
            }
            index += 1
        }
        guard let value else {
            // Nothing in its place would be another address, another path or another command.
            throw complaint("unset environment variable '\(name)': write ${\(name)-} where it may be empty", at: start)
        }
        try insert(value, takesWords: takesWords)
    }

    private mutating func insert(_ value: [UInt8], takesWords: Bool) throws(Complaint) {
        guard size + word.count + value.count <= Self.longestLine else { throw Self.tooLong }
        guard takesWords else { return word.append(contentsOf: value) }
        isList = true
        for byte in value {
            if Self.isSpace(byte) {
                try endWord()
                isList = true
            } else {
                word.append(byte)
            }
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}
