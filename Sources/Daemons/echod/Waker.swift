import Unix

/// Wakes a poll loop from another thread.
final class Waker: Sendable {
    private let pipe: Pipe

    init() throws(Errno) {
        let ends = try FileDescriptor.pipe()
        try Descriptor.setNonBlocking(ends.read.number, true)
        try Descriptor.setNonBlocking(ends.write.number, true)
        pipe = ends
    }

    /// Readable from a `wake` to the next `clear`.
    var descriptor: Int32 { pipe.read.number }

    /// A pipe that is full wakes all the same.
    func wake() { try? Descriptor.writeAll(pipe.write.number, ".") }

    func clear() {
        var buffer = [UInt8](repeating: 0, count: 256)
        while let count = try? Descriptor.read(pipe.read.number, into: &buffer), count == buffer.count {}
    }
}
