/// How a child ends, and what follows.
extension Supervisor {
    mutating func exited(_ pid: Int32, _ status: TerminationStatus) {
        guard let id = registry.child(withPID: pid), let child = registry.children[id] else { return }
        remove(child)
        guard let slot = child.slot else { return retiredChildExited(child, status) }
        if stopRequest != nil { return exitedInStop(child, status) }
        if child.duty.isRestarting {
            report(.died(child, status, restarts: true))
            return spawn(in: slot)
        }
        if disabled.contains(child.service) {
            report(.formerDied(child, status))
            return report(.changed)
        }
        if child.phase == .starting || child.phase == .executing {
            failedToStart(child, slot, .ended(status))
        } else if isCandidate(child) {
            candidateFailed(child, slot, .ended(status))
        } else {
            currentDied(child, slot, status)
        }
    }

    private mutating func retiredChildExited(_ child: Child, _ status: TerminationStatus) {
        if child.duty != .stillborn {
            report(stopRequest == nil ? .formerDied(child, status) : .ended(child, status))
        }
        report(.changed)
        if stopRequest == nil { reloadWhenAlone() }
    }

    mutating func failedToStart(_ child: Child, _ slot: SlotID, _ failure: StartFailure) {
        if isCandidate(child) { return candidateFailed(child, slot, failure) }
        report(.failedToStart(child, failure))
        if disabled.contains(child.service) { return }
        restartOrFail(child, slot, failure.status, failedStart: true)
        if registry.slots[slot]?.hasFailed == false { failWaits(for: child.service, .notStarted(child, failure)) }
    }

    mutating func candidateFailed(_ child: Child, _ id: SlotID, _ failure: StartFailure) {
        report(.failedToStart(child, failure))
        guard let slot = registry.slots[id] else { return }
        let wasReady = child.readyAt != nil
        if rollout?.plan?.rollout == .persistent {
            if wasReady && !slot.isExcused { rollout?.endDelay() }
            return scheduleStart(id, failedStart: !wasReady)
        }
        guard !slot.service.isCritical else { return failRollout(.notStarted(child, failure)) }
        // What is not critical goes its own way, by its restart policy.
        registry.update(id) { $0.membership = .candidate(.excused) }
        restartOrFail(child, id, failure.status, failedStart: !wasReady)
        advanceRollout()
    }

    private func isReplacedByRollout(_ id: SlotID) -> Bool {
        guard let progress = rollout?.progress, progress.plan.rollout == .persistent,
            registry.slots[id]?.isCandidate == false
        else { return false }
        return progress.kept[id] == nil
    }

    private mutating func currentDied(_ child: Child, _ slot: SlotID, _ status: TerminationStatus) {
        // A rollout that never gives up brings the replacement.
        if isReplacedByRollout(slot) {
            // During the delay its successor serves already.
            report(rollout?.delayUntil == nil ? .died(child, status, restarts: true) : .formerDied(child, status))
            return report(.changed)
        }
        let restarts = registry.slots[slot]?.service.restart.applies(to: status) ?? false
        report(.died(child, status, restarts: restarts))
        report(.changed)
        restartOrFail(child, slot, status, failedStart: false)
    }

    private mutating func restartOrFail(
        _ child: Child, _ id: SlotID, _ status: TerminationStatus, failedStart: Bool
    ) {
        guard var slot = registry.slots[id] else { return }
        let policy = slot.service.restart
        guard policy.applies(to: status) else { return fail(slot, status, isExhausted: false) }
        if let limit = policy.limit {
            slot.restarts.removeAll { now - $0 >= limit.window }
            guard slot.restarts.count < limit.count else {
                report(.gaveUp(child))
                return fail(slot, status, isExhausted: true)
            }
            slot.restarts.append(now)
            registry.update(id) { $0.restarts = slot.restarts }
        }
        scheduleStart(id, failedStart: failedStart)
    }

    /// Fills the slot again, no sooner than its pace allows.
    private mutating func scheduleStart(_ id: SlotID, failedStart: Bool) {
        guard let slot = registry.slots[id], let lastSpawn = slot.lastSpawn else { return }
        restartCounts[slot.service.name, default: 0] += 1
        let backoff = slot.service.restart.backoff
        let isShort = now - lastSpawn < backoff.maximum
        let failures = isShort ? slot.failures : 0
        registry.update(id) { $0.failures = isShort ? failures + 1 : 0 }
        var pace = backoff.pace(failures: failures)
        if failedStart, case .alive(let time) = slot.service.readiness { pace = max(pace, time) }
        // bounded: a Duration counts 5 000 000 000 000 years
        if backoff.jitter > 0 { pace += pace * (jitter.percent() * backoff.jitter) / 10_000 }
        let due = lastSpawn + pace
        guard due > now else { return spawn(in: id) }
        registry.update(id) { $0.filling = .paused(until: due) }
    }

    mutating func slotIsDue(_ id: SlotID) {
        registry.update(id) { $0.filling = .empty }
        if !isReplacedByRollout(id) { spawn(in: id) }
    }

    /// Nothing fills the slot any more.
    private mutating func fail(_ slot: Slot, _ status: TerminationStatus, isExhausted: Bool) {
        guard !slot.hasFailed else { return }
        registry.update(slot.id) { $0.filling = .failed }
        guard slot.service.isCritical else { return }
        exits.failed(status)
        let isFailure = status.isBad || slot.service.restart.when == .never
        let ends = isExhausted || plan?.stopsOnFailure == true && isFailure
        if ends || census.critical == 0 && exits.firstBad == nil {
            stop(StopRequest(.graceful, exitCode: exits.firstBad ?? 0))
        }
    }
}
