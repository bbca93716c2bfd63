/// What the runtime is to do, all of it in this order; only then come the answers to it, in the same order, and then
/// what else has happened.
package enum Action: Equatable, Sendable {
    /// Read the configuration and make ready what the new generation needs; answered by `loaded` or `loadFailed`.
    case load
    /// Start a process; answered by `spawned`, `forked` or `spawnFailed` before any other event.
    case spawn(Child)
    /// Only ever to a child that is not reaped yet; `pid` is the number of its group when it goes to the group.
    case signal(pid: Int32, Int32, group: Bool)
    case answer(Requester, Answer)
    /// Ask the new executable to prove itself; answered by `proven` or `unproven`.
    case prove
    /// Replace this process's image: always the last action. An answer, `execFailed`, comes only when it fails.
    case exec
    case report(Report)
    /// Everything has ended.
    case exit(Int32)
}

/// What became of a request.
package enum Answer: Equatable, Sendable {
    case done(generation: Int)
    /// Nothing has changed.
    case failed(Failure)
}

package enum Failure: Equatable, Sendable {
    /// Everything is being stopped.
    case stopping
    /// The new configuration cannot be used.
    case notLoaded(String)
    /// A critical service requires another, which is not ready.
    case requirement(String, of: String)
    /// Indirect: every answer is as large as the largest.
    indirect case notStarted(Child, StartFailure)
    /// The new executable did not prove itself, or could not be executed.
    case notUpgraded(String)
    /// The plan in force has no service of this name.
    case unknownService(String)
    /// The service failed for good while somebody waited for it.
    case gaveUp(String)
    /// The service was stopped by hand while somebody waited for it.
    case noInstances(String)
}

/// What the log should tell.
package enum Report: Equatable, Sendable {
    case starting(Child)
    case failedToStart(Child, StartFailure)
    case accepted(Child)
    /// A current child ended by itself.
    case died(Child, TerminationStatus, restarts: Bool)
    /// An old one, or one of a failed start, has ended.
    case formerDied(Child, TerminationStatus)
    /// During a stop.
    case ended(Child, TerminationStatus)
    /// A one-shot has ended with success.
    case completed(Child, TerminationStatus)
    /// It failed for good: its restart limit is exhausted.
    case gaveUp(Child)
    /// What its service requires is not ready, or has failed: then it has failed, too.
    case blocked(Blocked)
    case killing(Child)
    /// Its watchdog got no beat in time: it is killed.
    case missedHeartbeat(Child)
    case reloading(ReloadCause)
    /// All of the new generation are ready; these old ones are to stop.
    case succeeded(generation: Int, old: [Int32], delay: Duration)
    /// The delay is over.
    case retiring
    /// The round is over: what is current has changed.
    case reloaded(generation: Int)
    case reloadFailed(Failure)
    /// All have ended well, and nothing is to be started: a stop follows.
    case nothingLeft
    case stopping(StopRequest, pids: [Int32])
    case upgradeFailed(String)
    /// The table of serving children is another one.
    case changed
}

/// An instance that is not started, and the service for which it waits.
package struct Blocked: Equatable, Sendable {
    package let slot: SlotID
    package let service: String
    package let instance: Int
    package let requirement: String
    package let hasFailed: Bool
}

package enum StartFailure: Hashable, Sendable {
    case ended(TerminationStatus)
    case timedOut
    /// errno of the spawn
    case notSpawned(Int32)

    /// As a restart policy judges it.
    var status: TerminationStatus { if case .ended(let status) = self { status } else { .exited(1) } }
}

package enum ReloadCause: Equatable, Sendable {
    case request
    /// The reload interval has passed; forced when old children are still there.
    case interval(Duration, forced: Bool)
}
