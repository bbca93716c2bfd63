import Supervision

/// Signals and reports.
extension World {
    mutating func signalled(_ pid: Int32, _ signal: Int32, _ group: Bool, _ all: [Action]) {
        guard pid > 1, let index = living.firstIndex(where: { $0.group > 0 ? $0.group == pid : $0.pid == pid }) else {
            return fail("a signal only to a child that is not reaped")
        }
        let process = living[index]
        require(group == (process.group > 0), "a signal goes to the group of who has one")
        if let again = expected.signalledAgain, again.id == process.id, again.signal == signal {
            expected.signalledAgain = nil
            return
        }
        require(process.phase != .killed, "who was killed is left alone")
        if process.owed == signal && process.phase == .ready && process.role != .old && stopping == nil {
            living[index].owed = 0
        } else if signal == 9 {
            killed(index)
        } else if isReloadSignal(signal) {
            require(
                stopping == nil && process.role == .current && !process.isSignalled,
                "a reload signal is for who serves on")
            guard let slot = slots.first(where: { $0.label == process.label }), slot.kept >= 0 else {
                return fail("a reload signal is for a kept child")
            }
            require(book[slot.kept].onReload == .signal(signal), "a reload signal is the one of the plan")
            expected.reloadSignals.append(process.id)
        } else if stopping != nil {
            signalledByStop(index, signal)
        } else {
            noteStopSignal(index, signal, all)
        }
    }

    /// The generator keeps these apart from stop signals.
    private func isReloadSignal(_ signal: Int32) -> Bool { signal == 1 || signal == 30 }

    private mutating func killed(_ index: Int) {
        let process = living[index]
        if process.hasMissed && process.phase == .ready { return bitten(index) }
        require(process.phase == .stopping, "nobody is killed who was not told to stop")
        if process.killDue > now {
            if mayRetire { leaveSignalled() }
            let isSurplus = living[index].role == .old && isBeyondBound(process.lastGeneration)
            require(isSurplus, "nobody is killed before his time")
        }
        living[index].phase = .killed
        living[index].killDue = never
    }

    private func isBeyondBound(_ generation: Int) -> Bool {
        let bound = (terms ?? rollout?.terms)?.bound ?? Int.max
        let newBound = rollout?.terms?.bound ?? Int.max
        return olderGenerations(than: generation) >= min(bound, newBound)
    }

    /// How many old generations are younger: so many are more worth keeping.
    private func olderGenerations(than generation: Int) -> Int {
        var younger: [Int] = []
        for process in living where process.lastGeneration > generation {
            let isOld = process.role == .old || process.role == .candidate && expected.rolloutFails
            if isOld && !younger.contains(process.lastGeneration) { younger.append(process.lastGeneration) }
        }
        return younger.count
    }

    private mutating func signalledByStop(_ index: Int, _ signal: Int32) {
        guard let stopping else { return }
        let process = living[index]
        let urgency = 2 + stopping.urgency.rawValue
        require(process.urgency < urgency, "a stop tells everyone once")
        if stopsBackwards && process.role != .old {
            require(!isHeldBack(process), "a stop runs backwards: who comes after ends before")
        }
        let limit = stopping.timeout?.wholeNanoseconds ?? book[process.rules].stopTimeout
        tell(index, signal, urgency, stopping.urgency == .soft ? never : limit)
    }

    /// Somebody who comes after it is still there.
    func isHeldBack(_ process: Process) -> Bool {
        let stage = book[process.rules].stage
        for process in living where process.role != .old {
            if book[process.rules].stage > stage { return true }
        }
        return false
    }

    private mutating func noteStopSignal(_ index: Int, _ signal: Int32, _ all: [Action]) {
        let process = living[index]
        require(!process.isSignalled, "nobody is told twice")
        let age = (terms ?? rollout?.terms)?.age ?? never
        if expected.signalled.remove(process.id) != nil {
            return tell(index, signal, 1, book[process.rules].stopTimeout, age: process.role == .old ? age : never)
        }
        if process.role != .old, process.isStarting, process.startDue <= now, Self.isTimedOut(process.id, all) {
            living[index].role = .old
            tell(index, signal, 1, book[process.rules].stopTimeout, age: age)
            return startFailed(process, code: 1)
        }
        switch process.role {
        case .candidate:
            require(expected.rolloutFails, "a new child is told to stop when its rollout fails")
            expected.signalledCandidate = true
            living[index].role = .old
            tell(index, signal, 1, book[process.rules].stopTimeout, age: age)
        case .current: signalledByRollout(index, signal)
        case .old:
            if process.isAdopted {
                signalledByRollout(index, signal)
            } else {
                // It was on its way when its generation became old.
                require(process.isStarting, "old children are told once")
                tell(index, signal, 1, book[process.rules].stopTimeout, age: age)
            }
        }
    }

