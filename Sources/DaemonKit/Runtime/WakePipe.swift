import Synchronization
import Unix

/// Poll loops that are woken when something about the daemon changes, as long as they are there.
final class Wakers: Sendable {
    private struct Entry: Sendable {
        weak let pipe: WakePipe?
    }

    private let entries = Mutex<[Entry]>([])

    func add(_ pipe: WakePipe) {
        entries.withLock { entries in
            entries.removeAll { $0.pipe == nil }
            entries.append(Entry(pipe: pipe))
        }
    }

    func wake() { for entry in entries.withLock(\.self) { entry.pipe?.wake() } }
}

/// A descriptor that another thread makes readable.
final class WakePipe: Sendable {
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
    func wake() { _ = try? Descriptor.write(pipe.write.number, [UInt8](repeating: 0, count: 1).span) }

    func clear() {
        var buffer = [UInt8](repeating: 0, count: 256)
        while let count = try? Descriptor.read(pipe.read.number, into: &buffer), count == buffer.count {}
    }
}
