import DaemonCore

/// The bytes of a session, cut into lines and payloads as they come.
package struct ControlInput: Sendable {
    package enum Item: Equatable, Sendable {
        case requests(ControlCommands)
        case mistake(ControlMistake)
    }

    /// What was read and not yet taken, for another image of this process.
    package struct Unread: Equatable, Sendable {
        package var bytes: [UInt8]
        /// The line that they begin in was too long: that was told, and its rest is skipped.
        package var isLineTooLong = false
        /// The payload that they begin in is too long: that is told at its end.
        package var isPayloadTooLong = false
    }

    /// A command's line whose payload is being read.
    private struct Waiting: Sendable {
        let line: [UInt8]
        let commands: ControlCommands
        let pattern: String
    }

    private var bytes: [UInt8] = []
    /// What is before it has been taken.
    private var start = 0
    /// Where the search for the next end of a line goes on.
    private var searched = 0
    private var waiting: Waiting?
    private var payload: [UInt8] = []
    private var isPayloadTooLong = false
    private var isLineTooLong = false
    /// Lines after which a payload goes on.
    private var continued = 0

    /// A payload that is longer is refused.
    package static let longestPayload = 64 * 1024

    package init() {}

    /// Goes on where another one was.
    package init(_ unread: Unread) {
        bytes = unread.bytes
        isLineTooLong = unread.isLineTooLong
        isPayloadTooLong = unread.isPayloadTooLong
    }

    package var unread: Unread {
        let line = waiting.map { $0.line + [UInt8(ascii: "\n")] } ?? []
        return Unread(
            // bounded: `start` and `searched` lie within `bytes`
            bytes: line + payload + bytes[start...], isLineTooLong: isLineTooLong, isPayloadTooLong: isPayloadTooLong)
    }

    /// Nothing has come that is not understood yet.
    var isEmpty: Bool { start == bytes.count && payload.isEmpty && waiting == nil }

    /// The bytes that it keeps.
    package var size: Int { bytes.count + payload.count + (waiting?.line.count ?? 0) }

    package mutating func append(_ more: ArraySlice<UInt8>) {
        bytes.removeSubrange(..<start)  // bounded: `start` and `searched` lie within `bytes`
        searched -= start
        start = 0
        bytes += more
    }

    /// How many lines have come since it was asked last after which a payload goes on.
    mutating func takeContinued() -> Int {
        defer { continued = 0 }
        return continued
    }

    /// The next line's commands; nil until more comes.
    package mutating func next() -> Item? {
        while let line = nextLine() {
            if isLineTooLong {
                isLineTooLong = false
                continue
            }
            if let item = take(line) { return item }
            continued += 1
        }
        guard bytes.count - start > (waiting == nil ? ControlLine.longestLine : Self.longestPayload) else { return nil }
        bytes = []
        start = 0
        searched = 0
        if waiting != nil {
            payload = []
            isPayloadTooLong = true
        }
        if isLineTooLong || waiting != nil { return nil }
        isLineTooLong = true
        return .mistake(ControlLine.tooLong)
    }

    private mutating func nextLine() -> ArraySlice<UInt8>? {
        // bounded: `start` and `searched` lie within `bytes`
        guard let end = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = bytes.count
            return nil
        }
        defer {
            start = end + 1
            searched = start
        }
        return bytes[start..<end]  // bounded: `start` and `searched` lie within `bytes`
    }

    private mutating func take(_ line: ArraySlice<UInt8>) -> Item? {
        if let waiting {
            let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            guard String(decoding: text, as: UTF8.self).utf8.elementsEqual(waiting.pattern.utf8) else {
                isPayloadTooLong = isPayloadTooLong || payload.count + line.count >= Self.longestPayload
                payload = isPayloadTooLong ? [] : payload
                if !isPayloadTooLong { payload += line + [UInt8(ascii: "\n")] }
                return nil
            }
            return end(waiting)
        }
        do {
            let (commands, pattern) = try ControlLine.commands(of: Array(line))
            guard let pattern else { return .requests(commands) }
            waiting = Waiting(line: Array(line), commands: commands, pattern: pattern)
            return nil
        } catch {
            return .mistake(error)
        }
    }

    private mutating func end(_ line: Waiting) -> Item {
        defer {
            waiting = nil
            payload = []
            isPayloadTooLong = false
        }
        if isPayloadTooLong {
            return .mistake(ControlMistake("Payload too long (\(Self.longestPayload) bytes at most)."))
        }
        var commands = line.commands
        if !commands.isEmpty { commands.payload = String(decoding: payload, as: UTF8.self) }
        return .requests(commands)
    }
}
