/// The bringing up of a generation: load, start stage by stage, wait until all are ready, then retire the old one.
struct Round: Sendable {
    let number: Int
    var requesters: [Requester]
    /// The old ones are told SIGTERM, and at once.
    var isHard = false
    var plan: Plan?
    /// Every slot of the new plan, those that are kept among them.
    var slots: [SlotID] = []
    /// What the new plan says of the slots that are kept.
    var kept: [SlotID: Kept] = [:]
    /// Those that are to be filled, by stage.
    var stages: [[SlotID]] = []
    var stage = -1
    /// How many of the stages begun so far are not ready.
    var unready = 0
    /// All are ready; the old ones are told to stop then.
    var delayUntil: Instant?

    struct Kept: Equatable, Sendable {
        let service: Service
        let stage: Int
    }
}

extension Supervisor {
    mutating func requestReload(_ requester: Requester?, _ cause: ReloadCause, isHard: Bool = false) {
        let requesters = requester.map { [$0] } ?? []
        if stopRequest != nil { return answer(requesters, .failed(.stopping)) }
        if round != nil {
            waiting = (waiting ?? []) + requesters
            waitingIsHard = waitingIsHard || isHard
        } else {
            report(.reloading(cause))
            beginRound(requesters, isHard: isHard)
        }
    }

    mutating func beginRound(_ requesters: [Requester], isHard: Bool = false) {
        reloadDue = nil
        reloadsWhenAlone = false
        round = Round(number: nextNumber(), requesters: requesters, isHard: isHard)
        actions.append(.load)
    }

    mutating func loaded(_ plan: Plan) {
        guard var round, round.plan == nil else { return }
        let stages: [Int]
        do {
            stages = try plan.stages()
        } catch {
            return failRound(.notLoaded("\(error)"))
        }
        if plan.rollout == .allOrNothing { generation += 1 }
        round.plan = plan
        round.stages = Array(repeating: [], count: (stages.max() ?? 0) + 1)  // bounded: stages are counted from 0
        let kept = keptSlots()
        // Nothing serves yet: what is not critical, and nobody builds on, keeps nobody waiting.
        let awaited = self.plan == nil ? Set(plan.services.flatMap(\.after)) : nil
        for (service, stage) in zip(plan.services, stages) {
            for instance in 0..<service.instances {  // bounded: 1000 at the most
                if service.onReload != .replace, let id = kept[Place(service: service.name, instance: instance)] {
                    round.slots.append(id)
                    round.kept[id] = Round.Kept(service: service, stage: stage)
                    continue
                }
                var slot = Slot(
                    id: nextNumber(), service: service, instance: instance, stage: stage, generation: generation,
                    round: round.number)
                slot.isExcused = !service.isCritical && awaited.map { !$0.contains(service.name) } ?? false
                slots[slot.id] = slot
                round.slots.append(slot.id)
                // What was stopped by hand stays so.
                // bounded: stages are counted from 0
                if !disabled.contains(service.name) { round.stages[stage].append(slot.id) }
            }
        }
        self.round = round
        advanceRound()
    }

    private struct Place: Hashable {
        let service: String
        let instance: Int
    }

    /// What a reload may leave alone: slots that are filled, or will be.
    private func keptSlots() -> [Place: SlotID] {
        var kept: [Place: SlotID] = [:]
        for id in current {
            guard let slot = slots[id], slot.service.onReload != .replace, !slot.isOver else { continue }
            kept[Place(service: slot.service.name, instance: slot.instance)] = id
        }
        return kept
    }

    mutating func loadFailed(_ reason: String) {
        if round?.plan == nil { failRound(.notLoaded(reason)) }
    }

    /// Begins stages until one has something to wait for; after the last, the old generation may go.
    mutating func advanceRound() {
        while var round, round.unready == 0, round.delayUntil == nil, stopRequest == nil {
            round.stage += 1
            guard round.stage < round.stages.count else { return everyoneIsReady() }
            let starting = round.stages[round.stage]
            round.unready = starting.count { slots[$0]?.isExcused == false }
            self.round = round
            for id in starting { spawn(in: id) }
        }
    }

    /// Current children that the new plan has no place for.
    private func leaving() -> [Child.ID] {
        let staying = Set(round?.slots ?? [])
        return current.compactMap { staying.contains($0) ? nil : slots[$0]?.child }
    }

    private mutating func everyoneIsReady() {
        guard let plan = round?.plan else { return }
        let old = leaving().compactMap { children[$0]?.pid }
        let pids = old.filter { $0 > 0 }.sorted()
        let delay = old.isEmpty || round?.isHard == true ? .zero : plan.retireDelay
        if self.plan != nil { report(.succeeded(generation: generation, old: pids, delay: delay)) }
        guard delay > .zero else { return commit() }
        let due = now + delay
        round?.delayUntil = due
        if let number = round?.number { arm(due, .round(number)) }
    }

    mutating func retireOld() {
        report(.retiring)
        commit()
    }

