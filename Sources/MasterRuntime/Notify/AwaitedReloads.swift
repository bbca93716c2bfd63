import DaemonCore
import Supervision
import Unix

/// The workers that were told to reload, each in its own process, until the last of them has done so: a service manager
/// that has sent SIGHUP to their master waits for that.
struct AwaitedReloads {
    private enum State: Equatable {
        /// Since this moment, in microseconds of CLOCK_MONOTONIC.
        case signalled(UInt64)
        case reloading
    }

    private var states: [Supervision.Child.ID: State] = [:]
    private(set) var hasFailed = false

    var isEmpty: Bool { states.isEmpty }

    mutating func begin() {
        if states.isEmpty { hasFailed = false }
    }

    mutating func signalled(_ child: Supervision.Child.ID, at now: MonotonicTime) {
        states[child] = .signalled(UInt64(clamping: now.nanoseconds / 1000))
    }

    /// As systemd has it, the end of a reload that had begun before the signal is not the end of this one.
    mutating func take(_ message: NotifyMessage, from child: Supervision.Child.ID) {
        guard let state = states[child] else { return }
        if message.isReloading, case .signalled(let moment) = state, message.reloadMoment ?? .max >= moment {
            states[child] = .reloading
        } else if message.isReady, state == .reloading {
            states[child] = nil
            hasFailed = hasFailed || message.status?.hasPrefix("Reload failed") ?? false
        }
    }

    /// It has ended, and reloads no more.
    mutating func forget(_ child: Supervision.Child.ID) { states[child] = nil }
}
