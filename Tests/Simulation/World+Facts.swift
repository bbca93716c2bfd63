import Supervision

/// What an event means, whatever the engine makes of it.
extension World {
    mutating func learn(_ event: Event) {
        switch event {
        case .start: expected.load = true
        case .timer: break
        case .loaded: loaded()
        case .loadFailed: expected.rolloutFails = rollout != nil
        case .spawned(let id, let pid):
            forked(id, pid)
            executed(pid)
        case .forked(let id, let pid):
            forked(id, pid)
            if let index = living.firstIndex(where: { $0.id == id }) { living[index].isOnItsWay = true }
        case .executed(let pid): executed(pid)
        case .notExecuted(let pid, _): notExecuted(pid)
        case .spawnFailed(let id, _): spawnFailed(id)
        case .exited(let pid, let status): exited(pid, status)
        case .ready(let pid): readied(pid)
        case .reload(let requester, let isHard): reloadAsked(requester, isHard)
        case .stop(let request): if stopping.map({ request.urgency > $0.urgency }) ?? true { expected.stop = request }
        case .upgrade(let requester): upgradeAsked(requester)
        case .proven: isExecDue = isUpgrading
        case .unproven, .execFailed:
            guard isUpgrading else { break }
            isUpgrading = false
            owe(.upgrade, .owedUpgradeFailure)
        case .resumed: resumed()
        case .command(let requester, let command): commandGiven(requester, command)
        case .waitReady(let requester):
            requests.append(Request(requester: requester, state: stopping != nil ? .owedStopping : .everything))
        case .forget(let requester): forgotten(requester)
        case .heartbeat(let pid): beaten(pid)
        case .heartbeatMissed(let pid): triggered(pid)
        case .watchdog(let pid, let time): timed(pid, time)
        case .extend(let pid, let duration): extended(pid, duration.wholeNanoseconds)
        case .mainProcess(let pid, let process, let group): movedTo(process, from: pid, group)
        }
        for index in slots.indices where slots[index].patience <= now {
            slots[index].patience = never
            slots[index].isFollowed = false
            slots[index].isExcused = true
        }
    }

    private mutating func loaded() {
        guard rollout != nil, rollout?.terms == nil else { return }
        guard let rules = configuration.rules else {
            expected.rolloutFails = true
            return
        }
        let terms = Terms(configuration, base: book.count)
        book += rules
        rollout?.terms = terms
        var kept = 0
        for index in slots.indices {
            let slot = slots[index]
            slots[index].kept = -1
            guard !slot.isCandidate, !slot.isOver, book[slot.rules].onReload != .replace else { continue }
            // Its work is done, and to be done again.
            func isAgain(_ page: Int) -> Bool { slot.isDone && book[page].onReload == .restart }
            for page in terms.base..<terms.base + terms.count
            where book[page].name == book[slot.rules].name && book[page].onReload != .replace
                && !isAgain(page) && slot.instance < book[page].instances
            {
                slots[index].kept = page
                kept += 1
            }
        }
        let disabled = openDisabledSlots(terms)
        rollout?.needed = terms.slots - kept - disabled
        if !terms.retries { generation += 1 }
        rollout?.generation = generation
    }

    private mutating func forked(_ id: Child.ID, _ pid: Int32) {
        guard let index = living.firstIndex(where: { $0.id == id }) else { return fail("a spawn is of a known child") }
        let rules = book[living[index].rules]
        living[index].pid = pid
        living[index].group = living[index].leads ? pid : 0
        living[index].phase = .executing
        started(living[index].label)
        guard stopping == nil, living[index].role != .old else { return }
        if living[index].restarts || disabled.contains(rules.name) {
            expected.signalled.insert(id)
        } else {
            living[index].startDue = later(now, rules.executionTimeout)
        }
    }

    /// Nobody comes to his program who is to be told to stop before.
    mutating func executed(_ pid: Int32) {
        guard let index = living.firstIndex(where: { $0.pid == pid }), living[index].phase == .executing,
            !expected.signalled.contains(living[index].id), stopping != nil || living[index].role != .old
        else { return }
        let rules = book[living[index].rules]
        living[index].phase = .starting
        living[index].isOnItsWay = false
        living[index].startDue = never
        started(living[index].label)
        guard stopping == nil else { return }
        switch rules.readiness {
        case .none: living[index].isReadied = true
        case .alive: living[index].readyDue = later(now, rules.aliveFor)
        case .notified, .completed: living[index].startDue = later(now, rules.startTimeout)
        }
    }

