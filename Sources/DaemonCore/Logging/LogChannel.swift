import Unix

/// A way for bytes into a descriptor that never waits for a reader.
///
/// O_NONBLOCK belongs to the open file, which a shell, a terminal's other programs and our children share with us. So
/// nobody else's open file is changed: a pipe or a terminal is opened once more, and what cannot be opened is written to
/// by calls that do not wait.
struct LogChannel: ~Copyable, Sendable {
    enum Kind {
        /// A file, or what is open without waiting.
        case direct
        case terminal
        case socket
        /// Its open file may wait, and cannot be had anew.
        case borrowed
    }

    let kind: Kind
    /// The largest write that keeps together: what is longer is cut at the ends of lines.
    private let longest: Int
    private let isPipe: Bool
    private let number: Int32
    private let again: FileDescriptor?

    /// `isShared`: other processes hold the same open file. Otherwise its flags are ours to change.
    init(_ descriptor: Int32, isShared: Bool) {
        let status = try? FileStatus(descriptor: descriptor)
        isPipe = status?.kind == .fifo
        longest = isPipe ? Descriptor.wholeInPipe : .max
        var opened: FileDescriptor?
        switch status?.kind {
        case .regular?: kind = .direct
        case .socket?: kind = .socket
        case _ where !isShared:
            try? Descriptor.setNonBlocking(descriptor, true)
            kind = .direct
        default:
            let options: OpenOptions = [.writeOnly, .append, .nonBlocking, .noControllingTerminal]
            opened = try? FileDescriptor.open("/proc/self/fd/\(descriptor)", options)
            kind = opened == nil ? .borrowed : Terminal.isTerminal(descriptor) ? .terminal : .direct
        }
        number = opened?.number ?? descriptor
        again = opened
    }

    /// How many bytes went out, and what kept the rest.
    func put(_ bytes: ArraySlice<UInt8>) -> (count: Int, failure: Errno?) {
        var rest = bytes
        var failure: Errno?
        do throws(Errno) {
            while !rest.isEmpty {
                let count = try write(part(of: rest))
                guard count > 0 else { throw .wouldBlock }
                rest = rest.dropFirst(count)
            }
        } catch {
            failure = error
        }
        return (bytes.count - rest.count, failure)
    }

    /// As many whole lines as keep together, or one that is longer.
    private func part(of bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard bytes.count > longest else { return bytes }
        let newline = UInt8(ascii: "\n")
        if let end = bytes.prefix(longest).lastIndex(of: newline) { return bytes[...end] }
        return bytes.firstPlace(of: newline).map { bytes[...$0] } ?? bytes
    }

    private func write(_ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
        switch kind {
        case .direct: try Descriptor.write(number, bytes.span)
        case .socket: try Socket.send(number, bytes.span)
        case .borrowed: try Descriptor.writeNow(number, bytes.span)
        case .terminal:
            // In the background of a terminal with `stty tostop`, SIGTTOU would come back for ever. termios(3)
            try Signal.withAllBlocked { () throws(Errno) in try Descriptor.write(number, bytes.span) }
        }
    }

    /// A pipe that is full gets more room, and as much again when its writer ends: what has waited until then fits into
    /// that, and so does the line that tells of a loss. 1 MiB is all that a user may ask for. pipe(7)
    func enlarge(isLast: Bool = false) {
        if isPipe { Descriptor.enlargePipe(number, to: isLast ? 1 << 20 : 1 << 19) }
    }

    func hasRoom(within time: Duration) -> Bool { Poll.writable(number, timeout: time) }
}
