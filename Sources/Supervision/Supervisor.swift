/// The engine of all supervision here: it takes what happens and says what to do about it. It owns no process, no clock
/// and no descriptor, so everything that it decides can be replayed. What is wanted is recorded before any action is
/// asked for, so that an event in between finds it.
///
/// What holds after every event:
/// - One rollout at a time. Requests for another coalesce into one more, and every requester is answered once.
/// - A child that serves is signalled by a rollout only when all that replaces it is ready and the delay is over. A
///   rollout that fails has changed nothing.
/// - A stop beats everything: nothing is spawned, loaded or upgraded after it, and it ends.
/// - Every child is in the table from its spawn until it is reaped. It is signalled only in between, and ends within
///   its stop time-out, and within the age of old generations, when there is one.
/// - Nothing is started before what it requires is ready, and nothing that is blocked stays so for longer.
/// - A slot is filled by one child at a time, and again no sooner than its back-off, no more often than its limit.
/// - Old generations are as many as the plan allows, and no more; the oldest are killed.
/// - A good end of a child that is not to be restarted changes nothing else; when nothing is left to run, all ends.
/// - The exit code tells the first failure: it is not 0 when what served has crashed.
/// - A timer is set exactly for what will be done then, and an event costs as much as it changes.
///
/// What a child is in is a `Life`, what it is for is a `Duty`; their tables stand there.
///
/// | event                   | without a rollout            | during a rollout             | during a stop           |
/// |-------------------------|------------------------------|------------------------------|-------------------------|
/// | `start`                 | the first rollout begins     |                              |                         |
/// | `loaded`                |                              | its first stage starts       |                         |
/// | `loadFailed`            |                              | it fails                     |                         |
/// | a child became ready    | accepted                     | the next stage, or the end   |                         |
/// | a current child ended   | restarted, failed, finished  | the same                     | counted                 |
/// | a candidate ended       |                              | finished, tried again, fails | counted                 |
/// | an old child ended      | forgotten                    | forgotten                    | counted                 |
/// | `reload`                | a rollout begins             | another follows              | refused                 |
/// | `command`               | followed                     | followed after it            | refused                 |
/// | `upgrade`, then proven  | exec                         | exec, once it is loaded      | refused                 |
/// | `stop`                  | all are signalled            | it is given up, all are      | a stronger one, anew    |
package struct Supervisor: Sendable {
    /// The plan in force; nil until the first configuration is loaded.
    package internal(set) var plan: Plan?
    var registry = Registry()
    var generations = Generations()
    var rollout: Rollout? { didSet { registry.setTimer(.rollout, rollout?.delayUntil) } }
    var schedule = ReloadSchedule() { didSet { registry.setTimer(.reload, schedule.deadline) } }
    var requests = Requests()
    var upgrade = Upgrade.none
    var course = Course.running
    var exits = ExitHistory.running(firstBad: nil)
    var jitter: Jitter
    /// Automatic restarts since the master began, by service.
    package internal(set) var restartCounts: [String: Int] = [:]
    /// The state of an earlier image had all of the plan in force.
    var isWhole = true
    var now = Instant(nanoseconds: 0)
    var actions: [Action] = []

    /// The seed is for the jitter of restarts: a random number, so that masters that lost the same thing at the same
    /// moment do not come back at the same moment.
    package init(seed: UInt64) { jitter = Jitter(seed: seed) }

    /// Takes one event, and returns what is to be done, in this order.
    package mutating func handle(_ event: Event, at time: Instant) -> [Action] {
        now = max(now, time)
        actions.removeAll(keepingCapacity: true)
        if case .exited = course { return [] }
        take(event)
        var changed: Set<String> = []
        // What has become unblocked may have failed, and a stop that follows may leave no time at all.
        repeat {
            meetDeadlines()
            changed.formUnion(fillUnblocked())
        } while registry.nextDeadline().map { $0 <= now } ?? false
        settleWaits(changed)
        stopIfNothingIsLeft()
        exitIfDone()
        execIfDue()
        return actions
    }

    private mutating func take(_ event: Event) {
        switch event {
        case .start: if plan == nil && rollout == nil && stopRequest == nil { beginRollout(RequesterQueue()) }
        case .timer: break
        case .loaded(let plan): loaded(plan)
        case .loadFailed(let reason): loadFailed(reason)
        case .spawned(let id, let pid): spawned(id, pid)
        case .forked(let id, let pid): forked(id, pid)
        case .spawnFailed(let id, let errno): spawnFailed(id, errno)
        case .executed(let pid): executed(pid)
        case .notExecuted(let pid, let errno): notExecuted(pid, errno)
        case .exited(let pid, let status): exited(pid, status)
        case .ready(let pid): saysReady(pid)
        case .reload(let requester, let isHard): requestReload(requester, .request, isHard: isHard)
        case .command(let requester, let command): commanded(Order(requester: requester, command: command))
        case .waitReady(let requester): waitReady(requester)
        case .forget(let requester): forget(requester)
        case .heartbeat(let pid): heartbeat(pid)
        case .watchdog(let pid, let time): changeWatchdog(of: pid, to: time)
        case .heartbeatMissed(let pid): if let id = registry.child(withPID: pid) { missedHeartbeat(id) }
        case .extend(let pid, let duration): extend(pid, duration)
        case .mainProcess(let pid, let process, let group): changeMainProcess(of: pid, to: process, group)
        case .stop(let request): stop(request)
        case .upgrade(let requester): requestUpgrade(requester)
        case .proven: upgradeProven()
        case .unproven(let reason), .execFailed(let reason): upgradeFailed(reason)
        case .resumed: resumed()
        }
    }

    private mutating func meetDeadlines() {
        while let target = registry.popDue(at: now) {
            switch target {
            case .child(let id): childIsDue(id)
            case .slot(let id): slotIsDue(id)
            case .patience(let id): patienceEnds(id)
            case .rollout: retireOld()
            case .reload: reloadIsDue()
            }
        }
    }

    // MARK: What others see

    package var children: [Child.ID: Child] { registry.children }
    package var census: Census { registry.census }
    /// The generation that was begun last.
    package var generation: Int { generations.latest }
    /// Reloads that failed since the last good one.
    package var failedReloads: Int { generations.failedReloads }
    /// Everything is being stopped, and how.
    package var stopRequest: StopRequest? { course.request }
    /// Services that were stopped by hand: nothing fills their slots until they are started.
    package var disabled: Set<String> { registry.disabled }
    package var isReloading: Bool { rollout != nil }
    package var isFirstRollout: Bool { plan == nil }

    /// The child with this pid, until it is reaped.
    package func child(withPID pid: Int32) -> Child? { registry.child(withPID: pid).flatMap { registry.children[$0] } }

    /// Nothing fills (some of) its slots any more.
    package func hasFailed(service: String) -> Bool { (registry.census.services[service]?.failed ?? 0) > 0 }

    /// When `timer` is to come; nil when nothing is due.
    package mutating func nextDeadline() -> Instant? { registry.nextDeadline() }

    /// Changes what may change without a reload: the delay of the next retirement and the interval of reloads.
    package mutating func adjust(retireDelay: Duration, reloadInterval: Duration?, at time: Instant) {
        now = max(now, time)
        rollout?.progress?.plan.retireDelay = retireDelay
        plan?.retireDelay = retireDelay
        rollout?.progress?.plan.reloadInterval = reloadInterval
        guard plan?.reloadInterval != reloadInterval else { return }
        plan?.reloadInterval = reloadInterval
        scheduleReload()
    }

    // MARK: Actions

    mutating func report(_ report: Report) { actions.append(.report(report)) }

    mutating func answer(_ requester: Requester?, _ answer: Answer) {
        if let requester { actions.append(.answer(requester, answer)) }
    }

    mutating func answer(_ requesters: RequesterQueue, _ answer: Answer) {
        for requester in requesters.inOrder { self.answer(requester, answer) }
    }
}
