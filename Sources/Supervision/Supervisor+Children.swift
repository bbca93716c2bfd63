/// How a child comes to serve.
extension Supervisor {
    mutating func spawn(in id: SlotID) {
        guard let slot = registry.slots[id], slot.child == nil else { return }
        let plan = slot.isCandidate ? rollout?.plan : plan
        let counts = plan?.rollout == .persistent
        if counts { generations.latest += 1 }
        let child = Child(
            id: registry.nextNumber(), service: slot.service.name, instance: slot.instance,
            generation: counts ? generations.latest : slot.generation, spawnedAt: now,
            life: .spawning(leadsGroup: slot.service.leadsGroup), duty: .active(id), stop: StopRule(slot.service))
        registry.insert(child)
        noteSpawn(child)
        actions.append(.spawn(child))
    }

    mutating func spawned(_ id: Child.ID, _ pid: Int32) {
        forked(id, pid)
        executed(pid)
    }

    /// The process is there. A start takes no longer than its time-out, whatever keeps it from its program.
    mutating func forked(_ id: Child.ID, _ pid: Int32) {
        guard var child = registry.children[id], child.life.forked(pid) else { return }
        child.spawnedAt = now
        registry.update(id) { $0 = child }
        noteSpawn(child)
        if stopRequest != nil { return signalForStop(id) }
        if child.isRetired {
            signalToStop(id, child.stop)
            return boundOldGenerations()
        }
        // A command came while it was on its way.
        if child.duty.isRestarting || disabled.contains(child.service) { return signalToStop(id, child.stop) }
        let limit = registry.slot(of: child)?.service.startTimeout
        let due = limit.map { now + $0 }
        if let due { registry.update(id) { $0.life.failStart(at: due) } }
    }

    mutating func executed(_ pid: Int32) {
        guard let id = registry.child(withPID: pid), var child = registry.children[id] else { return }
        let service = registry.slot(of: child)?.service
        guard child.life.executed(stopRequest == nil ? startTimer(of: service) : .none) else { return }
        registry.update(id) { $0 = child }
        // The pace counts from here: a start that takes long must not make the next one due at once.
        noteSpawn(child)
        report(.starting(child))
        if stopRequest == nil, (service?.readiness ?? Readiness.none) == Readiness.none { becameReady(id) }
    }

    private func startTimer(of service: Service?) -> Life.StartTimer {
        switch service?.readiness {
        case .alive(let time)?: .succeeds(at: now + time)
        case .notified?, .completed?: service?.startTimeout.map { .fails(at: now + $0) } ?? .none
        case Readiness.none?, nil: .none
        }
    }

    private mutating func noteSpawn(_ child: Child) {
        let now = now
        if let slot = child.slot { registry.update(slot) { $0.lastSpawn = now } }
    }

    /// The child that speaks: so it runs its program.
    mutating func speaker(_ pid: Int32) -> Child.ID? {
        executed(pid)
        return registry.child(withPID: pid)
    }

    mutating func spawnFailed(_ id: Child.ID, _ errno: Int32) {
        guard let child = registry.children[id], child.phase == .spawning else { return }
        noteSpawn(child)
        remove(child)
        if stopRequest != nil { return signalNextStage() }
        if let slot = child.slot { failedToStart(child, slot, .notSpawned(errno)) }
    }

    /// It stays in the table until it is reaped; its slot is free.
    mutating func notExecuted(_ pid: Int32, _ errno: Int32) {
        guard let id = registry.child(withPID: pid), let child = registry.children[id],
            child.phase == .executing || child.phase == .stopping
        else { return }
        registry.update(id) { _ = $0.life.killed() }
        // Whoever told it to stop waits for its end.
        guard child.phase == .executing, stopRequest == nil, let slot = child.slot else { return }
        registry.dismiss(id, as: .stillborn)
        failedToStart(child, slot, .notSpawned(errno))
    }

    /// It says READY=1. A one-shot is ready when it has ended, and not before.
    mutating func saysReady(_ pid: Int32) {
        guard let id = speaker(pid), let child = registry.children[id],
            registry.slot(of: child)?.service.readiness != .completed
        else { return }
        becameReady(id)
    }

    mutating func becameReady(_ id: Child.ID) {
        guard var child = registry.children[id], let slot = registry.slot(of: child), stopRequest == nil else { return }
        let owed = child.life.owedSignal
        let heartbeat = watchdog(of: child, slot.service).map { now + $0 }
        guard child.life.becameReady(at: now, heartbeatBy: heartbeat) else { return }
        registry.update(id) { $0 = child }
        report(.accepted(child))
        if let owed { signal(child, owed) }
        report(.changed)
        // One that nobody waits for may be required all the same.
        registry.note(child.service)
        if isCandidate(child) {
            advanceRollout()
        } else {
            schedule.lastAccepted = now
            scheduleReload()
        }
    }

    /// It belongs to the generation that is being brought up.
    func isCandidate(_ child: Child) -> Bool { rollout != nil && registry.slot(of: child)?.isCandidate == true }

    mutating func childIsDue(_ id: Child.ID) {
        guard let child = registry.children[id] else { return }
        registry.update(id) { $0.life.timerRang() }
        switch child.life {
        // A stop signals it when its stage is due.
        case .executing, .starting: if stopRequest == nil { startIsDue(child) }
        case .ready: missedHeartbeat(id)
        case .stopping: kill(id)
        case .spawning, .killed: break
        }
    }

    private mutating func startIsDue(_ child: Child) {
        if case .starting(_, .succeeds, _) = child.life { return becameReady(child.id) }
        guard let slot = child.slot else { return }
        detach(child.id)
        failedToStart(child, slot, .timedOut)
    }

    /// Takes a child that hangs out of its slot: it is ended, and another may take its place.
    mutating func detach(_ id: Child.ID) {
        retire(id)
        boundOldGenerations()
    }

    /// It is in the table no more.
    mutating func remove(_ child: Child) {
        registry.remove(child.id)
        requests.waits.hasGone(child.id)
    }
}
