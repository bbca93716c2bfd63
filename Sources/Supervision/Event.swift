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
    /// The answers to `Action.spawn`: it runs its program; it is there, and on its way to it; there is no child.
    case spawned(Child.ID, pid: Int32)
    case forked(Child.ID, pid: Int32)
    case spawnFailed(Child.ID, errno: Int32)
    /// What became of one that was on its way. In the second case the runtime ends it, and `exited` follows.
    case executed(pid: Int32)
    case notExecuted(pid: Int32, errno: Int32)
    /// Reaped by wait(2); a stranger's end changes nothing.
    case exited(pid: Int32, TerminationStatus)
    /// READY=1 came from this process.
    case ready(pid: Int32)
    /// A hard one tells the old ones SIGTERM at once, whatever their stop signal and the delay of their retirement.
    case reload(Requester?, hard: Bool = false)
    case stop(StopRequest)
    case upgrade(Requester?)
    case command(Requester?, ServiceCommand)
    /// Answered when no round runs and every slot that is neither over nor disabled is ready, or when a round fails.
    case waitReady(Requester)
    /// Nobody waits for this answer any more.
    case forget(Requester)
    /// WATCHDOG=1
    case heartbeat(pid: Int32)
    /// WATCHDOG_USEC: it says itself how often it beats at least, whatever its service's rule is.
    case watchdog(pid: Int32, WatchdogTime)
    /// WATCHDOG=trigger: as if the watchdog's time had passed.
    case heartbeatMissed(pid: Int32)
    /// EXTEND_TIMEOUT_USEC: the start, watchdog or stop time-out ends no sooner than so long from now.
    case extend(pid: Int32, Duration)
    /// MAINPID: the child is another process from now on, a descendant of ours. Its signals go to `group`, or to the
    /// process alone.
    case mainProcess(pid: Int32, is: Int32, group: Int32?)
    /// The answers to `Action.prove` and `Action.exec`; after a successful exec comes `resumed`, from the new image.
    case proven
    case unproven(String)
    case execFailed(String)
    case resumed
}

/// An order for one service, by its name.
package enum ServiceCommand: Equatable, Sendable {
    /// Fills each empty slot now, whatever failed before; answered when all are ready.
    case start(String)
    /// Ends its current children, and starts none until it is told to; answered when they are gone.
    case stop(String)
    /// Stops each child and starts it again; answered when all are ready.
    case restart(String)
    /// So many instances from now on, until a reload says otherwise; answered when all are ready.
    case scale(String, Int)

    package var service: String {
        switch self {
        case .start(let name), .stop(let name), .restart(let name), .scale(let name, _): name
        }
    }
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
