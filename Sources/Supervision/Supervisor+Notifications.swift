/// What a child says of itself, besides that it is ready.
extension Supervisor {
    /// Puts its watchdog off. Costs nothing but this: the entry among the deadlines moves when it is due.
    mutating func heartbeat(_ pid: Int32) {
        guard let child = child(withPID: pid), stopRequest == nil,
            case .ready(let identity, let since, let due) = child.life,
            let service = registry.slot(of: child)?.service, let watchdog = watchdog(of: child, service)
        else { return }
        let next = max(due ?? now + watchdog, now + watchdog)
        registry.update(child.id) { $0.life = .ready(identity, since: since, heartbeatBy: next) }
    }

    /// What the child has said goes before the rule of its service.
    func watchdog(of child: Child, _ service: Service) -> Duration? {
        if let own = child.ownWatchdog { return own.duration }
        return service.watchdog
    }

    /// The time begins anew, also where it is shorter than before. One that starts is held to it when it serves.
    mutating func changeWatchdog(of pid: Int32, to time: WatchdogTime) {
        guard let id = speaker(pid), let child = registry.children[id], registry.slot(of: child) != nil else { return }
        registry.update(id) { $0.ownWatchdog = time }
        guard stopRequest == nil, case .ready(let identity, let since, _) = child.life else { return }
        let due = time.duration.map { now + $0 }
        registry.update(id) { $0.life = .ready(identity, since: since, heartbeatBy: due) }
    }

    /// Killed, not asked to stop: a child that sends no heartbeat is not expected to answer.
    mutating func missedHeartbeat(_ id: Child.ID) {
        guard let child = registry.children[id], child.phase == .ready, !child.isRetired, stopRequest == nil else {
            return
        }
        report(.missedHeartbeat(child))
        kill(id)
        report(.changed)
        guard isCandidate(child), let slot = child.slot else { return }
        // The rollout does not wait for its end.
        detach(id)
        candidateFailed(child, slot, .ended(.signaled(9, dumpedCore: false)))
    }

    /// Not the time for which it must live to be accepted, and never beyond the age of an old generation.
    mutating func extend(_ pid: Int32, _ duration: Duration) {
        guard let id = speaker(pid) else { return }
        let due = now + duration
        registry.update(id) { $0.life.extend(to: due) }
    }

    /// From now on the child is another process; what the one before was sent, this one is sent too.
    mutating func changeMainProcess(of pid: Int32, to process: Int32, _ group: Int32?) {
        guard let id = speaker(pid), process > 1, process == pid || registry.child(withPID: process) == nil else {
            return
        }
        let group = group.flatMap { $0 > 1 ? $0 : nil }
        registry.update(id) { $0.life.identity = Life.Identity(pid: process, group: group) }
        report(.changed)
        guard let child = registry.children[id] else { return }
        switch child.life {
        case .stopping(_, let stopping): signal(child, stopping.signal)
        case .killed: signal(child, 9)
        case .spawning, .executing, .starting, .ready: break
        }
    }
}
