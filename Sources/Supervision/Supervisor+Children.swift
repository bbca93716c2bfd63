extension Supervisor {
    mutating func spawn(in id: SlotID) {
        guard var slot = slots[id], slot.child == nil else { return }
        let plan = slot.round == nil ? plan : round?.plan
        let counts = plan?.rollout == .persistent
        if counts { generation += 1 }
        var child = Child(
            id: nextNumber(), service: slot.service.name, instance: slot.instance,
            generation: counts ? generation : slot.generation, spawnedAt: now, slot: id, stop: StopRule(slot.service),
            stage: slot.stage)
        child.watchdog = slot.service.watchdog
        slot.child = child.id
        slot.restartAt = nil
        slot.lastSpawn = now
        slots[id] = slot
        touched.append(id)
        children[child.id] = child
        spawning += 1
        actions.append(.spawn(child))
    }

    mutating func spawned(_ id: Child.ID, _ pid: Int32) {
        forked(id, pid)
        executed(pid)
    }

    /// The process is there. A start takes no longer than its time-out, whatever keeps it from its program.
    mutating func forked(_ id: Child.ID, _ pid: Int32) {
        guard var child = children[id], child.phase == .spawning else { return }
        spawning -= 1
        child.pid = pid
        child.group = child.stop.group ? pid : 0
        child.phase = .executing
        child.spawnedAt = now
        identifiers[pid] = id
        children[id] = child
        slots[child.slot]?.lastSpawn = now
        if stopRequest != nil { return tellForStop(id) }
        if child.isRetired {
            tell(id, child.stop)
            return boundRetired()
        }
        // A command came while it was on its way.
        if child.restarts || disabled.contains(child.service) { return tell(id, child.stop) }
        setDeadline(id, slots[child.slot]?.service.startTimeout.map { now + $0 })
    }

    mutating func executed(_ pid: Int32) {
        guard let id = identifiers[pid], var child = children[id], child.phase == .executing else { return }
        child.phase = .starting
        child.deadline = nil
        children[id] = child
        // The pace counts from here: a start that takes long must not make the next one due at once.
        slots[child.slot]?.lastSpawn = now
        report(.starting(child))
        if stopRequest != nil { return }
        switch slots[child.slot]?.service.readiness {
        case .none?, nil: becameReady(id)
        case .alive(let time):
            children[id]?.isOnProbation = true
            setDeadline(id, now + time)
        case .notified: setDeadline(id, slots[child.slot]?.service.startTimeout.map { now + $0 })
        }
    }

    /// The child that speaks: so it runs its program.
    mutating func speaker(_ pid: Int32) -> Child.ID? {
        executed(pid)
        return identifiers[pid]
    }

    mutating func spawnFailed(_ id: Child.ID, _ errno: Int32) {
        guard let child = children[id], child.phase == .spawning else { return }
        spawning -= 1
        children[id] = nil
        slots[child.slot]?.lastSpawn = now
        hasGone(child)
        if child.isRetired { return retired.remove(child) }
        if stopRequest != nil { return leftStage(child) }
        failedToStart(child, .notSpawned(errno))
    }

    /// It stays in the table until it is reaped; its slot is free.
    mutating func notExecuted(_ pid: Int32, _ errno: Int32) {
        guard let id = identifiers[pid], let child = children[id], child.phase == .executing || child.phase == .stopping
        else { return }
        children[id]?.phase = .killed
        children[id]?.deadline = nil
        touched.append(child.slot)
        // Whoever told it to stop waits for its end.
        if child.phase == .stopping || stopRequest != nil { return }
        children[id]?.isStillborn = true
        children[id]?.isRetired = true
        failedToStart(child, .notSpawned(errno))
    }

    mutating func becameReady(_ id: Child.ID) {
        guard var child = children[id], child.phase == .starting, !child.isRetired, stopRequest == nil else { return }
        child.phase = .ready
        child.readyAt = now
        child.deadline = nil
        let reload = child.reloadSignal
        child.reloadSignal = nil
        children[id] = child
        touched.append(child.slot)
        if let watchdog = child.watchdog { setDeadline(id, now + watchdog) }
        report(.accepted(child))
        if let reload { signal(child, reload) }
        report(.changed)
        if isCandidate(child) {
            if slots[child.slot]?.isExcused != true { round?.unready -= 1 }
            advanceRound()
        } else {
            lastAccepted = now
            scheduleReload()
        }
    }

    /// It belongs to the generation that is being brought up.
    func isCandidate(_ child: Child) -> Bool {
        guard let slot = slots[child.slot] else { return false }
        return slot.round != nil && slot.round == round?.number
    }

    mutating func setDeadline(_ id: Child.ID, _ due: Instant?) {
        children[id]?.deadline = due
        guard let due, armed[id].map({ due < $0 }) ?? true else { return }
        armed[id] = due
        arm(due, .child(id))
    }

    mutating func childIsDue(_ id: Child.ID) {
        guard let child = children[id] else { return }
        children[id]?.deadline = nil
        switch child.phase {
        case .executing, .starting:
            // A stop tells it when its stage is due.
            if stopRequest != nil { return }
            if child.isOnProbation { return becameReady(id) }
            detach(child)
            failedToStart(child, .timedOut)
        case .ready: missedHeartbeat(id)
        case .stopping: kill(id)
        case .spawning, .killed: break
        }
    }

    /// Takes a child that hangs in its start out of its slot: it is ended, and another may take its place.
    mutating func detach(_ child: Child) {
        slots[child.slot]?.child = nil
        touched.append(child.slot)
        retire(child.id)
        boundRetired()
    }

    /// It is in the table no more.
    private mutating func hasGone(_ child: Child) {
        armed[child.id] = nil
        touched.append(child.slot)
        for index in waits.indices { waits[index].hasGone(child.id) }
    }

    // MARK: Ends

    mutating func exited(_ pid: Int32, _ status: TerminationStatus) {
        guard let id = identifiers.removeValue(forKey: pid), let child = children.removeValue(forKey: id) else {
            return
        }
        hasGone(child)
        if child.isRetired {
            retired.remove(child)
            if !child.isSignalled { adopted.removeAll { $0 == id } }
            if !child.isStillborn { report(stopRequest == nil ? .formerDied(child, status) : .ended(child, status)) }
            report(.changed)
            return stopRequest == nil ? retiredChildEnded() : ()
        }
        slots[child.slot]?.child = nil
        if stopRequest != nil { return endedInStop(child, status) }
        if child.restarts {
            report(.died(child, status, restarts: true))
            return spawn(in: child.slot)
        }
        if disabled.contains(child.service) {
            report(.formerDied(child, status))
            return report(.changed)
        }
        if child.phase == .starting || child.phase == .executing {
            failedToStart(child, .ended(status))
        } else if isCandidate(child) {
            candidateFailed(child, .ended(status))
        } else {
            currentDied(child, status)
        }
    }

    private mutating func failedToStart(_ child: Child, _ failure: StartFailure) {
        slots[child.slot]?.child = nil
        if isCandidate(child) { return candidateFailed(child, failure) }
        report(.failedToStart(child, failure))
        if disabled.contains(child.service) { return }
        restartOrGiveUp(child, failure.status, failedStart: true)
        if slots[child.slot]?.isOver == false { failWaits(for: child.service, .notStarted(child, failure)) }
    }

    mutating func candidateFailed(_ child: Child, _ failure: StartFailure) {
        report(.failedToStart(child, failure))
        if round?.plan?.rollout == .persistent {
            if child.readyAt != nil, slots[child.slot]?.isExcused != true {
                round?.unready += 1
                round?.delayUntil = nil
            }
            return scheduleStart(child.slot, failedStart: child.readyAt == nil)
        }
        guard let slot = slots[child.slot], !slot.service.isCritical else {
            return failRound(.notStarted(child, failure))
        }
        // What is not critical goes its own way, by its restart policy.
        if !slot.isExcused && child.readyAt == nil { round?.unready -= 1 }
        slots[slot.id]?.isExcused = true
        restartOrGiveUp(child, failure.status, failedStart: child.readyAt == nil)
        advanceRound()
    }

    private func isReplacedByRound(_ id: SlotID) -> Bool {
        guard let round, round.plan?.rollout == .persistent, let slot = slots[id], slot.round == nil else {
            return false
        }
        return round.kept[id] == nil
    }

    private mutating func currentDied(_ child: Child, _ status: TerminationStatus) {
        // A round that never gives up brings the replacement.
        if isReplacedByRound(child.slot) {
            // During the delay its successor serves already.
            report(round?.delayUntil == nil ? .died(child, status, restarts: true) : .formerDied(child, status))
            return report(.changed)
        }
        let restarts = slots[child.slot]?.service.restart.applies(to: status) ?? false
        report(.died(child, status, restarts: restarts))
        report(.changed)
        restartOrGiveUp(child, status, failedStart: false)
    }

    private mutating func restartOrGiveUp(_ child: Child, _ status: TerminationStatus, failedStart: Bool) {
        guard var slot = slots[child.slot] else { return }
        let policy = slot.service.restart
        guard policy.applies(to: status) else { return over(child, status, gaveUp: false) }
        if let limit = policy.limit {
            slot.restarts.removeAll { now - $0 >= limit.window }
            guard slot.restarts.count < limit.count else {
                report(.gaveUp(child))
                return over(child, status, gaveUp: true)
            }
            slot.restarts.append(now)
            slots[slot.id] = slot
        }
        scheduleStart(slot.id, failedStart: failedStart)
    }

    /// Fills the slot again, no sooner than its pace allows.
    private mutating func scheduleStart(_ id: SlotID, failedStart: Bool) {
        guard var slot = slots[id], let lastSpawn = slot.lastSpawn else { return }
        restartCounts[slot.service.name, default: 0] += 1
        let backoff = slot.service.restart.backoff
        let life = now - lastSpawn
        if life >= backoff.maximum { slot.failures = 0 }
        var pace = backoff.pace(failures: slot.failures)
        if life < backoff.maximum { slot.failures += 1 }
        if failedStart, case .alive(let time) = slot.service.readiness { pace = max(pace, time) }
        // bounded: a Duration counts 5 000 000 000 000 years
        if backoff.jitter > 0 { pace += pace * (jitter.percent() * backoff.jitter) / 10_000 }
        let due = lastSpawn + pace
        slots[id] = slot
        guard due > now else { return spawn(in: id) }
        slots[id]?.restartAt = due
        arm(due, .slot(id))
    }

    mutating func slotIsDue(_ id: SlotID) {
        slots[id]?.restartAt = nil
        if !isReplacedByRound(id) { spawn(in: id) }
    }

    /// Nothing fills the slot any more.
    private mutating func over(_ child: Child, _ status: TerminationStatus, gaveUp: Bool) {
        guard let slot = slots[child.slot], !slot.isOver else { return }
        slots[slot.id]?.isOver = true
        touched.append(slot.id)
        guard slot.service.isCritical else { return }
        criticalSlots -= 1
        if status.isBad, firstBadCode == nil { firstBadCode = status.code }
        let ends = gaveUp || plan?.stopsOnFailure == true && (status.isBad || slot.service.restart.when == .never)
        if ends || criticalSlots == 0 && firstBadCode == nil {
            stop(StopRequest(.graceful, exitCode: firstBadCode ?? 0))
        }
    }
}