    private static func isTimedOut(_ id: Child.ID, _ actions: [Action]) -> Bool {
        actions.contains {
            if case .report(.failedToStart(let child, .timedOut)) = $0 { child.id == id } else { false }
        }
    }

    private mutating func signalledByRollout(_ index: Int, _ signal: Int32) {
        require(mayRetire, "old children serve until the new ones are ready and the delay is over")
        expected.signalledCurrent = true
        let process = living[index]
        let kept = slots.first { $0.label == process.label }?.kept ?? -1
        let age = rollout?.terms?.age ?? never
        if kept >= 0 && process.role == .current {
            require(book[kept].onReload == .restart, "a kept child is left alone")
            living[index].restarts = true
            tell(index, signal, 1, book[kept].stopTimeout, page: kept)
        } else {
            living[index].isHard = living[index].isHard || rollout?.isHard == true
            living[index].role = .old
            tell(index, signal, 1, book[process.rules].stopTimeout, age: age)
        }
    }

    /// By the new rules, when a kept child is told.
    private mutating func tell(
        _ index: Int, _ signal: Int32, _ urgency: Int, _ limit: Int64, age: Int64 = never, page: Int? = nil
    ) {
        let wanted = (urgency > 1 ? stopping?.signal : nil) ?? (living[index].isHard ? 15 : nil)
        require(signal == wanted ?? book[page ?? living[index].rules].stopSignal, "a child is told by its stop signal")
        living[index].phase = .stopping
        living[index].signal = signal
        living[index].urgency = urgency
        living[index].killDue = later(now, min(limit, age))
        living[index].endBy = later(now, age)
        living[index].isReadied = false
    }

    // MARK: Reports

    mutating func reported(_ report: Report) {
        switch report {
        case .accepted(let child): accepted(child)
        case .reloaded(let generation): commit(generation)
        case .blocked(let blocked): self.blocked(blocked)
        case .reloadFailed: failed()
        case .stopping(let request, let pids): stops(request, pids)
        case .missedHeartbeat(let child): missed(child)
        case .changed: if isFollowing { followOrders() }
        case .gaveUp(let child):
            require(
                slots.contains { $0.label == child.slot && $0.isOver }, "giving up is for who used up his restarts")
        case .succeeded(_, let old, let delay): succeeded(old, delay)
        default: break
        }
    }

    private mutating func succeeded(_ old: [Int32], _ delay: Duration) {
        let isLeaving = isAnyoneLeaving
        require(isEveryoneReady, "a reload succeeds when everyone is ready")
        require(old == old.sorted() && !old.contains(0), "pids are listed in ascending order")
        let delay = delay.wholeNanoseconds
        let waits = isLeaving && rollout?.isHard != true
        require(delay == (waits ? max(0, rollout?.terms?.delay ?? 0) : 0), "the old ones are told after the delay")
        if delay > 0 { rollout?.delayDue = later(now, delay) }
    }

    private mutating func accepted(_ child: Child) {
        guard let index = living.firstIndex(where: { $0.id == child.id }) else {
            return fail("who is accepted is alive")
        }
        let process = living[index]
        require(process.phase == .starting && process.role != .old, "who is accepted was starting")
        require(process.isReadied || process.readyDue <= now, "readiness is said or waited for, not guessed")
        require(stopping == nil, "nobody is accepted in a stop")
        living[index].phase = .ready
        living[index].isReadied = false
        living[index].watchDue = max(later(now, process.ownWatchdog ?? book[process.rules].watchdog), process.watchFrom)
        if process.role == .current { lastAccepted = now }
    }

    private mutating func stops(_ request: StopRequest, _ pids: [Int32]) {
        var code = expected.ownStop
        if let asked = expected.stop {
            require(asked.urgency == request.urgency, "a stop is as urgent as it was asked for")
            code = asked.exitCode != 0 ? asked.exitCode : stopping?.exitCode ?? 0
        } else if code == nil && stopping == nil && isNothingLeft {
            code = 0
        }
        require(
            code == request.exitCode, "a stop is asked for, or the end of who matters, and keeps the first exit code")
        expected.stop = nil
        expected.ownStop = nil
        require(pids == living.map(\.pid).filter { $0 > 0 }.sorted(), "a stop lists all children")
        if stopping == nil { badBeforeStop = firstBad }
        stopsBackwards = stopping == nil && request.urgency == .graceful
        stopping = request
        rollout = nil
        isWaiting = false
        orders = []
        isFollowing = false
        expected.signalled = []
        isUpgrading = false
        isExecDue = false
        expected.load = false
        for index in requests.indices where !requests[index].isOwed { requests[index].state = .owedStopping }
        for index in slots.indices {
            slots[index].due = never
            slots[index].latest = never
        }
    }
}