    /// The pace counts from the moment in which the spawn was done.
    private mutating func started(_ label: SlotID) {
        if let slot = slots.firstIndex(where: { $0.label == label }) { slots[slot].lastSpawn = now }
    }

    private mutating func readied(_ pid: Int32) {
        executed(pid)
        guard stopping == nil, let index = living.firstIndex(where: { $0.pid == pid }) else { return }
        // A one-shot is ready when it has ended.
        if book[living[index].rules].readiness == .completed { return }
        if living[index].phase == .starting && living[index].role != .old { living[index].isReadied = true }
    }

    // MARK: Ends

    /// The runtime has killed it; its end follows.
    private mutating func notExecuted(_ pid: Int32) {
        guard let index = living.firstIndex(where: { $0.pid == pid }) else { return }
        let process = living[index]
        guard process.phase == .executing || process.phase == .stopping else { return }
        living[index].phase = .killed
        living[index].startDue = never
        living[index].killDue = never
        guard process.phase == .executing, stopping == nil else { return }
        living[index].role = .old
        living[index].isStillborn = true
        startFailed(process, code: 1)
    }

    private mutating func spawnFailed(_ id: Child.ID) {
        guard let index = living.firstIndex(where: { $0.id == id }) else { return fail("a spawn is of a known child") }
        let process = living.remove(at: index)
        started(process.label)
        guard stopping == nil, process.role != .old else { return }
        if isDisabled(process) { _ = vacate(process) } else { startFailed(process, code: 1) }
    }

    private mutating func exited(_ pid: Int32, _ status: TerminationStatus) {
        guard let index = living.firstIndex(where: { $0.pid == pid }) else { return }
        let process = living.remove(at: index)
        lastReaped = pid
        guard process.role != .old else { return }
        guard stopping == nil else { return endedInStop(process, status) }
        guard let slot = vacate(process) else { return }
        if process.restarts {
            slots[slot].due = now
            slots[slot].latest = now
        } else if isDisabled(process) {
            return
        } else if isDone(process, slots[slot], status.code) {
            slots[slot].isDone = true
        } else if process.role == .candidate {
            candidateFailed(slot, status.code, failedStart: process.isStarting)
        } else {
            currentEnded(slot, status.code, failedStart: process.isStarting)
        }
    }

    /// A one-shot has succeeded; or a new child that was ready has ended well, and is not to be restarted.
    private func isDone(_ process: Process, _ slot: SlotModel, _ code: Int32) -> Bool {
        let rules = book[slot.rules]
        if process.isStarting { return rules.readiness == .completed && rules.successes.contains(code) }
        let isMissed = rules.restarts(after: code) || rollout?.terms?.retries == true
        return process.role == .candidate && !isMissed && rules.isGood(code)
    }

    private mutating func endedInStop(_ process: Process, _ status: TerminationStatus) {
        let isOurDoing = process.phase == .killed || process.phase == .stopping && status.code == 128 + process.signal
        let rules = book[process.rules]
        if !isOurDoing && firstBad == nil && rules.isCritical && !rules.isGood(status.code) { firstBad = status.code }
    }

    /// Nothing runs, nothing is to run, and all has ended well.
    var isNothingLeft: Bool {
        guard terms != nil, rollout == nil, living.isEmpty, firstBad == nil else { return false }
        var isAnyDone = false
        for slot in slots {
            if isDisabled(slot) || !slot.isDone && !slot.isOver { return false }
            isAnyDone = isAnyDone || slot.isDone
        }
        return isAnyDone
    }

    /// The index of the slot that it leaves.
    mutating func vacate(_ process: Process) -> Int? {
        let slot = slots.firstIndex { $0.label == process.label }
        if let slot { slots[slot].isFilled = false } else { fail("a child that is not old has a slot") }
        return slot
    }

    mutating func startFailed(_ process: Process, code: Int32) {
        guard let slot = vacate(process) else { return }
        if process.role == .candidate {
            candidateFailed(slot, code, failedStart: true)
        } else {
            currentEnded(slot, code, failedStart: true)
        }
    }

    func isDisabled(_ process: Process) -> Bool { disabled.contains(book[process.rules].name) }

