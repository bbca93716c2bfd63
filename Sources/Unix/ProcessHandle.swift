import CUnix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A running process that is not our child, held so that its pid cannot come to mean another one: pidfd_open(2).
///
/// Where the system has no pidfd, the pid itself is used; the caller checks the pid file's lock around each call.
package final class ProcessHandle: Sendable {
    package let pid: ProcessID
    /// -1 where the system has no pidfd.
    private let handle: Int32

    package init(pid: ProcessID) throws(Errno) {
        self.pid = pid
        do {
            handle = try checked { SystemCall.openProcess(pid) }
        } catch .noSystemCall {
            handle = -1
        }
    }

    deinit { if handle >= 0 { Descriptor.close(handle) } }

    /// A descriptor that becomes readable when the process ends, or -1; the caller owns it.
    package static func descriptor(of pid: ProcessID) -> Int32 { SystemCall.openProcess(pid) }

    package func send(_ signal: Signal) throws(Errno) {
        guard handle >= 0 else { return try signal.send(to: pid) }
        try send(signal, queued: false)
    }

    /// A SIGHUP that asks for the log only. Where it cannot be told apart, a plain one.
    package func queueReopen() throws(Errno) {
        guard handle >= 0 else { return try Signal.hangup.send(to: pid) }
        try send(.hangup, queued: true)
    }

    private func send(_ signal: Signal, queued: Bool) throws(Errno) {
        let handle = handle
        _ = try checked { SystemCall.signal(handle, signal.rawValue, queued: queued ? Int32(cunix_reopen_only) : nil) }
    }

    /// Waits for its end; false when the time is over first.
    package func waitForEnd(_ limit: Duration) -> Bool {
        let deadline = MonotonicTime.now + limit
        while true {
            let left = max(.zero, deadline - .now)
            if handle >= 0 {
                return Poll.readable(handle, timeout: left)
            }
            if (try? Signal(rawValue: 0).send(to: pid)) == nil { return true }
            guard left > .zero else { return false }
            Poll.pause(min(left, .milliseconds(20)))
        }
    }
}
