import Text

/// Messages of one moment, whose records are made and written together: UTF-8, one behind the other in one buffer. It is
/// used again and again: a buffer of this size, made anew for each read, costs more than its lines.
package struct LineBatch {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    /// Nothing but printable ASCII, which every log shows as it is.
    private var isPlain = true
    /// What the last `makeLines` made.
    private(set) var lines: [UInt8] = []

    package init() {}

    package var isEmpty: Bool { ends.isEmpty }

    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        isPlain = true
    }

    /// A part of a message, of bytes that should be UTF-8: those that are none are written out.
    package mutating func append(_ part: ArraySlice<UInt8>) {
        if part.isPlain {
            bytes.append(contentsOf: part)
        } else {
            isPlain = false
            bytes.appendText(part)
        }
    }

    package mutating func endMessage() { ends.append(bytes.count) }

    /// Lines, each a message behind `head`. What would forge a line or steer a terminal is written out.
    mutating func makeLines(behind head: [UInt8]) {
        lines.removeAll(keepingCapacity: true)
        // bounded: lengths in memory
        lines.reserveCapacity(bytes.count + ends.count * (head.count + 1))
        var start = 0
        for end in ends {
            lines.append(contentsOf: head)
            let message = bytes[start..<end]  // bounded: each end is behind the one before, and in the buffer
            if isPlain { lines.append(contentsOf: message) } else { lines.appendEscaped(message) }
            lines.append(UInt8(ascii: "\n"))
            start = end
        }
    }

    package var messages: [String] {
        var start = 0
        return ends.map { end in
            defer { start = end }
            // bounded: each end is behind the one before, and in the buffer
            return String(decoding: bytes[start..<end], as: UTF8.self)
        }
    }
}
