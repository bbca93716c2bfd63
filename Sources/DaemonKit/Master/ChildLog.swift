import Unix

/// A pipe that a child writes its output to, and the master reads line by line into its log.
final class ChildLog {
    let read: Int32
    /// The child's end, until it is started.
    let write: Int32
    private let take: (ArraySlice<UInt8>) -> Void
    private var line: [UInt8] = []

    /// A longer line is cut in pieces.
    private static let longest = 8192

    /// `take` gets each line, without its end.
    init(_ take: @escaping (ArraySlice<UInt8>) -> Void) throws(Errno) {
        let ends = try FileDescriptor.pipe().release()
        (read, write) = ends
        try Descriptor.setNonBlocking(ends.read, true)
        self.take = take
    }

    /// Reads what is there; false at the end of the pipe, when the last writer has gone.
    func readLines(_ buffer: inout [UInt8]) -> Bool {
        // Bounded, so that one child that never stops talking does not stop the loop.
        for _ in 0..<16 {
            do {
                let count = try Descriptor.read(read, into: &buffer)
                guard count > 0 else { return finish() }
                append(buffer[..<count])
            } catch .wouldBlock {
                return true
            } catch {
                return finish()
            }
        }
        return true
    }

    private func append(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            line += rest[..<end]
            say()
            rest = rest[(end + 1)...]
        }
        line += rest
        while line.count > Self.longest { say() }
    }

    private func say() {
        let piece = line.prefix(Self.longest)
        take(piece)
        line.removeFirst(piece.count)
    }

    /// A last line without its end is a line too.
    private func finish() -> Bool {
        while !line.isEmpty { say() }
        return false
    }
}
