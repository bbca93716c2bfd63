import DaemonCore

/// One command of a control socket's line: its words, and the text that came with it.
package struct ControlRequest: Equatable, Sendable {
    package var words: [String]
    package var payload: String?

    package init(_ words: [String], payload: String? = nil) {
        self.words = words
        self.payload = payload
    }
}

/// What is wrong with a line, as the answer says it.
package struct ControlMistake: Error, Equatable, Sendable {
    package let message: String
    package init(_ message: String) { self.message = message }
}

/// A line of the control socket, as HAProxy's CLI reads it: `;` separates commands, blanks separate words, a backslash
/// takes the next character for itself, and `<<PATTERN` at the end announces a payload.
package enum ControlLine {
    package static let longestLine = 16 * 1024
    package static let mostWords = 64

    static let tooLong = ControlMistake("Line too long (\(longestLine) bytes at most).")

    /// A line that says these commands again.
    package static func text(_ requests: [ControlRequest]) -> String {
        requests.map { $0.words.map(escaped).joined(separator: " ") }.joined(separator: ";")
    }

    package static func escaped(_ word: String) -> String {
        var text = word
        // Most words need nothing, and a line may have thousands.
        if word.utf8.contains(where: isSpecial) {
            let bytes = word.utf8.flatMap { isSpecial($0) ? [UInt8(ascii: "\\"), $0] : [$0] }
            text = String(decoding: bytes, as: UTF8.self)
        }
        return text.utf8.starts(with: "<<".utf8) ? "\\\(text)" : text
    }

    private static func isSpecial(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: ";"), UInt8(ascii: "\\"): true
        default: false
        }
    }

    /// The commands of the line, without its end, and the pattern that ends the payload where there is one.
    package static func parse(_ line: some Collection<UInt8>) throws(ControlMistake) -> (
        [ControlRequest], pattern: String?
    ) {
        var (commands, pattern) = try commands(of: Array(line))
        var requests: [ControlRequest] = []
        while let request = commands.popFirst() { requests.append(request) }
        return (requests, pattern)
    }

    /// The same, before any of them is read.
    package static func commands(of line: [UInt8]) throws(ControlMistake) -> (ControlCommands, pattern: String?) {
        guard line.count <= longestLine else { throw tooLong }
        var counts = [0]
        var last: Range<Int>?
        tokens(of: line[...]) { token in
            switch token {
            case .word(let range):
                counts[counts.count - 1] += 1
                last = range
            case .separator:
                if counts[counts.count - 1] > 0 { counts.append(0) }
                last = nil
            }
        }
        var text = line
        var pattern: String?
        // `\<<X` is a word like any other.
        if let last, line[last.lowerBound] != UInt8(ascii: "\\") {  // bounded: places within the line
            let word = word(line[last])
            if word.hasPrefix("<<") {
                pattern = String(word.dropFirst(2))
                counts[counts.count - 1] -= 1
                text.removeSubrange(last.lowerBound...)  // bounded: places within the line
            }
        }
        if counts.contains(where: { $0 > mostWords }) {
            throw ControlMistake("Too many words (\(mostWords) at most).")
        }
        return (ControlCommands(text, count: counts.count { $0 > 0 }), pattern)
    }

    private enum Token {
        case word(Range<Int>)
        case separator
    }

    private static func tokens(of line: ArraySlice<UInt8>, _ take: (Token) -> Void) {
        var start: Int?
        var isEscaped = false
        for index in line.indices where line[index] != UInt8(ascii: "\r") {
            let byte = line[index]
            let isSeparator = byte == UInt8(ascii: ";")
            guard !isEscaped, isSeparator || byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") else {
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
                start = start ?? index
                continue
            }
            if let begin = start { take(.word(begin..<index)) }  // bounded: places within the line
            start = nil
            if isSeparator { take(.separator) }
        }
        if let start { take(.word(start..<line.endIndex)) }  // bounded: places within the line
    }

    /// A backslash at the end of the line is one.
    private static func word(_ bytes: ArraySlice<UInt8>) -> String {
        var word: [UInt8] = []
        var isEscaped = false
        for byte in bytes where byte != UInt8(ascii: "\r") {
            if !isEscaped && byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else {
                word.append(byte)
                isEscaped = false
            }
        }
        if isEscaped { word.append(UInt8(ascii: "\\")) }
        return String(decoding: word, as: UTF8.self)
    }

    /// The words of the first command that has any, and what stands behind it.
    package static func first(in line: ArraySlice<UInt8>) -> (words: [String], rest: ArraySlice<UInt8>) {
        var rest = line
        while !rest.isEmpty {
            let command = rest.prefix(commandLength(rest))  // bounded: places within the line
            rest = rest.dropFirst(command.count + 1)  // bounded: places within the line
            var words: [String] = []
            tokens(of: command) { if case .word(let range) = $0 { words.append(word(command[range])) } }
            if !words.isEmpty { return (words, rest) }
        }
        return ([], rest)
    }

    private static func commandLength(_ line: ArraySlice<UInt8>) -> Int {
        var isEscaped = false
        for index in line.indices where line[index] != UInt8(ascii: "\r") {
            if line[index] == UInt8(ascii: ";") && !isEscaped { return index - line.startIndex }
            isEscaped = !isEscaped && line[index] == UInt8(ascii: "\\")
        }
        return line.count
    }
}
