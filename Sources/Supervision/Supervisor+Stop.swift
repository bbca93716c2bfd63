extension Supervisor {
    /// The child is of no generation that serves any more: it is told to stop, and nothing replaces it.
    mutating func retire(_ id: Child.ID) {
        guard var child = children[id], !child.isRetired else { return }
        child.isRetired = true
        child.restarts = false
        children[id] = child
        retired.insert(child)
        if !child.isSignalled {
            if child.phase != .spawning { tell(id, child.stop) }
        } else if child.phase == .stopping, let age = maximumOldAge {
            children[id]?.endBy = now + age
            setDeadline(id, min(child.deadline ?? now + age, now + age))
        }
    }

    /// The oldest generations beyond the bound are killed.
    mutating func boundRetired() {
        guard let bound = (plan ?? round?.plan)?.maximumOldGenerations, retired.generations.count > bound else {
            return
        }
        // bounded: there are more than the bound
        for generation in retired.generations.prefix(retired.generations.count - bound) {
            for id in retired[generation].sorted() { kill(id) }
        }
    }

    /// Sends the stop signal; the rest follows from the child's end or its time-out.
    mutating func tell(_ id: Child.ID, _ rule: StopRule) {
        guard let child = children[id], child.phase != .spawning, child.phase != .killed else { return }
        // The first that is heard of it.
        if child.phase == .executing { report(.starting(child)) }
        signal(child, rule.signal)
        touched.append(child.slot)
        children[id]?.phase = .stopping
        children[id]?.told = rule.signal
        let age = child.isRetired && stopRequest == nil ? maximumOldAge : nil
        children[id]?.endBy = age.map { now + $0 }
        let limit = [rule.timeout, age].compactMap(\.self).min()
        setDeadline(id, limit.map { now + $0 })
    }

    mutating func signal(_ child: Child, _ signal: Int32) {
        let group = child.stop.group
        actions.append(.signal(pid: group ? child.group : child.pid, signal, group: group))
    }

    private var maximumOldAge: Duration? { (plan ?? round?.plan)?.maximumOldAge }

    mutating func kill(_ id: Child.ID) {
        guard let child = children[id], child.phase != .killed, child.phase != .spawning else { return }
        report(.killing(child))
        signal(child, 9)
        touched.append(child.slot)
        children[id]?.phase = .killed
        children[id]?.deadline = nil
    }

    // MARK: The end of everything

    mutating func stop(_ request: StopRequest) {
        if let running = stopRequest, request.urgency <= running.urgency { return }
        let isFirst = stopRequest == nil
        if isFirst { codeBeforeStop = firstBadCode }
        var request = request
        if let running = stopRequest, request.exitCode == 0 { request.exitCode = running.exitCode }
        stopRequest = request
        let all = children.values.sorted { $0.pid < $1.pid }
        report(.stopping(request, pids: all.map(\.pid).filter { $0 > 0 }))
        forgetRequests()
        countStages(all)
        // After a softer stop all have been told, and all get their time-out now.
        stopStage = request.urgency == .graceful && isFirst ? max(0, stageCounts.count - 1) : 0
        for child in all where child.isRetired || child.stage >= stopStage { tellForStop(child.id) }
        nextStopStage()
    }

    private mutating func forgetRequests() {
        let requesters = (round?.requesters ?? []) + (waiting ?? []) + (upgrade ?? [])
        answer(requesters + waits.map(\.requester) + orders.compactMap(\.requester), .failed(.stopping))
        waits = []
        orders = []
        round = nil
        waiting = nil
        upgrade = nil
        execIsDue = false
    }

    private mutating func countStages(_ all: [Child]) {
        // bounded: stages are counted from 0
        stopStages = Array(repeating: [], count: (all.map(\.stage).max() ?? 0) + 1)
        // bounded: stages are counted from 0
        for child in all where !child.isRetired { stopStages[child.stage].append(child.id) }
        stageCounts = stopStages.map(\.count)
    }

    mutating func tellForStop(_ id: Child.ID) {
        guard let request = stopRequest, let child = children[id] else { return }
        guard child.isRetired || child.stage >= stopStage else { return }
        let timeout = request.urgency == .soft ? nil : request.timeout ?? child.stop.timeout
        tell(id, StopRule(signal: request.signal ?? child.stop.signal, timeout: timeout, group: child.stop.group))
    }

    mutating func endedInStop(_ child: Child, _ status: TerminationStatus) {
        // Dead by what we sent is no failure.
        let byUs = child.phase == .killed || child.told.map { status.code == 128 &+ $0 } ?? false
        if status.isBad && !byUs && firstBadCode == nil { firstBadCode = status.code }
        report(.ended(child, status))
        report(.changed)
        leftStage(child)
    }

    mutating func leftStage(_ child: Child) {
        guard stageCounts.indices.contains(child.stage) else { return }
        stageCounts[child.stage] -= 1
        nextStopStage()
    }

    /// The stage before is told once the last child of this one has gone.
    private mutating func nextStopStage() {
        while stopStage > 0, stageCounts[stopStage] == 0 {  // bounded: stages are counted from 0
            stopStage -= 1
            for id in stopStages[stopStage].sorted() { tellForStop(id) }
        }
    }

    mutating func endIfDone() {
        guard let request = stopRequest, children.isEmpty, !isOver else { return }
        isOver = true
        actions.append(.exit(codeBeforeStop ?? (request.exitCode != 0 ? request.exitCode : firstBadCode ?? 0)))
    }

    // MARK: Upgrade

    mutating func requestUpgrade(_ requester: Requester?) {
        let requesters = requester.map { [$0] } ?? []
        if stopRequest != nil { return answer(requesters, .failed(.stopping)) }
        if let already = upgrade {
            upgrade = already + requesters
        } else {
            upgrade = requesters
            actions.append(.prove)
        }
    }

    mutating func upgradeFailed(_ reason: String) {
        guard let requesters = upgrade else { return }
        upgrade = nil
        report(.upgradeFailed(reason))
        answer(requesters, .failed(.notUpgraded(reason)))
    }

    /// The new image goes on with what the old one knew.
    mutating func resumed() {
        let requesters = upgrade ?? []
        upgrade = nil
        guard stopRequest == nil else { return answer(requesters, .failed(.stopping)) }
        // Nobody answers the load that the old image had asked for.
        if let round, round.plan == nil { actions.append(.load) }
        let reloads = plan == nil && round == nil || mustReload || plan?.reloadsAfterUpgrade == true
        mustReload = false
        if !reloads && round == nil { followOrders() }
        guard reloads else { return answer(requesters, .done(generation: generation)) }
        guard round == nil else {
            waiting = (waiting ?? []) + requesters
            return
        }
        if plan != nil { report(.reloading(.request)) }
        beginRound(requesters)
    }
}
