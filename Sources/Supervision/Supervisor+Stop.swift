/// How children are told to end, and the end of everything.
extension Supervisor {
    /// The child is of no generation that serves any more: it is told to stop, and nothing replaces it.
    mutating func retire(_ id: Child.ID) {
        guard let child = registry.children[id], child.duty != .retired else { return }
        registry.dismiss(id, as: .retired)
        guard case .stopping(let identity, var stopping) = child.life else {
            if !child.isSignalled { signalToStop(id, child.stop) }
            return
        }
        guard let age = maximumOldAge else { return }
        stopping.latest = now + age
        stopping.killAt = min(stopping.killAt ?? now + age, now + age)
        registry.update(id) { $0.life = .stopping(identity, stopping) }
    }

    /// The oldest generations beyond the bound are killed.
    mutating func boundOldGenerations() {
        guard let bound = (plan ?? rollout?.plan)?.maximumOldGenerations else { return }
        for id in census.oldGenerations.surplus(over: bound) { kill(id) }
    }

    /// Sends the stop signal; the rest follows from the child's end or its time-out.
    mutating func signalToStop(_ id: Child.ID, _ rule: StopRule) {
        guard var child = registry.children[id] else { return }
        let age = child.duty == .retired && stopRequest == nil ? maximumOldAge : nil
        let limit = [rule.timeout, age].compactMap(\.self).min()
        let wasExecuting = child.phase == .executing
        let before = child
        guard child.life.stopped(by: rule.signal, killAt: limit.map { now + $0 }, latest: age.map { now + $0 }) else {
            return
        }
        // The first that is heard of it.
        if wasExecuting { report(.starting(before)) }
        signal(child, rule.signal)
        registry.update(id) { $0.life = child.life }
    }

    mutating func signal(_ child: Child, _ signal: Int32) {
        guard let identity = child.life.identity else { return }
        actions.append(.signal(pid: identity.group ?? identity.pid, signal, group: identity.group != nil))
    }

    private var maximumOldAge: Duration? { (plan ?? rollout?.plan)?.maximumOldAge }

    mutating func kill(_ id: Child.ID) {
        guard let child = registry.children[id], child.phase != .spawning, child.phase != .killed else { return }
        report(.killing(child))
        signal(child, 9)
        registry.update(id) { _ = $0.life.killed() }
    }

    // MARK: The end of everything

    mutating func stop(_ request: StopRequest) {
        if let running = stopRequest, request.urgency <= running.urgency { return }
        let isFirst = stopRequest == nil
        exits.stopBegins()
        var request = request
        if let running = stopRequest, request.exitCode == 0 { request.exitCode = running.exitCode }
        let all = children.values.sorted { $0.pid < $1.pid }
        let stages = activeChildren(all)
        // After a softer stop all have been signalled, and all get their time-out now.
        let stage = request.urgency == .graceful && isFirst ? max(0, stages.count - 1) : 0
        course = .stopping(Course.Stop(request: request, stage: stage, stages: stages))
        report(.stopping(request, pids: all.map(\.pid).filter { $0 > 0 }))
        forgetRequests()
        for slot in registry.slots.values where slot.restartAt != nil || slot.filling == .blocked {
            registry.update(slot.id) { $0.filling = .empty }
        }
        for slot in registry.slots.values where slot.isFollowed {
            registry.update(slot.id) { $0.membership = .candidate(.excused) }
        }
        for child in all { signalForStop(child.id) }
        signalNextStage()
    }

    private mutating func forgetRequests() {
        answer(rollout?.requesters ?? RequesterQueue(), .failed(.stopping))
        answer(requests.next?.requesters ?? RequesterQueue(), .failed(.stopping))
        answer(upgrade.requesters ?? RequesterQueue(), .failed(.stopping))
        for waiter in requests.waits.takeAll() { answer(waiter.requester, .failed(.stopping)) }
        for order in requests.orders.orders { answer(order.requester, .failed(.stopping)) }
        requests = Requests()
        rollout = nil
        upgrade = .none
        schedule.due = .never
    }

    private func activeChildren(_ all: [Child]) -> [[Child.ID]] {
        let stages = all.map { registry.slot(of: $0)?.stage }
        // bounded: stages are counted from 0
        var active: [[Child.ID]] = Array(repeating: [], count: (stages.compactMap(\.self).max() ?? 0) + 1)
        // bounded: stages are counted from 0
        for (child, stage) in zip(all, stages) { if let stage { active[stage].append(child.id) } }
        return active
    }

    /// Sends the signal of the stop to a child whose turn it is.
    mutating func signalForStop(_ id: Child.ID) {
        guard case .stopping(let stop) = course, let child = registry.children[id] else { return }
        if let stage = registry.slot(of: child)?.stage, stage < stop.stage { return }
        let request = stop.request
        let timeout = request.urgency == .soft ? nil : request.timeout ?? child.stop.timeout
        signalToStop(id, StopRule(signal: request.signal ?? child.stop.signal, timeout: timeout))
    }

    mutating func exitedInStop(_ child: Child, _ status: TerminationStatus) {
        // As before a stop: what is not critical may end as it likes.
        let service = registry.slots[child.slot ?? 0]?.service
        let isFailure = service.map { $0.isCritical && !$0.restart.isGood(status) } ?? status.isBad
        if isFailure { exits.ended(status, of: child.life) }
        report(.ended(child, status))
        report(.changed)
        signalNextStage()
    }

    /// The stage before is signalled once the last child of this one has gone.
    mutating func signalNextStage() {
        while case .stopping(var stop) = course, stop.stage > 0, census.stages[stop.stage] == nil {
            stop.stage -= 1
            course = .stopping(stop)
            for id in stop.stages[stop.stage].sorted() { signalForStop(id) }  // bounded: stages are counted from 0
        }
    }

    /// Nothing runs, nothing is to run, and all has ended well.
    mutating func stopIfNothingIsLeft() {
        guard case .running = course, isWhole, rollout == nil, children.isEmpty, census.current.finished > 0,
            census.current.awaited == 0, census.disabled == 0, exits.firstBad == nil
        else { return }
        report(.nothingLeft)
        stop(StopRequest(.graceful))
    }

    mutating func exitIfDone() {
        guard case .stopping(let stop) = course, children.isEmpty else { return }
        course = .exited(stop.request)
        actions.append(.exit(exits.code(asked: stop.request.exitCode)))
    }
}