    mutating func candidateFailed(_ slot: Int, _ code: Int32, failedStart: Bool) {
        if rollout?.terms?.retries == true {
            if !slots[slot].isExcused { rollout?.delayDue = never }
            setPace(slot, failedStart: failedStart)
        } else if book[slots[slot].rules].isCritical {
            expected.rolloutFails = true
        } else {
            let rules = book[slots[slot].rules]
            if !slots[slot].isExcused && !slots[slot].isFollowed {
                // It is not known yet whether it will be ready.
                let isFollowed = rules.isNamed && failedStart
                slots[slot].isFollowed = isFollowed
                slots[slot].isExcused = !isFollowed
                slots[slot].patience = isFollowed ? later(now, rules.executionTimeout) : never
            } else if slots[slot].isFollowed && !failedStart {
                // It is known: it has been ready.
                slots[slot].isFollowed = false
                slots[slot].isExcused = true
                slots[slot].patience = never
            }
            restart(slot, code, failedStart: failedStart)
        }
    }

    /// A rollout that never gives up is to fill it.
    func isLeftToRollout(_ slot: SlotModel) -> Bool {
        rollout?.terms?.retries == true && !slot.isCandidate && slot.kept < 0
    }

    private mutating func currentEnded(_ index: Int, _ code: Int32, failedStart: Bool) {
        if failedStart || !isLeftToRollout(slots[index]) { restart(index, code, failedStart: failedStart) }
        let name = book[slots[index].rules].name
        // Started again at once, it fails with what it requires.
        let isLacking = slots[index].due <= now && requirement(of: slots[index]) == .failed
        if failedStart && !slots[index].isOver && !slots[index].isDone && !isLacking {
            owe(.service(name), .owedNotStarted(name))
        }
    }

    private mutating func restart(_ index: Int, _ code: Int32, failedStart: Bool) {
        let rules = book[slots[index].rules]
        guard rules.restarts(after: code) else {
            if rules.isGood(code) { slots[index].isDone = true } else { over(index, code, gaveUp: false) }
            return
        }
        if rules.limit < Int.max {
            slots[index].restarts.removeAll { now - $0 >= rules.window }
            guard slots[index].restarts.count < rules.limit else { return over(index, code, gaveUp: true) }
            slots[index].restarts.append(now)
        }
        setPace(index, failedStart: failedStart)
    }

    private mutating func setPace(_ index: Int, failedStart: Bool) {
        let rules = book[slots[index].rules]
        let life = now - slots[index].lastSpawn
        if life >= rules.maximum { slots[index].failures = 0 }
        var pace = rules.pace(failures: slots[index].failures)
        if life < rules.maximum { slots[index].failures += 1 }
        if failedStart && rules.readiness == .alive { pace = max(pace, rules.aliveFor) }
        slots[index].due = max(now, later(slots[index].lastSpawn, pace))
        slots[index].latest = max(now, later(slots[index].lastSpawn, pace + pace * rules.jitter / 100))
    }

    mutating func over(_ index: Int, _ code: Int32, gaveUp: Bool) {
        slots[index].isOver = true
        let rules = book[slots[index].rules]
        guard rules.isCritical, let terms else { return }
        if code != 0 && code != 130 && code != 143 && firstBad == nil { firstBad = code }
        if gaveUp || terms.stopsOnFailure { expected.ownStop = firstBad ?? 0 }
    }

    // MARK: Requests

    private mutating func reloadAsked(_ requester: Requester?, _ isHard: Bool) {
        let state: Request.State = stopping != nil ? .owedStopping : rollout == nil ? .rollout : .waiting
        if let requester { requests.append(Request(requester: requester, state: state)) }
        if state == .rollout {
            expected.load = true
            expected.isHard = isHard
        }
        guard state == .waiting else { return }
        isWaiting = true
        waitingIsHard = waitingIsHard || isHard
    }

    private mutating func upgradeAsked(_ requester: Requester?) {
        let state: Request.State = stopping != nil ? .owedStopping : .upgrade
        if let requester { requests.append(Request(requester: requester, state: state)) }
        if stopping == nil && !isUpgrading {
            isUpgrading = true
            expected.prove = true
        }
    }

    private mutating func resumed() {
        isUpgrading = false
        expected.isResuming = true
        let reloads = terms?.reloadsAfterUpgrade == true || terms == nil && rollout == nil
        owe(.upgrade, !reloads ? .owedDone : rollout == nil ? .rollout : .waiting)
        guard reloads else { return }
        if rollout == nil { expected.load = true } else { isWaiting = true }
    }

    mutating func owe(_ old: Request.State, _ new: Request.State) {
        for index in requests.indices where requests[index].state == old { requests[index].state = new }
    }
}