    private mutating func commit() {
        guard let round, let plan = round.plan else { return }
        let old = leaving()
        let staying = Set(round.slots)
        for id in current where !staying.contains(id) { slots[id] = nil }
        for id in round.slots {
            slots[id]?.round = nil
            slots[id]?.isExcused = false
        }
        for id in round.kept.keys.sorted() { if let kept = round.kept[id] { adapt(id, to: kept) } }
        self.plan = plan
        self.round = nil
        committedGeneration = generation
        place(round.slots)
        disabled.formIntersection(placed.keys)
        restartCounts = restartCounts.filter { placed[$0.key] != nil }
        failedReloads = 0
        firstBadCode = nil
        lastAccepted = now
        lastFailedReload = nil
        if round.isHard { for id in old + adopted { children[id]?.stop.signal = 15 } }
        for id in old { retire(id) }
        for id in round.kept.keys.sorted() { reloadKept(id) }
        retireAdopted()
        criticalSlots = placed.keys.reduce(0) { $0 + criticalSlots(of: $1) }
        boundRetired()
        report(.reloaded(generation: generation))
        answer(round.requesters, .done(generation: generation))
        scheduleReload()
        roundIsOver()
    }

    /// A kept child goes on under the rules of the new plan; its process group stays what it is.
    private mutating func adapt(_ id: SlotID, to kept: Round.Kept) {
        slots[id]?.service = kept.service
        slots[id]?.stage = kept.stage
        slots[id]?.generation = generation
        guard let child = slots[id]?.child.flatMap({ children[$0] }) else { return }
        let rule = StopRule(kept.service)
        children[child.id]?.stop = StopRule(signal: rule.signal, timeout: rule.timeout, group: child.stop.group)
        children[child.id]?.stage = kept.stage
        children[child.id]?.lastGeneration = generation
        guard child.watchdog != kept.service.watchdog else { return }
        children[child.id]?.watchdog = kept.service.watchdog
        if child.phase == .ready { setDeadline(child.id, kept.service.watchdog.map { now + $0 }) }
    }

    private mutating func retireAdopted() {
        for id in adopted {
            guard let child = children[id], !child.isSignalled else { continue }
            retired.insert(child)
            tell(id, child.stop)
        }
        adopted = []
    }

    private mutating func reloadKept(_ id: SlotID) {
        guard let slot = slots[id], let child = slot.child.flatMap({ children[$0] }), !child.isSignalled else { return }
        switch slot.service.onReload {
        case .keep, .replace: break
        case .signal(let signal):
            // One that is still starting may not catch it yet: it gets it when it is ready.
            if child.phase == .starting { children[child.id]?.reloadSignal = signal }
            if child.phase == .executing { children[child.id]?.reloadSignal = signal }
            if child.phase == .ready { self.signal(child, signal) }
        case .restart:
            // One that is just being spawned is new already.
            guard child.phase != .spawning else { return }
            children[child.id]?.restarts = true
            tell(child.id, child.stop)
        }
    }

    /// Commands come before the next round, or reloads without a pause would keep them waiting for ever.
    private mutating func roundIsOver() {
        followOrders()
        guard let requesters = waiting else { return }
        let isHard = waitingIsHard
        waiting = nil
        waitingIsHard = false
        report(.reloading(.request))
        beginRound(requesters, isHard: isHard)
    }

    /// The new ones are ended, everything stays as it was. Without anything that was, everything ends.
    mutating func failRound(_ failure: Failure) {
        guard let round else { return }
        let kept = Set(current)
        lastFailedReload = now
        for id in round.slots where !kept.contains(id) {
            if let child = slots[id]?.child { retire(child) }
            slots[id] = nil
        }
        boundRetired()
        self.round = nil
        report(.reloadFailed(failure))
        answer(round.requesters, .failed(failure))
        failWaits(failure)
        guard plan != nil || !adopted.isEmpty || !placed.isEmpty else {
            return stop(StopRequest(.graceful, exitCode: 1))
        }
        failedReloads += 1
        scheduleReload()
        roundIsOver()
    }

    // MARK: Reloads by themselves

    mutating func scheduleReload() {
        reloadsWhenAlone = false
        reloadDue = nil
        guard let interval = reloadInterval, let last = lastReload, round == nil, stopRequest == nil else { return }
        let due = max(now, last + interval)
        reloadDue = due
        arm(due, .reload)
    }

    private var reloadInterval: Duration? { plan?.reloadInterval.flatMap { $0 > .zero ? $0 : nil } }

    /// What the interval counts from.
    private var lastReload: Instant? { [lastAccepted, lastFailedReload].compactMap(\.self).max() }

    mutating func reloadIsDue() {
        reloadDue = nil
        guard let interval = reloadInterval, let lastReload, round == nil else { return }
        let last = lastReload + interval * 2  // bounded: a Duration counts 5 000 000 000 000 years
        guard retired.isEmpty || now >= last else {
            reloadsWhenAlone = true
            reloadDue = last
            return arm(last, .reload)
        }
        requestReload(nil, .interval(interval, forced: !retired.isEmpty))
    }

    mutating func retiredChildEnded() {
        guard reloadsWhenAlone, retired.isEmpty else { return }
        reloadIsDue()
    }
}
