import Synchronization
import Unix

/// A descriptor that takes log lines. What it cannot take is counted, and told when it works again; a log never ends
/// its daemon and never blocks it.
package final class LogSink: Sendable {
    /// Borrowed.
    package let descriptor: Int32
    private enum Channel {
        /// A file, which takes what it is given.
        case file
        /// A pipe or a terminal, opened once more without waiting; ours alone, since others share the first one's flags.
        case nonBlocking(Int32)
        case socket
        /// It may make us wait: it is asked before, one writer at a time.
        case mayBlock
    }
    private let channel: Channel
    private let turn = Mutex(())
    private let lost = Atomic<Int>(0)
    /// A record was cut by a full disk: the next one starts on a line of its own.
    private let torn = Atomic<Bool>(false)
    private let cause = Atomic<Int32>(0)

    /// `isShared`: other processes hold the same open file, whose flags are not ours to change; so a pipe or a terminal
    /// is opened anew. Not for a descriptor that is replaced later.
    package init(_ descriptor: Int32, isShared: Bool = false) {
        self.descriptor = descriptor
        switch (try? FileStatus(descriptor: descriptor))?.kind {
        case .regular?: channel = .file
        case .socket?: channel = .socket
        default:
            let options: OpenOptions = [.writeOnly, .append, .nonBlocking, .noControllingTerminal]
            let path = "/proc/self/fd/\(descriptor)"
            let again = isShared ? try? FileDescriptor.open(path, options).release() : nil
            channel = again.map(Channel.nonBlocking) ?? .mayBlock
        }
    }

    deinit {
        if case .nonBlocking(let number) = channel { Descriptor.close(number) }
    }

    /// `report` makes the line that tells of lost ones, from their number and the reason.
    package func write(_ line: [UInt8], report: (Int, Errno) -> [UInt8]) {
        if lost.load(ordering: .relaxed) > 0 { tellLoss(report) }
        if !send(line) { lost.add(1, ordering: .relaxed) }
    }

    private func tellLoss(_ report: (Int, Errno) -> [UInt8]) {
        let count = lost.exchange(0, ordering: .relaxed)
        guard count > 0 else { return }
        let reason = Errno(rawValue: cause.load(ordering: .relaxed))
        if !send(report(count, reason)) { lost.add(count, ordering: .relaxed) }
    }

    /// True when all of it was written by one write(2).
    private func send(_ line: [UInt8]) -> Bool {
        guard case .mayBlock = channel else { return writeOnce(line) }
        return turn.withLock { _ in
            guard Poll.writable(descriptor, timeout: .zero) else {
                cause.store(Errno.wouldBlock.rawValue, ordering: .relaxed)
                return false
            }
            return writeOnce(line)
        }
    }

    private func writeOnce(_ line: [UInt8]) -> Bool {
        let afterTear = torn.load(ordering: .relaxed) && torn.exchange(false, ordering: .relaxed)
        let bytes = afterTear ? [UInt8(ascii: "\n")] + line : line
        do {
            let count =
                switch channel {
                case .file, .mayBlock: try Descriptor.write(descriptor, bytes.span)
                case .nonBlocking(let number): try Descriptor.write(number, bytes.span)
                case .socket: try Socket.send(descriptor, bytes.span)
                }
            if count == bytes.count { return true }
            torn.store(true, ordering: .relaxed)
            // A disk that is full or a limit that is reached; a pipe or a socket without room.
            var reason = Errno.noSpace
            if case .file = channel {} else { reason = .wouldBlock }
            cause.store(reason.rawValue, ordering: .relaxed)
        } catch {
            if afterTear { torn.store(true, ordering: .relaxed) }
            cause.store(error.rawValue, ordering: .relaxed)
        }
        return false
    }

    /// Why the last line was lost; nil when none is waiting to be told.
    var failure: Errno? {
        lost.load(ordering: .relaxed) > 0 ? Errno(rawValue: cause.load(ordering: .relaxed)) : nil
    }
}
