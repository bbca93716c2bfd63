#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// poll(2) for a few descriptors.
package enum Poll {
    /// Whether the descriptor is readable (or at its end) before the time is over. Signals do not cut it short.
    package static func readable(_ descriptor: Int32, timeout: Duration?) -> Bool {
        wait(descriptor, for: Int16(POLLIN), timeout: timeout)
    }

    package static func writable(_ descriptor: Int32, timeout: Duration?) -> Bool {
        wait(descriptor, for: Int16(POLLOUT), timeout: timeout)
    }

    /// Whether a connection's other end is gone: not one that has only ended its own side.
    package static func isHungUp(_ descriptor: Int32) -> Bool {
        var entries = [pollfd(fd: descriptor, events: 0, revents: 0)]
        wait(&entries, timeout: .zero)
        return entries[0].revents != 0
    }

    /// Sleeps, whatever signals come.
    package static func pause(_ duration: Duration) {
        let deadline = MonotonicTime.now + duration
        while case let left = deadline - .now, left > .zero {
            poll(nil, 0, left.pollMilliseconds)
        }
    }

    /// Which of them are readable (or at their end): none when the time was over first. Negative numbers are skipped.
    package static func readable(_ descriptors: [Int32], timeout: Duration?) -> [Bool] {
        var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        wait(&entries, timeout: timeout)
        return entries.map { $0.revents != 0 }
    }

    private static func wait(_ descriptor: Int32, for events: Int16, timeout: Duration?) -> Bool {
        var entries = [pollfd(fd: descriptor, events: events, revents: 0)]
        wait(&entries, timeout: timeout)
        return entries[0].revents != 0
    }

    private static func wait(_ entries: inout [pollfd], timeout: Duration?) {
        let deadline = timeout.map { MonotonicTime.now + $0 }
        while true {
            let left = deadline.map { ($0 - .now).pollMilliseconds } ?? -1
            let count = unsafe poll(&entries, nfds_t(entries.count), left)
            if count > 0 { return }
            if count == 0 && left >= 0 && deadline.map({ $0 <= .now }) ?? true { return }
            if count == -1 && errno != EINTR { return }
        }
    }
}
