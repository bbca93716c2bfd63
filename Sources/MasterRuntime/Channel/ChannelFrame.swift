import DaemonCore

/// What master and worker say to each other over the channel.
package struct ChannelFrame: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        case command(level: ControlLevel)
        case answer
        /// What a worker says of itself, in the words of sd_notify(3); its id means nothing.
        case report
    }

    /// Chosen by the master, 0 or more: an answer has its command's.
    package var id: Int
    package var kind: Kind
    package var body: [UInt8]

    /// A body that is longer is refused by the other end.
    package static let longestBody = 4 << 20

    package init(id: Int, kind: Kind, body: [UInt8]) {
        self.id = id
        self.kind = kind
        self.body = body
    }

    /// `C ID LEVEL LENGTH`, `A ID LENGTH` or `N ID LENGTH`, a line's end, and the body.
    package var bytes: [UInt8] {
        let header =
            switch kind {
            case .command(let level): "C \(id) \(level) \(body.count)\n"
            case .answer: "A \(id) \(body.count)\n"
            case .report: "N \(id) \(body.count)\n"
            }
        return Array(header.utf8) + body
    }
}

extension ChannelFrame {
    /// A command: its line, then, where there is a payload, a line's end and the payload.
    package init(id: Int, _ request: ControlRequest, level: ControlLevel) {
        let payload = request.payload.map { "\n\($0)" } ?? ""
        self.init(id: id, kind: .command(level: level), body: Array("\(ControlLine.text([request]))\(payload)".utf8))
    }

    /// What a command's body asks for; no words where it is empty.
    package func request() throws(ControlMistake) -> ControlRequest {
        let end = body.firstIndex(of: UInt8(ascii: "\n"))
        let (requests, pattern) = try ControlLine.parse(body[..<(end ?? body.endIndex)])
        guard requests.count <= 1, pattern == nil else { throw ControlMistake("One command at a time.") }
        let payload = end.map { String(decoding: body[($0 + 1)...], as: UTF8.self) }
        return ControlRequest(requests.first?.words ?? [], payload: payload)
    }
}

/// Cuts what comes over the channel into frames. Where it throws, nothing that follows can be understood.
package struct ChannelInput: Sendable {
    private var bytes: [UInt8] = []
    /// What is before is taken already: removing each frame by itself would cost the square of their number.
    private var start = 0
    private var mistake: ControlMistake?
    /// Of a frame that is not wanted: the bytes of its body that are still to come.
    private var unwanted: (id: Int, count: Int)?

    /// The longest header that an end of ours writes: two numbers of 19 digits, a level, and what is between.
    private static let longestHeader = 64

    package init() {}

    /// What came and is not taken yet: appended to a fresh input it goes on.
    package var unread: [UInt8] {
        if let unwanted { return Array("A \(unwanted.id) \(unwanted.count)\n".utf8) }
        // bounded: `start` and what is read lie within `bytes`
        return mistake == nil ? Array(bytes[start...]) : [UInt8(ascii: "\n")]
    }

    /// How many bytes it takes; what is kept of a frame needs more room than its own.
    package var size: Int { bytes.isEmpty ? 0 : bytes.capacity }

    package mutating func append(_ more: ArraySlice<UInt8>) {
        guard mistake == nil else { return }
        var more = more
        if let frame = unwanted {
            let count = min(frame.count, more.count)
            more = more.dropFirst(count)
            unwanted = count == frame.count ? nil : (frame.id, frame.count - count)
        }
        // At least as much was taken as is copied now; a copy gives the memory of a long frame back.
        if start > 0 && start >= bytes.count - start {
            bytes = Array(bytes[start...])  // bounded: `start` and what is read lie within `bytes`
            start = 0
        }
        bytes += more
    }

    /// Keeps nothing of the frame that has come in part, and will not: returns its number. Called after `next`.
    package mutating func dropFrame() -> Int? {
        guard let frame = try? coming() else { return nil }
        unwanted = (frame.id, frame.length - (bytes.count - frame.body))
        bytes = []
        start = 0
        return frame.id
    }

    /// Of which the rest is still to come.
    package var unwantedID: Int? { unwanted?.id }

    /// The number of the frame that has come in part, as far as it is known.
    package var comingID: Int? { (try? coming())?.id }

    /// The next frame; nil until more comes.
    package mutating func next() throws(ControlMistake) -> ChannelFrame? {
        if let mistake { throw mistake }
        do {
            return try take()
        } catch {
            mistake = error
            bytes = []
            start = 0
            throw error
        }
    }

    /// The header of the next frame, and where its body begins; nil until it has come.
    private func coming() throws(ControlMistake) -> (id: Int, kind: ChannelFrame.Kind, length: Int, body: Int)? {
        // bounded: `start` and what is read lie within `bytes`
        let searched = bytes[start...].prefix(Self.longestHeader)
        guard let end = searched.firstIndex(of: UInt8(ascii: "\n")) else {
            guard searched.count < Self.longestHeader else { throw Self.garbled }
            return nil
        }
        // bounded: `start` and what is read lie within `bytes`
        let (id, kind, length) = try Self.header(bytes[start..<end])
        guard length <= ChannelFrame.longestBody else {
            throw ControlMistake("A message of \(length) bytes (\(ChannelFrame.longestBody) at most).")
        }
        return (id, kind, length, end + 1)
    }

    private mutating func take() throws(ControlMistake) -> ChannelFrame? {
        guard let frame = try coming(), bytes.count - frame.body >= frame.length else { return nil }
        let end = frame.body + frame.length
        start = end
        defer {
            // The memory of a long frame is not kept until the next one comes.
            if end == bytes.count { (bytes, start) = ([], 0) }
        }
        return ChannelFrame(id: frame.id, kind: frame.kind, body: Array(bytes[frame.body..<end]))
    }

    private static let garbled = ControlMistake("A message that cannot be understood.")

    private static func header(
        _ line: ArraySlice<UInt8>
    ) throws(ControlMistake) -> (id: Int, kind: ChannelFrame.Kind, length: Int) {
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        let kind: ChannelFrame.Kind? =
            switch (words.first.map(Array.init), words.count) {
            case ([UInt8(ascii: "C")], 4): level(words[2]).map { .command(level: $0) }
            case ([UInt8(ascii: "A")], 3): .answer
            case ([UInt8(ascii: "N")], 3): .report
            default: nil
            }
        guard let kind, let id = number(words[1]), let length = words.last.flatMap(number) else { throw garbled }
        return (id, kind, length)
    }

    private static func level(_ word: ArraySlice<UInt8>) -> ControlLevel? {
        ControlLevel.allCases.first { $0.description.utf8.elementsEqual(word) }
    }

    /// As an end of ours writes it, and in no other way.
    private static func number(_ word: ArraySlice<UInt8>) -> Int? {
        // bounded: a length is compared, an identity is looked up
        guard let number = Int(String(decoding: word, as: UTF8.self)), number >= 0 else { return nil }
        return "\(number)".utf8.elementsEqual(word) ? number : nil
    }
}
