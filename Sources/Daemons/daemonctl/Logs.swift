import DaemonKit
import Unix

/// `logs`: the end of a log file, and what comes then, over rotation and truncation.
///
/// There is no event to wait for: inotify(7) needs functions that Swift does not see. So with --follow the file is asked
/// five times a second, at the cost of two fstat(2); without it, once.
struct Logs {
    private static let pace = Duration.milliseconds(200)
    private static let block = 64 * 1024
    /// How long the old file is read after a rotation: its writers may not have reopened yet.
    private static let patience = 25

    /// A file that is being read.
    private final class Source {
        let descriptor: Int32
        let identity: FileStatus.Identity
        var offset: Int64
        private var output: Output
        /// Looks since it has grown last.
        var idle = 0

        init(_ path: String, _ output: Output) throws(Errno) {
            self.output = output
            let file = try FileDescriptor.open(path, [.nonBlocking, .noControllingTerminal])
            let status = try FileStatus(descriptor: file.number)
            guard status.kind == .regular else { throw .invalidArgument }
            identity = status.identity
            offset = status.size
            descriptor = file.release()
        }

        deinit { Descriptor.close(descriptor) }

        /// Writes what is new.
        func copy() throws(Errno) {
            idle += 1
            let size = try FileStatus(descriptor: descriptor).size
            if size < offset { offset = 0 }
            while offset < size {
                let bytes = Descriptor.contents(of: descriptor, from: offset, limit: Logs.block)
                guard !bytes.isEmpty else { return }
                offset += Int64(bytes.count)  // bounded: offsets within a file
                idle = 0
                try output.write(bytes[...])
            }
        }

        func end() throws(Errno) { try output.end() }

        /// Where the last so many lines begin. An end of line at the very end begins no line.
        func start(ofLast lines: Int) -> Int64 {
            var left = lines
            var end = offset
            while end > 0 {
                let start = max(0, end - Int64(Logs.block))  // bounded: offsets within a file
                // bounded: offsets within a file
                let bytes = Descriptor.contents(of: descriptor, from: start, limit: Int(end - start))
                for index in bytes.indices.reversed() where bytes[index] == UInt8(ascii: "\n") {
                    guard start + Int64(index) + 1 < offset else { continue }  // bounded: offsets within a file
                    left -= 1
                    if left == 0 { return start + Int64(index) + 1 }  // bounded: offsets within a file
                }
                end = start
            }
            return 0
        }
    }

    let path: String
    var output: Int32 = 1
    /// What would steer a terminal is written out.
    var isVisible = false

    private func source() throws(Errno) -> Source { try Source(path, Output(output, isVisible: isVisible)) }

    /// The last lines.
    func tail(_ lines: Int) throws(Errno) {
        let source = try source()
        try last(lines, source)
        try source.end()
    }

    private func last(_ lines: Int, _ source: Source) throws(Errno) {
        if lines > 0 {
            source.offset = source.start(ofLast: lines)
            try source.copy()
        }
    }

    /// The last lines, and all that come, until `isOver`. A file that is not there is waited for.
    func follow(_ lines: Int, isOver: () -> Bool = { false }) throws(Errno) {
        var sources: [Source] = []
        if let source = try? source() {
            try last(lines, source)
            sources.append(source)
        }
        while !isOver() {
            for source in sources { try source.copy() }
            if let now = try? FileStatus(following: path), now.identity != sources.last?.identity,
                let next = try? source()
            {
                // What came into the old one meanwhile stands before the new one's lines.
                try sources.last?.copy()
                next.offset = 0
                sources.append(next)
                continue
            }
            if sources.count > 1, sources[0].idle > Self.patience { sources.removeFirst() }
            Poll.pause(Self.pace)
        }
    }
}
