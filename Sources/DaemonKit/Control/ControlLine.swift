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

    /// A line that says these commands again.
    static func text(_ requests: [ControlRequest]) -> String {
        requests.map { $0.words.map(escaped).joined(separator: " ") }.joined(separator: ";")
    }

    static func escaped(_ word: String) -> String {
        let special = Array(" \t;\\".utf8)
        let bytes = word.utf8.flatMap { special.contains($0) ? [UInt8(ascii: "\\"), $0] : [$0] }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix("<<") ? "\\\(text)" : text
    }

    /// The commands of the line, without its end, and the pattern that ends the payload where there is one.
    package static func parse(_ line: some Collection<UInt8>) throws(ControlMistake) -> (
        [ControlRequest], pattern: String?
    ) {
        guard line.count <= longestLine else { throw ControlMistake("Line too long (\(longestLine) bytes at most).") }
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

/// The bytes of a session, cut into lines and payloads as they come.
package struct ControlInput: Sendable {
    package enum Item: Equatable, Sendable {
        case requests([ControlRequest])
        case mistake(ControlMistake)
    }

    private var bytes: [UInt8] = []
    /// Where the search for the next end of a line goes on.
    private var searched = 0
    private var waiting: (requests: [ControlRequest], pattern: String, payload: [UInt8])?
    /// The payload that is being read is too long: it is told at its end.
    private var isPayloadTooLong = false
    /// A line that is too long is told once, and skipped to its end.
    private var isSkipping = false

    /// A payload that is longer is refused.
    package static let longestPayload = 64 * 1024

    package init() {}

    /// What was read and not yet taken, for another image of this process.
    var unread: [UInt8] {
        // What is being skipped goes on to be skipped: as the tail of a line that is too long.
        if isSkipping { return [UInt8](repeating: UInt8(ascii: " "), count: ControlLine.longestLine + 1) + bytes }
        guard let waiting else { return bytes }
        let line = "\(ControlLine.text(waiting.requests)) <<\(ControlLine.escaped(waiting.pattern))\n"
        // One that is too long already stays too long.
        let tooLong = [UInt8](repeating: UInt8(ascii: " "), count: Self.longestPayload + 1) + [UInt8(ascii: "\n")]
        return Array(line.utf8) + (isPayloadTooLong ? tooLong : waiting.payload) + bytes
    }

    package mutating func append(_ more: ArraySlice<UInt8>) { bytes += more }

    /// The next line's commands; nil until more comes.
    package mutating func next() -> Item? {
        while let line = nextLine() {
            if isSkipping {
                isSkipping = false
                continue
            }
            if let item = take(line) { return item }
        }
        guard bytes.count > (waiting == nil ? ControlLine.longestLine : Self.longestPayload) else { return nil }
        bytes = []
        searched = 0
        if waiting != nil { isPayloadTooLong = true }
        if isSkipping || waiting != nil { return nil }
        isSkipping = true
        return .mistake(ControlMistake("Line too long (\(ControlLine.longestLine) bytes at most)."))
    }

    private mutating func nextLine() -> [UInt8]? {
        guard let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = bytes.count
            return nil
        }
        let line = Array(bytes[..<end])
        bytes.removeSubrange(...end)
        searched = 0
        return line
    }

    private mutating func take(_ line: [UInt8]) -> Item? {
        if case (var requests, let pattern, var payload)? = waiting {
            let text = line.last == UInt8(ascii: "\r") ? Array(line.dropLast()) : line
            if text.elementsEqual(pattern.utf8) {
                waiting = nil
                if isPayloadTooLong {
                    isPayloadTooLong = false
                    return .mistake(ControlMistake("Payload too long (\(Self.longestPayload) bytes at most)."))
                }
                if !requests.isEmpty { requests[requests.count - 1].payload = String(decoding: payload, as: UTF8.self) }
                return .requests(requests)
            }
            payload += line + [UInt8(ascii: "\n")]
            if payload.count > Self.longestPayload {
                isPayloadTooLong = true
                payload = []
            }
            waiting = (requests, pattern, payload)
            return nil
        }
        do {
            let (requests, pattern) = try ControlLine.parse(line)
            guard let pattern else { return .requests(requests) }
            waiting = (requests, pattern, [])
            return nil
        } catch {
            return .mistake(error)
        }
    }
}
