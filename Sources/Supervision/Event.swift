/// Who asked: the engine hands the number back with the answer.
package typealias Requester = Int

/// What happens to the supervisor.
package enum Event: Equatable, Sendable {
    /// Once, first of all: brings up the first generation.
    case start
    /// A deadline may have passed.
    case timer
    /// The answer to `Action.load`.
    case loaded(Plan)
    case loadFailed(String)
    /// The answers to `Action.spawn`.
    case spawned(Child.ID, pid: Int32)
    case spawnFailed(Child.ID, errno: Int32)
    /// Reaped by wait(2); a stranger's end changes nothing.
    case exited(pid: Int32, Ending)
    /// READY=1 came from this process.
    case ready(pid: Int32)
    case reload(Requester?)
    case stop(StopRequest)
    case upgrade(Requester?)
    /// The answers to `Action.prove` and `Action.exec`; after a successful exec comes `resumed`, from the new image.
    case proven
    case unproven(String)
    case execFailed(String)
    case resumed
}

/// Ends everything. A stronger request overtakes a weaker one; a weaker or equal one changes nothing.
package struct StopRequest: Equatable, Sendable {
    package enum Urgency: Int, Comparable, Sendable {
        /// No time-out: children leave when their last work is done.
        case soft
        /// Services in reverse order, each within its time-out.
        case graceful
        /// All at once.
        case now

        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    package var urgency: Urgency
    /// Instead of each service's own.
    package var signal: Int32?
    /// From the signal to KILL, instead of each service's own.
    package var timeout: Duration?
    /// What the front end knows it by: the signal that asked.
    package var cause: Int32
    package var exitCode: Int32

    package init(
        _ urgency: Urgency, signal: Int32? = nil, timeout: Duration? = nil, cause: Int32 = 15, exitCode: Int32 = 0
    ) {
        self.urgency = urgency
        self.signal = signal
        self.timeout = timeout
        self.cause = cause
        self.exitCode = exitCode
    }
}
