/// What a child says of itself, besides that it is ready.
extension Supervisor {
    /// Puts its watchdog off. Costs nothing but this: the entry among the deadlines moves when it is due.
    mutating func heartbeat(_ pid: Int32) {
        guard let child = child(withPID: pid), child.phase == .ready, !child.isRetired, stopRequest == nil,
            let watchdog = child.watchdog
        else { return }
        let due = now + watchdog
        setDeadline(child.id, max(child.deadline ?? due, due))
    }

    /// Killed, not told to stop: who gives no beat is not expected to answer.
    mutating func missedHeartbeat(_ id: Child.ID) {
        guard let child = children[id], child.phase == .ready, !child.isRetired, stopRequest == nil else { return }
        report(.missedHeartbeat(child))
        kill(id)
        report(.changed)
        guard isCandidate(child) else { return }
        // The round does not wait for its end.
        detach(child)
        candidateFailed(child, .ended(.signaled(9, dumpedCore: false)))
    }

    /// Not the time for which it must live to be accepted, and never beyond the age of an old generation.
    mutating func extend(_ pid: Int32, _ duration: Duration) {
        guard let child = speaker(pid).flatMap({ children[$0] }), let deadline = child.deadline,
            child.phase != .starting || !child.isOnProbation
        else { return }
        let due = now + duration
        setDeadline(child.id, max(deadline, child.endBy.map { min(due, $0) } ?? due))
    }

    /// From now on the child is another process; what the one before was told, this one is told too.
    mutating func changeMainProcess(of pid: Int32, to process: Int32, _ group: Int32?) {
        guard let id = speaker(pid), process > 1, process == pid || identifiers[process] == nil else { return }
        identifiers[pid] = nil
        identifiers[process] = id
        let group = group.flatMap { $0 > 1 ? $0 : nil }
        children[id]?.pid = process
        children[id]?.group = group ?? 0
        children[id]?.stop.group = group != nil
        report(.changed)
        guard let child = children[id], child.isSignalled else { return }
        signal(child, child.phase == .killed ? 9 : child.told ?? child.stop.signal)
    }
}
