import Synchronization
import Unix

/// A descriptor that takes log lines. What it cannot take is counted, and told when it works again; a log never ends
/// its daemon and never blocks it.
final class LogSink: Sendable {
    let descriptor: Int32
    /// A pipe, a terminal or a socket may make us wait: it is asked before, one writer at a time.
    private let mayBlock: Bool
    private let turn = Mutex(())
    private let lost = Atomic<Int>(0)
    /// A record was cut by a full disk: the next one starts on a line of its own.
    private let torn = Atomic<Bool>(false)
    private let cause = Atomic<Int32>(0)

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        let kind = (try? FileStatus(descriptor: descriptor))?.kind
        mayBlock = kind != .regular
    }

    /// `report` makes the line that tells of lost ones, from their number and the reason.
    func write(_ line: [UInt8], report: (Int, Errno) -> [UInt8]) {
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
        guard mayBlock else { return writeOnce(line) }
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
            let count = try Descriptor.write(descriptor, bytes.span)
            if count == bytes.count { return true }
            torn.store(true, ordering: .relaxed)
            cause.store(Errno.noSpace.rawValue, ordering: .relaxed)
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
