/// The engine of all supervision here: it takes what happens and says what to do about it. It owns no process, no
/// clock and no descriptor, so everything that it decides can be replayed.
///
/// What is wanted is recorded before any action is asked for, so that an event in between finds it.
package struct Supervisor: Sendable {
    /// The plan in force; nil until the first configuration is loaded.
    package internal(set) var plan: Plan?
    package internal(set) var generation = 0
    /// Reloads that failed since the last good one.
    package internal(set) var failedReloads = 0
    /// Everything is being stopped, and how.
    package internal(set) var stopRequest: StopRequest?
    package internal(set) var children: [Child.ID: Child] = [:]
    /// Services that were stopped by hand: nothing fills their slots until they are started.
    package internal(set) var disabled: Set<String> = []
    /// Automatic restarts since the master began, by service.
    package internal(set) var restartCounts: [String: Int] = [:]

    var identifiers: [Int32: Child.ID] = [:]
    var slots: [SlotID: Slot] = [:]
    /// The services of the plan in force.
    var placed: [String: ServiceSlots] = [:]
    /// How many of their slots are to become ready.
    var awaited = 0
    /// Slots to be counted anew at the end of the event.
    var touched: [SlotID] = []
    var waits: [Wait] = []
    /// Commands that came during a round: done after it.
    var orders: [Order] = []
    /// Those of the current slots whose children may still be restarted, and matter.
    var criticalSlots = 0
    /// Of the round that succeeded last.
    var committedGeneration = 0
    var round: Round?
    /// Requests that came during the round: one more round serves them all.
    var waiting: [Requester]?
    var waitingIsHard = false
    var upgrade: [Requester]?
    /// The new executable is good: the exec comes as soon as no spawn and no load is under way.
    var execIsDue = false
    var spawning = 0
    var retired = RetiredGenerations()
    /// Retired children that were not told to stop, because nothing else served.
    var adopted: [Child.ID] = []
    var deadlines = DeadlineQueue()
    /// The soonest entry of a child among them: one that is put off, as by each beat, makes no other.
    var armed: [Child.ID: Instant] = [:]
    var lastAccepted: Instant?
    var lastFailedReload: Instant?
    var reloadDue: Instant?
    /// The state lost a part of the plan in force.
    var mustReload = false
    /// Reload as soon as the last old child has gone.
    var reloadsWhenAlone = false
    var firstBadCode: Int32?
    /// What it was when the stop began: no exit code that a stop asks for hides it.
    var codeBeforeStop: Int32?
    /// While services are stopped one stage after the other: those of this stage and above have been told.
    var stopStage = 0
    /// The current children of each stage, when the stop began, and how many of them are left.
    var stopStages: [[Child.ID]] = []
    var stageCounts: [Int] = []
    var isOver = false
    var counter = 0
    var jitter: Jitter
    var now = Instant(nanoseconds: 0)
    var actions: [Action] = []

    /// The seed is for the jitter of restarts: a random number, so that masters that lost the same thing at the same
    /// moment do not come back at the same moment.
    package init(seed: UInt64) { jitter = Jitter(seed: seed) }

    /// Takes one event, and returns what is to be done, in this order.
    package mutating func handle(_ event: Event, at time: Instant) -> [Action] {
        now = max(now, time)
        actions.removeAll(keepingCapacity: true)
        guard !isOver else { return [] }
        switch event {
        case .start: if plan == nil && round == nil && stopRequest == nil { beginRound([]) }
        case .timer: break
        case .loaded(let plan): loaded(plan)
        case .loadFailed(let reason): loadFailed(reason)
        case .spawned(let id, let pid): spawned(id, pid)
        case .forked(let id, let pid): forked(id, pid)
        case .spawnFailed(let id, let errno): spawnFailed(id, errno)
        case .executed(let pid): executed(pid)
        case .notExecuted(let pid, let errno): notExecuted(pid, errno)
        case .exited(let pid, let status): exited(pid, status)
        case .ready(let pid): if let id = speaker(pid) { becameReady(id) }
        case .reload(let requester, let isHard): requestReload(requester, .request, isHard: isHard)
        case .command(let requester, let command): commanded(Order(requester: requester, command: command))
        case .waitReady(let requester): waitReady(requester)
        case .forget(let requester): forget(requester)
        case .heartbeat(let pid): heartbeat(pid)
        case .heartbeatMissed(let pid): if let id = identifiers[pid] { missedHeartbeat(id) }
        case .extend(let pid, let duration): extend(pid, duration)
        case .mainProcess(let pid, let process, let group): changeMainProcess(of: pid, to: process, group)
        case .stop(let request): stop(request)
        case .upgrade(let requester): requestUpgrade(requester)
        case .proven: execIsDue = upgrade != nil
        case .unproven(let reason), .execFailed(let reason): upgradeFailed(reason)
        case .resumed: resumed()
        }
        meetDeadlines()
        settleWaits()
        endIfDone()
        if execIsDue, spawning == 0, round.map({ $0.plan != nil }) ?? true {
            execIsDue = false
            actions.append(.exec)
        }
        return actions
    }

    /// The child with this pid, until it is reaped.
    package func child(withPID pid: Int32) -> Child? { identifiers[pid].flatMap { children[$0] } }

    /// When `timer` is to come; nil when nothing is due.
    package mutating func nextDeadline() -> Instant? {
        firstDeadline()?.due
    }

    package var isReloading: Bool { round != nil }
    package var isFirstRollout: Bool { plan == nil }

    /// Changes what may change without a reload: the delay of the next retirement and the interval of reloads.
    package mutating func adjust(retireDelay: Duration, reloadInterval: Duration?, at time: Instant) {
        now = max(now, time)
        round?.plan?.retireDelay = retireDelay
        plan?.retireDelay = retireDelay
        round?.plan?.reloadInterval = reloadInterval
        guard plan?.reloadInterval != reloadInterval else { return }
        plan?.reloadInterval = reloadInterval
        scheduleReload()
    }

    // MARK: Deadlines

    private mutating func meetDeadlines() {
        while let first = firstDeadline(), first.due <= now {
            deadlines.removeFirst()
            switch first.target {
            case .child(let id):
                armed[id] = nil
                childIsDue(id)
            case .slot(let id): slotIsDue(id)
            case .round: retireOld()
            case .reload: reloadIsDue()
            }
        }
    }

    /// Drops what is no longer meant, and moves what was put off, until the first entry is true.
    private mutating func firstDeadline() -> (due: Instant, target: DeadlineQueue.Target)? {
        while let first = deadlines.first {
            if isCurrent(first.due, first.target) { return first }
            deadlines.removeFirst()
            guard case .child(let id) = first.target, armed[id] == first.due else { continue }
            armed[id] = nil
            setDeadline(id, children[id]?.deadline)
        }
        return nil
    }

    private func isCurrent(_ due: Instant, _ target: DeadlineQueue.Target) -> Bool {
        switch target {
        case .child(let id): children[id]?.deadline == due
        case .slot(let id): slots[id]?.restartAt == due && stopRequest == nil
        case .round(let number): round?.number == number && round?.delayUntil == due
        case .reload: reloadDue == due && stopRequest == nil
        }
    }

    mutating func arm(_ due: Instant, _ target: DeadlineQueue.Target) {
        deadlines.insert(due, target)
        // bounded: counts of what lies in memory
        guard deadlines.count > 2 * (children.count + slots.count) + 64 else { return }
        let snapshot = self
        deadlines.compact { due, target in
            if case .child(let id) = target, snapshot.armed[id] == due { return true }
            return snapshot.isCurrent(due, target)
        }
    }

    mutating func report(_ report: Report) { actions.append(.report(report)) }

    mutating func answer(_ requesters: [Requester], _ answer: Answer) {
        for requester in requesters { actions.append(.answer(requester, answer)) }
    }

    mutating func nextNumber() -> Int {
        counter += 1
        return counter
    }
}

/// The children of old generations, oldest first.
struct RetiredGenerations: Equatable, Sendable {
    private var members: [Int: Set<Child.ID>] = [:]
    /// Ascending.
    private(set) var generations: [Int] = []

    var isEmpty: Bool { generations.isEmpty }

    subscript(generation: Int) -> Set<Child.ID> { members[generation] ?? [] }

    mutating func insert(_ child: Child) {
        if members[child.lastGeneration] == nil {
            // bounded: a position within them
            generations.insert(child.lastGeneration, at: position(child.lastGeneration))
        }
        members[child.lastGeneration, default: []].insert(child.id)
    }

    mutating func remove(_ child: Child) {
        let generation = child.lastGeneration
        guard members[generation]?.remove(child.id) != nil, members[generation]?.isEmpty == true else { return }
        members[generation] = nil
        generations.remove(at: position(generation))  // bounded: a position within them
    }

    private func position(_ generation: Int) -> Int {
        var (low, high) = (0, generations.count)
        while low < high {
            let middle = (low + high) / 2
            if generations[middle] < generation { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
