/// How a generation takes the place of another.
extension Supervisor {
    mutating func requestReload(_ requester: Requester?, _ cause: ReloadCause, isHard: Bool = false) {
        if stopRequest != nil { return answer(requester, .failed(.stopping)) }
        if rollout != nil {
            var next = requests.next ?? NextRollout()
            next.requesters.append(requester)
            next.isHard = next.isHard || isHard
            requests.next = next
        } else {
            report(.reloading(cause))
            beginRollout(RequesterQueue([requester].compactMap(\.self)), isHard: isHard)
        }
    }

    mutating func beginRollout(_ requesters: RequesterQueue, isHard: Bool = false) {
        schedule.due = .never
        rollout = Rollout(number: registry.nextNumber(), requesters: requesters, isHard: isHard)
        actions.append(.load)
    }

    mutating func loaded(_ plan: Plan) {
        guard rollout?.isLoading == true else { return }
        let stages: [Int]
        do {
            stages = try plan.stages()
        } catch {
            return failRollout(.notLoaded("\(error)"))
        }
        if plan.rollout == .allOrNothing { generations.latest += 1 }
        var progress = Rollout.Progress(plan: plan)
        progress.stages = Array(repeating: [], count: (stages.max() ?? 0) + 1)  // bounded: stages are counted from 0
        openSlots(plan, stages, &progress)
        rollout?.state = .starting(progress)
        advanceRollout()
    }

    /// A slot for each instance: one of before that is kept, or a new one.
    private mutating func openSlots(_ plan: Plan, _ stages: [Int], _ progress: inout Rollout.Progress) {
        let kept = keptSlots()
        // Nothing serves yet: what is not critical, and nobody builds on, keeps nobody waiting.
        let awaited = self.plan == nil ? progress.followed : nil
        for (service, stage) in zip(plan.services, stages) {
            let isExcused = !service.isCritical && awaited.map { !$0.contains(service.name) } ?? false
            for instance in 0..<service.instances {  // bounded: 1000 at the most
                if service.onReload != .replace, let id = kept[Position(service: service.name, instance: instance)],
                    // What has ended well, and is to be started again, is started anew.
                    service.onReload != .restart || registry.slots[id]?.filling != .finished
                {
                    progress.append(id, of: service.name)
                    progress.kept[id] = Rollout.Kept(service: service, stage: stage)
                    continue
                }
                var slot = Slot(
                    id: registry.nextNumber(), service: service, instance: instance, stage: stage,
                    generation: generation)
                slot.membership = .candidate(isExcused ? .excused : .pending)
                registry.insert(slot)
                progress.append(slot.id, of: service.name)
                // What was stopped by hand stays so.
                // bounded: stages are counted from 0
                if !disabled.contains(service.name) { progress.stages[stage].append(slot.id) }
            }
        }
    }

    private struct Position: Hashable {
        let service: String
        let instance: Int
    }

    /// What a reload may leave alone: slots that are filled, or will be, or whose work is done.
    private func keptSlots() -> [Position: SlotID] {
        var kept: [Position: SlotID] = [:]
        for id in registry.current {
            guard let slot = registry.slots[id], slot.service.onReload != .replace, !slot.hasFailed else { continue }
            kept[Position(service: slot.service.name, instance: slot.instance)] = id
        }
        return kept
    }

    mutating func loadFailed(_ reason: String) {
        if rollout?.isLoading == true { failRollout(.notLoaded(reason)) }
    }

    /// Begins stages until one has something to wait for; after the last, the old generation may go.
    mutating func advanceRollout() {
        while case .starting(var progress)? = rollout?.state, census.unready == 0, stopRequest == nil {
            progress.stage += 1
            rollout?.state = .starting(progress)
            guard progress.stage < progress.stages.count else { return everyoneIsReady() }
            let starting = progress.stages[progress.stage]
            for id in starting {
                registry.update(id) {
                    if $0.membership == .candidate(.pending) { $0.membership = .candidate(.awaited) }
                }
            }
            // The rollout may fail with one of them, and then the others are gone.
            for id in starting { fill(id) }
        }
    }

    /// Current children that the new plan has no slot for.
    private func leaving() -> [Child.ID] {
        let staying = Set(rollout?.progress?.slots ?? [])
        return registry.current.compactMap { staying.contains($0) ? nil : registry.slots[$0]?.child }
    }

