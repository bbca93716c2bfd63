import Supervision

/// One decision of a history. Everything that the world answers by itself follows from the steps before, so that the
/// same steps give the same history, and any of them can be left out.
package enum Step: Sendable {
    /// The clock moves on; nobody tells the engine.
    case advance(Int64)
    /// The clock moves to the engine's next deadline and so much beyond (or stops before it), then the timer rings.
    case deadline(offset: Int64)
    case timer
    /// READY=1 from the n-th of the living.
    case ready(Int)
    /// The n-th of the living ends.
    case exit(Int, TerminationStatus)
    /// A process ends, or says READY=1, that is none of ours.
    case stranger(pid: Int32, isReady: Bool)
    /// From so many requesters at once; 0: one that wants no answer.
    case reload(requesters: Int, hard: Bool = false)
    case command(ServiceCommand, hasRequester: Bool)
    case waitReady
    /// The n-th of those who wait does so no longer.
    case forget(Int)
    /// WATCHDOG=1 from the n-th of the living.
    case heartbeat(Int)
    case heartbeatMissed(Int)
    case watchdog(Int, WatchdogTime)
    case extend(Int, Duration)
    /// The n-th of the living becomes another process, in no group, in its own, or in the one of before.
    case mainProcess(Int, MainGroup)
    case stop(StopRequest)
    case upgrade(hasRequester: Bool)
    /// The new executable answers at last.
    case proof(isGood: Bool)
    /// From now on an exec succeeds, or fails.
    case exec(works: Bool)
    /// What the next load will find.
    case configure(Plan)
    /// From now on a load finds something unreadable, or not.
    case configuration(isBroken: Bool)
    case failSpawns(Int)
    /// From now on a spawn takes so long.
    case spawnTime(Int64)
    /// From now on children are some time on the way to their programs, or not.
    case slowExecutions(Bool)
    /// The n-th of the living comes to its program, or not, if it is on its way.
    case execution(Int, works: Bool)
    case adopt
    case adjust(retireDelay: Duration, reloadInterval: Duration?)
}

package enum MainGroup: CaseIterable, Sendable { case none, own, same }

/// A whole life of a supervisor: `start` with this plan, these steps, and an end that the world makes if they do not.
package struct History: Sendable {
    package var plan: Plan
    package var steps: [Step]

    package init(plan: Plan, steps: [Step]) {
        self.plan = plan
        self.steps = steps
    }
}

/// A guarantee that did not hold.
package struct Violation: Error, Sendable {
    package let rule: String
    /// How many steps had been taken.
    package let step: Int
}
