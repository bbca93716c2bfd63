import DaemonCore

/// The commands of a line that are still to be done. They are kept as the text of the line, and each is read when its
/// turn comes: 16 KiB of text can be thousands of them.
package struct ControlCommands: Equatable, Sendable {
    private var text: ArraySlice<UInt8>
    /// How many there are.
    private var count: Int
    /// Of the last one.
    package var payload: String?

    /// `text` has `count` commands, and no pattern of a payload at its end.
    init(_ text: [UInt8], count: Int) {
        self.text = text[...]
        self.count = count
    }

    package init(_ requests: [ControlRequest] = []) {
        self.init(Array(ControlLine.text(requests).utf8), count: requests.count)
        payload = requests.last?.payload
    }

    package var isEmpty: Bool { count == 0 }
    /// The bytes that it keeps.
    package var size: Int { text.count + (payload?.utf8.count ?? 0) }

    package mutating func popFirst() -> ControlRequest? {
        guard count > 0 else { return nil }
        count -= 1
        let (words, rest) = ControlLine.first(in: text)
        text = rest
        guard count == 0 else { return ControlRequest(words) }
        defer { self = ControlCommands() }
        return ControlRequest(words, payload: payload)
    }

    /// They say the same, however it was written.
    package static func == (one: Self, other: Self) -> Bool {
        var (one, other) = (one, other)
        guard one.count == other.count else { return false }
        while let request = one.popFirst() {
            guard request == other.popFirst() else { return false }
        }
        return true
    }
}