    private mutating func everyoneIsReady() {
        guard let rollout, let plan = rollout.plan else { return }
        let old = leaving().compactMap { registry.children[$0]?.pid }
        let pids = old.filter { $0 > 0 }.sorted()
        let delay = old.isEmpty || rollout.isHard ? .zero : plan.retireDelay
        if self.plan != nil { report(.succeeded(generation: generation, old: pids, delay: delay)) }
        guard delay > .zero else { return commit() }
        let due = now + delay
        self.rollout?.delay(until: due)
    }

    mutating func retireOld() {
        report(.retiring)
        commit()
    }

    private mutating func commit() {
        guard let rollout, let progress = rollout.progress else { return }
        let old = leaving()
        let adopted = census.adopted.sorted()
        let staying = Set(progress.slots)
        let closing = registry.current.filter { !staying.contains($0) }
        for id in progress.slots { registry.update(id) { $0.membership = .current } }
        for id in progress.kept.keys.sorted() { if let kept = progress.kept[id] { adapt(id, to: kept) } }
        plan = progress.plan
        isWhole = true
        self.rollout = nil
        generations.committed = generation
        generations.failedReloads = 0
        registry.place(progress.slots, plan)
        exits.rolloutSucceeded()
        schedule.lastAccepted = now
        schedule.lastFailure = nil
        if rollout.isHard { for id in old + adopted { registry.update(id) { $0.stop.signal = 15 } } }
        for id in old { retire(id) }
        for id in progress.kept.keys.sorted() { reloadKept(id) }
        for id in adopted { retire(id) }
        for id in closing { registry.remove(slot: id) }
        for name in disabled where registry.services[name] == nil { registry.enable(name) }
        restartCounts = restartCounts.filter { registry.services[$0.key] != nil }
        for name in requests.waits.awaitedServices { registry.note(name) }
        noteRequirements()
        boundOldGenerations()
        report(.reloaded(generation: generation))
        answer(rollout.requesters, .done(generation: generation))
        scheduleReload()
        rolloutIsOver()
    }

    /// A kept child goes on under the rules of the new plan; its process group stays what it is.
    private mutating func adapt(_ id: SlotID, to kept: Rollout.Kept) {
        let generation = generation
        let watchdog = registry.slots[id]?.service.watchdog
        registry.update(id) {
            $0.service = kept.service
            $0.stage = kept.stage
            $0.generation = generation
        }
        guard let child = registry.child(in: id) else { return }
        registry.update(child.id) {
            $0.stop = StopRule(kept.service)
            $0.lastGeneration = generation
        }
        guard watchdog != kept.service.watchdog, child.ownWatchdog == nil,
            case .ready(let identity, let since, _) = child.life
        else { return }
        let due = kept.service.watchdog.map { now + $0 }
        registry.update(child.id) { $0.life = .ready(identity, since: since, heartbeatBy: due) }
    }

    private mutating func reloadKept(_ id: SlotID) {
        guard let slot = registry.slots[id], let child = registry.child(in: id) else { return }
        switch slot.service.onReload {
        case .keep, .replace: break
        case .signal(let signal):
            // One that is still starting may not catch it yet: it gets it when it is ready.
            registry.update(child.id) { $0.life.owe(signal) }
            if child.phase == .ready { self.signal(child, signal) }
        case .restart:
            // One that is just being spawned is new already.
            guard child.phase != .spawning, !child.isSignalled else { return }
            registry.update(child.id) { $0.duty = .restarting(id) }
            signalToStop(child.id, child.stop)
        }
    }

    /// Commands come before the next rollout, or reloads without a pause would keep them waiting for ever.
    private mutating func rolloutIsOver() {
        followOrders()
        guard stopRequest == nil, rollout == nil, let next = requests.next else { return }
        requests.next = nil
        report(.reloading(.request))
        beginRollout(next.requesters, isHard: next.isHard)
    }

    /// The new ones are ended, everything stays as it was. Without anything that was, everything ends.
    mutating func failRollout(_ failure: Failure) {
        guard let rollout else { return }
        schedule.lastFailure = now
        let slots = rollout.progress?.slots ?? []
        for id in slots where registry.slots[id]?.isCandidate == true {
            if let child = registry.slots[id]?.child { retire(child) }
            registry.remove(slot: id)
        }
        boundOldGenerations()
        self.rollout = nil
        report(.reloadFailed(failure))
        answer(rollout.requesters, .failed(failure))
        failWaits(failure)
        guard plan != nil || !census.adopted.isEmpty || !registry.services.isEmpty else {
            return stop(StopRequest(.graceful, exitCode: 1))
        }
        generations.failedReloads += 1
        scheduleReload()
        rolloutIsOver()
    }
}
