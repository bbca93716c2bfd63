import Supervision

/// What an event means, whatever the engine makes of it.
extension World {
    mutating func learn(_ event: Event) {
        switch event {
        case .start: expected.load = true
        case .timer: break
        case .loaded: loaded()
        case .loadFailed: expected.roundFails = round != nil
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
        for index in places.indices where places[index].patience <= now {
            places[index].patience = never
            places[index].isFollowed = false
            places[index].isExcused = true
        }
    }

    private mutating func loaded() {
        guard round != nil, round?.terms == nil else { return }
        guard let rules = configuration.rules else {
            expected.roundFails = true
            return
        }
        let terms = Terms(configuration, base: book.count)
        book += rules
        round?.terms = terms
        var kept = 0
        for index in places.indices {
            let place = places[index]
            places[index].kept = -1
            guard !place.isCandidate, !place.isOver, book[place.rules].onReload != .replace else { continue }
            // Its work is done, and to be done again.
            func isAgain(_ page: Int) -> Bool { place.isDone && book[page].onReload == .restart }
            for page in terms.base..<terms.base + terms.count
            where book[page].name == book[place.rules].name && book[page].onReload != .replace
                && !isAgain(page) && place.instance < book[page].instances
            {
                places[index].kept = page
                kept += 1
            }
        }
        let held = openHeldPlaces(terms)
        round?.needed = terms.places - kept - held
        if !terms.retries { generation += 1 }
        round?.generation = generation
    }

    private mutating func forked(_ id: Child.ID, _ pid: Int32) {
        guard let index = living.firstIndex(where: { $0.id == id }) else { return fail("a spawn is of a known child") }
        let rules = book[living[index].rules]
        living[index].pid = pid
        living[index].group = living[index].leads ? pid : 0
        living[index].phase = .executing
        started(living[index].label)
        guard stopping == nil, living[index].role != .old else { return }
        if living[index].restarts || held.contains(rules.name) {
            expected.told.insert(id)
        } else {
            living[index].startDue = later(now, rules.executionTimeout)
        }
    }

    /// Nobody comes to his program who is to be told to stop before.
    mutating func executed(_ pid: Int32) {
        guard let index = living.firstIndex(where: { $0.pid == pid }), living[index].phase == .executing,
            !expected.told.contains(living[index].id), stopping != nil || living[index].role != .old
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
        if let place = places.firstIndex(where: { $0.label == label }) { places[place].lastSpawn = now }
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
        guard process.phase == .executing || process.phase == .told else { return }
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
        if isHeld(process) { _ = vacate(process) } else { startFailed(process, code: 1) }
    }

    private mutating func exited(_ pid: Int32, _ status: TerminationStatus) {
        guard let index = living.firstIndex(where: { $0.pid == pid }) else { return }
        let process = living.remove(at: index)
        lastReaped = pid
        guard process.role != .old else { return }
        guard stopping == nil else { return endedInStop(process, status) }
        guard let place = vacate(process) else { return }
        if process.restarts {
            places[place].due = now
            places[place].latest = now
        } else if isHeld(process) {
            return
        } else if isDone(process, places[place], status.code) {
            places[place].isDone = true
        } else if process.role == .candidate {
            candidateFailed(place, status.code, failedStart: process.isStarting)
        } else {
            currentEnded(place, status.code, failedStart: process.isStarting)
        }
    }

    /// A one-shot has succeeded; or a new child that was ready has ended well, and is not to be restarted.
    private func isDone(_ process: Process, _ place: Place, _ code: Int32) -> Bool {
        let rules = book[place.rules]
        if process.isStarting { return rules.readiness == .completed && rules.successes.contains(code) }
        let isMissed = rules.restarts(after: code) || round?.terms?.retries == true
        return process.role == .candidate && !isMissed && rules.isGood(code)
    }

    private mutating func endedInStop(_ process: Process, _ status: TerminationStatus) {
        let isOurDoing = process.phase == .killed || process.phase == .told && status.code == 128 + process.told
        let rules = book[process.rules]
        if !isOurDoing && firstBad == nil && rules.isCritical && !rules.isGood(status.code) { firstBad = status.code }
    }

    /// Nothing runs, nothing is to run, and all has ended well.
    var isNothingLeft: Bool {
        guard terms != nil, round == nil, living.isEmpty, firstBad == nil else { return false }
        var isAnyDone = false
        for place in places {
            if isHeld(place) || !place.isDone && !place.isOver { return false }
            isAnyDone = isAnyDone || place.isDone
        }
        return isAnyDone
    }

    /// The index of the place that it leaves.
    mutating func vacate(_ process: Process) -> Int? {
        let place = places.firstIndex { $0.label == process.label }
        if let place { places[place].isFilled = false } else { fail("a child that is not old has a place") }
        return place
    }

    mutating func startFailed(_ process: Process, code: Int32) {
        guard let place = vacate(process) else { return }
        if process.role == .candidate {
            candidateFailed(place, code, failedStart: true)
        } else {
            currentEnded(place, code, failedStart: true)
        }
    }

    func isHeld(_ process: Process) -> Bool { held.contains(book[process.rules].name) }

    mutating func candidateFailed(_ place: Int, _ code: Int32, failedStart: Bool) {
        if round?.terms?.retries == true {
            if !places[place].isExcused { round?.delayDue = never }
            setPace(place, failedStart: failedStart)
        } else if book[places[place].rules].isCritical {
            expected.roundFails = true
        } else {
            let rules = book[places[place].rules]
            if !places[place].isExcused && !places[place].isFollowed {
                // It is not known yet whether it will be ready.
                let isFollowed = rules.isNamed && failedStart
                places[place].isFollowed = isFollowed
                places[place].isExcused = !isFollowed
                places[place].patience = isFollowed ? later(now, rules.executionTimeout) : never
            }
            restart(place, code, failedStart: failedStart)
        }
    }

    /// A round that never gives up is to fill it.
    func isLeftToRound(_ place: Place) -> Bool {
        round?.terms?.retries == true && !place.isCandidate && place.kept < 0
    }

    private mutating func currentEnded(_ index: Int, _ code: Int32, failedStart: Bool) {
        if failedStart || !isLeftToRound(places[index]) { restart(index, code, failedStart: failedStart) }
        let name = book[places[index].rules].name
        // Started again at once, it fails with what it requires.
        let isLacking = places[index].due <= now && requirement(of: places[index]) == .failed
        if failedStart && !places[index].isOver && !places[index].isDone && !isLacking {
            owe(.service(name), .owedNotStarted(name))
        }
    }

    private mutating func restart(_ index: Int, _ code: Int32, failedStart: Bool) {
        let rules = book[places[index].rules]
        guard rules.restarts(after: code) else {
            if rules.isGood(code) { places[index].isDone = true } else { over(index, code, gaveUp: false) }
            return
        }
        if rules.limit < Int.max {
            places[index].restarts.removeAll { now - $0 >= rules.window }
            guard places[index].restarts.count < rules.limit else { return over(index, code, gaveUp: true) }
            places[index].restarts.append(now)
        }
        setPace(index, failedStart: failedStart)
    }

    private mutating func setPace(_ index: Int, failedStart: Bool) {
        let rules = book[places[index].rules]
        let life = now - places[index].lastSpawn
        if life >= rules.maximum { places[index].failures = 0 }
        var pace = rules.pace(failures: places[index].failures)
        if life < rules.maximum { places[index].failures += 1 }
        if failedStart && rules.readiness == .alive { pace = max(pace, rules.aliveFor) }
        places[index].due = max(now, later(places[index].lastSpawn, pace))
        places[index].latest = max(now, later(places[index].lastSpawn, pace + pace * rules.jitter / 100))
    }

    mutating func over(_ index: Int, _ code: Int32, gaveUp: Bool) {
        places[index].isOver = true
        let rules = book[places[index].rules]
        guard rules.isCritical, let terms else { return }
        if code != 0 && code != 130 && code != 143 && firstBad == nil { firstBad = code }
        if gaveUp || terms.stopsOnFailure { expected.ownStop = firstBad ?? 0 }
    }

    // MARK: Requests

    private mutating func reloadAsked(_ requester: Requester?, _ isHard: Bool) {
        let state: Request.State = stopping != nil ? .owedStopping : round == nil ? .round : .waiting
        if let requester { requests.append(Request(requester: requester, state: state)) }
        if state == .round {
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
        let reloads = terms?.reloadsAfterUpgrade == true || terms == nil && round == nil
        owe(.upgrade, !reloads ? .owedDone : round == nil ? .round : .waiting)
        guard reloads else { return }
        if round == nil { expected.load = true } else { isWaiting = true }
    }

    mutating func owe(_ old: Request.State, _ new: Request.State) {
        for index in requests.indices where requests[index].state == old { requests[index].state = new }
    }
}
