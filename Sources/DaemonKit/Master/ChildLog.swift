import Unix

/// A pipe that a child writes its output to, cut into lines.
final class ChildLog {
    /// The master's end, non-blocking.
    let descriptor: Int32
    private let take: (ArraySlice<UInt8>) -> Void
    /// The beginning of a line whose end has not come yet.
    private(set) var unfinished: [UInt8]

    /// A longer line is cut in pieces.
    private static let longest = 8192

    /// `take` gets each line, without its end.
    init(_ descriptor: Int32, _ take: @escaping (ArraySlice<UInt8>) -> Void, unfinished: [UInt8] = []) {
        self.descriptor = descriptor
        self.take = take
        self.unfinished = unfinished
    }

    /// Reads what is there; false at the end of the pipe, when the last writer has gone.
    func readLines(_ buffer: inout [UInt8]) -> Bool {
        // Once, so that a child that never stops talking does not keep the others waiting.
        do {
            let count = try Descriptor.read(descriptor, into: &buffer)
            guard count > 0 else { return finish() }
            append(buffer[..<count])
            return true
        } catch {
            return error == .wouldBlock || finish()
        }
    }

    private func append(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            unfinished += rest[..<end]
            repeat { say() } while !unfinished.isEmpty
            rest = rest[(end + 1)...]
        }
        unfinished += rest
        while unfinished.count > Self.longest { say() }
    }

    private func say() {
        let piece = unfinished.prefix(Self.longest)
        take(piece)
        unfinished.removeFirst(piece.count)
    }

    /// A last line without its end is a line too.
    private func finish() -> Bool {
        while !unfinished.isEmpty { say() }
        return false
    }
}
