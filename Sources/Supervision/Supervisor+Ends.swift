/// How a child ends, and what follows.
extension Supervisor {
    mutating func exited(_ pid: Int32, _ status: TerminationStatus) {
        guard let id = registry.child(withPID: pid), let child = registry.children[id] else { return }
        remove(child)
        guard let slot = child.slot else { return retiredChildExited(child, status) }
        if stopRequest != nil { return exitedInStop(child, status) }
        if child.duty.isRestarting {
            report(.died(child, status, restarts: true))
            return fill(slot)
        }
        if disabled.contains(child.service) {
            report(.formerDied(child, status))
            return report(.changed)
        }
        if child.phase == .starting || child.phase == .executing {
            endedBeforeReady(child, slot, status)
        } else if isCandidate(child) {
            candidateDied(child, slot, status)
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

    /// Its start has failed, unless it is a one-shot.
    private mutating func endedBeforeReady(_ child: Child, _ id: SlotID, _ status: TerminationStatus) {
        guard let service = registry.slots[id]?.service, service.readiness == .completed,
            service.restart.isSuccess(status)
        else { return failedToStart(child, id, .ended(status)) }
        report(.completed(child, status))
        finish(id, status)
    }

    /// A candidate that was ready has ended. Where it is not to be restarted, and nothing is wrong, nobody misses it.
    private mutating func candidateDied(_ child: Child, _ id: SlotID, _ status: TerminationStatus) {
        guard let restart = registry.slots[id]?.service.restart, rollout?.plan?.rollout == .allOrNothing,
            !restart.applies(to: status), restart.isGood(status)
        else { return candidateFailed(child, id, .ended(status)) }
        report(.died(child, status, restarts: false))
        finish(id, status)
    }

    /// Nothing fills the slot any more, and that is as it should be.
    private mutating func finish(_ id: SlotID, _ status: TerminationStatus) {
        registry.update(id) {
            $0.filling = .finished
            $0.lastEnd = .ended(status)
        }
        report(.changed)
        guard let slot = registry.slots[id] else { return }
        registry.note(slot.service.name)
        if slot.isCandidate { advanceRollout() }
    }

    mutating func failedToStart(_ child: Child, _ slot: SlotID, _ failure: StartFailure) {
        if isCandidate(child) { return candidateFailed(child, slot, failure) }
        report(.failedToStart(child, failure))
        if disabled.contains(child.service) { return }
        restartOrEnd(child, slot, failure, failedStart: true)
        if registry.slots[slot]?.isOver == false { failWaits(for: child.service, .notStarted(child, failure)) }
    }

    mutating func candidateFailed(_ child: Child, _ id: SlotID, _ failure: StartFailure) {
        report(.failedToStart(child, failure))
        guard let slot = registry.slots[id] else { return }
        let wasReady = child.readyAt != nil
        registry.update(id) { $0.lastEnd = failure }
        if rollout?.plan?.rollout == .persistent {
            if wasReady && !slot.isExcused { rollout?.endDelay() }
            return scheduleStart(id, failedStart: !wasReady)
        }
        guard !slot.service.isCritical else { return failRollout(.notStarted(child, failure)) }
        // What is not critical goes its own way, by its restart policy; who comes after it waits until it is known whether
        // it will be ready.
        let isFollowed = !wasReady && rollout?.progress?.followed.contains(slot.service.name) == true
        let until = slot.service.startTimeout.map { now + $0 }
        registry.update(id) {
            switch $0.membership {
            case .candidate(.awaited), .candidate(.pending):
                $0.membership = .candidate(isFollowed ? .followed(until: until) : .excused)
            // It is known: it has been ready.
            case .candidate(.followed) where wasReady: $0.membership = .candidate(.excused)
            default: break
            }
        }
        restartOrEnd(child, id, failure, failedStart: !wasReady)
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
        restartOrEnd(child, slot, .ended(status), failedStart: false)
    }

    private mutating func restartOrEnd(_ child: Child, _ id: SlotID, _ end: StartFailure, failedStart: Bool) {
        registry.update(id) { $0.lastEnd = end }
        guard var slot = registry.slots[id] else { return }
        let policy = slot.service.restart
        guard policy.applies(to: end.status) else {
            return policy.isGood(end.status) ? finish(id, end.status) : fail(slot, end.status, .policy)
        }
        if let limit = policy.limit {
            slot.restarts.removeAll { now - $0 >= limit.window }
            guard slot.restarts.count < limit.count else {
                report(.gaveUp(child))
                return fail(slot, end.status, .limit)
            }
            slot.restarts.append(now)
            registry.update(id) { $0.restarts = slot.restarts }
        }
        scheduleStart(id, failedStart: failedStart)
    }

    /// Fills the slot again, no sooner than its pace allows.
    private mutating func scheduleStart(_ id: SlotID, failedStart: Bool) {
        guard let slot = registry.slots[id], let lastSpawn = slot.lastSpawn else { return }
        let backoff = slot.service.restart.backoff
        let isShort = now - lastSpawn < backoff.maximum
        let failures = isShort ? slot.failures : 0
        registry.update(id) { $0.failures = isShort ? failures + 1 : 0 }
        var pace = backoff.pace(failures: failures)
        if failedStart, case .alive(let time) = slot.service.readiness { pace = max(pace, time) }
        // bounded: a Duration counts 5 000 000 000 000 years
        if backoff.jitter > 0 { pace += pace * (jitter.percent() * backoff.jitter) / 10_000 }
        let due = lastSpawn + pace
        guard due > now else { return fill(id, isRestart: true) }
        registry.update(id) { $0.filling = .paused(until: due) }
    }

    mutating func slotIsDue(_ id: SlotID) {
        registry.update(id) { $0.filling = .empty }
        if !isReplacedByRollout(id) { fill(id, isRestart: true) }
    }

    /// Nothing fills the slot any more, and something is wrong.
    mutating func fail(_ slot: Slot, _ status: TerminationStatus, _ cause: FailureCause) {
        guard !slot.hasFailed else { return }
        registry.update(slot.id) { $0.filling = .failed(cause) }
        registry.note(slot.service.name)
        guard slot.service.isCritical else { return }
        exits.failed(status)
        if cause == .limit || plan?.stopsOnFailure == true {
            stop(StopRequest(.graceful, exitCode: exits.firstBad ?? 0))
        }
    }
}
