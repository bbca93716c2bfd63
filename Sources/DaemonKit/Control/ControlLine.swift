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
    static func text(_ requests: [ControlRequest]) -> String {
        requests.map { $0.words.map(escaped).joined(separator: " ") }.joined(separator: ";")
    }

    static func escaped(_ word: String) -> String {
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
        guard line.count <= longestLine else { throw tooLong }
        return try words(line)
    }

    fileprivate static func words(_ line: some Collection<UInt8>) throws(ControlMistake) -> (
        [ControlRequest], pattern: String?
    ) {
        var requests: [[String]] = [[]]
        var word: [UInt8] = []
        var isInWord = false
        var isEscaped = false
        // `\<<X` is a word like any other.
        var beginsEscaped = false
        var lastBeginsEscaped = false
        func endWord(_ requests: inout [[String]]) {
            guard isInWord else { return }
            requests[requests.count - 1].append(String(decoding: word, as: UTF8.self))
            lastBeginsEscaped = beginsEscaped
            word = []
            isInWord = false
            beginsEscaped = false
        }
        for byte in line where byte != UInt8(ascii: "\r") {
            if isEscaped {
                word.append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
                if !isInWord { beginsEscaped = true }
                isInWord = true
            } else if byte == UInt8(ascii: ";") {
                endWord(&requests)
                requests.append([])
            } else if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") {
                endWord(&requests)
            } else {
                word.append(byte)
                isInWord = true
            }
        }
        if isEscaped { word.append(UInt8(ascii: "\\")) }
        endWord(&requests)
        var pattern: String?
        if let last = requests.last?.last, last.hasPrefix("<<"), !lastBeginsEscaped {
            pattern = String(last.dropFirst(2))
            requests[requests.count - 1].removeLast()
        }
        requests.removeAll(where: \.isEmpty)
        if requests.contains(where: { $0.count > mostWords }) {
            throw ControlMistake("Too many words (\(mostWords) at most).")
        }
        return (requests.map { ControlRequest($0) }, pattern)
    }
}

/// The commands of a line that are still to be done. They are kept as the text of the line, and each is read when its
/// turn comes: 16 KiB of text can be thousands of them.
struct ControlCommands: Sendable {
    private var text: [UInt8] = []
    private var start = 0
    /// Of the last one.
    private var payload: String?

    init(_ requests: [ControlRequest] = []) {
        text = Array(ControlLine.text(requests).utf8)
        payload = requests.last?.payload
    }

    /// The bytes that it keeps.
    var size: Int { text.count + (payload?.utf8.count ?? 0) }

    mutating func popFirst() -> ControlRequest? {
        guard start < text.count else { return nil }
        var end = start
        while end < text.count, text[end] != UInt8(ascii: ";") {
            // The character behind it is no separator, whatever it is.
            end += text[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        end = min(end, text.count)
        // The text of commands that were read once has no mistake in it.
        var request = (try? ControlLine.words(text[start..<end]))?.0.first
        start = end + 1
        if start >= text.count {
            request?.payload = payload
            self = ControlCommands()
        }
        return request
    }
}
