import Supervision

/// What the engine may do, one action after the other.
extension World {
    mutating func follow(_ action: Action, _ all: [Action]) {
        require(!hasExited, "nothing follows the exit")
        switch action {
        case .load: load()
        case .spawn(let child): asked(child)
        case .signal(let pid, let signal, let group): signalled(pid, signal, group, all)
        case .answer(let requester, let answer): answered(requester, answer)
        case .prove:
            require(expected.prove, "a proof is asked for once an upgrade")
            expected.prove = false
        case .exec:
            require(isExecDue && stopping == nil, "an exec is for an upgrade that is wanted")
            require(!living.contains { $0.phase == .asked }, "no spawn is under way when the image is replaced")
            require(rollout == nil || rollout?.terms != nil, "no load is under way when the image is replaced")
            isExecDue = false
        case .report(let report): reported(report)
        case .exit(let code): exits(code)
        }
    }

    private mutating func exits(_ code: Int32) {
        guard let stopping else { return fail("an exit only after a stop") }
        require(living.isEmpty, "an exit only when no child is left")
        require(
            code == badBeforeStop ?? (stopping.exitCode != 0 ? stopping.exitCode : firstBad ?? 0),
            "the exit code tells the first failure")
        hasExited = true
    }

    // MARK: Rollouts

    private mutating func load() {
        require(rollout == nil, "never two rollouts at once")
        require(stopping == nil, "a stop beats a reload")
        require(expected.load || isReloadDue, "a load has a reason")
        expected.load = false
        rollout = RolloutModel(isHard: expected.isHard)
        expected.isHard = false
    }

    /// Base of the reloads by themselves: they do not follow a failure faster than a success.
    var reloadBase: Int64 { max(lastAccepted, lastFailed) }

    var isReloadDue: Bool {
        guard let interval = terms?.interval, interval != never, stopping == nil, rollout == nil else { return false }
        return now
            >= later(
                later(reloadBase, interval),
                living.contains { $0.role == .old && !$0.isAdopted && !$0.isStillborn } ? interval : 0)
    }

    /// Every new slot has a ready child.
    var isEveryoneReady: Bool {
        guard let needed = rollout?.needed, rollout?.terms != nil else { return false }
        return needed == slots.count { $0.isCandidate && !isDisabled($0) && !isWaitedFor($0) }
    }

    /// A rollout does not go on before it is ready.
    func isWaitedFor(_ slot: SlotModel) -> Bool {
        slot.isCandidate && !slot.isExcused && !slot.isDone && !(slot.isFollowed && slot.isOver)
            && !isDisabled(slot) && !isReady(slot)
    }

    func isReady(_ slot: SlotModel) -> Bool {
        for process in living where process.label == slot.label && process.role != .old {
            return process.phase == .ready
        }
        return false
    }

    var isAnyoneLeaving: Bool {
        living.contains { process in
            process.role == .current && slots.contains { $0.label == process.label && $0.kept < 0 }
        }
    }

    var mayRetire: Bool {
        guard let rollout, let terms = rollout.terms, isEveryoneReady else { return false }
        return rollout.delayDue != never
            ? now >= rollout.delayDue : terms.delay <= 0 || rollout.isHard || !isAnyoneLeaving
    }

    mutating func commit(_ generation: Int) {
        guard let rollout, let newTerms = rollout.terms else { return fail("a reload that succeeds was begun") }
        require(mayRetire, "old children serve until the new ones are ready and the delay is over")
        expected.signalledCurrent = false
        require(generation >= committed && generation <= supervisor.generation, "the generation is told as it is")
        committed = generation
        for slot in slots where !slot.isCandidate { commit(slot) }
        for index in living.indices where living[index].isAdopted {
            require(living[index].isSignalled, "an adopted child retires with the old ones")
            living[index].isAdopted = false
            living[index].isHard = living[index].isHard || rollout.isHard
        }
        let keptLabels = slots.filter { $0.kept >= 0 && $0.label >= 0 }.map(\.label)
        slots.removeAll { !$0.isCandidate && $0.kept < 0 }
        for index in slots.indices {
            slots[index].isCandidate = false
            slots[index].isExcused = false
            slots[index].isFollowed = false
            slots[index].patience = never
            if slots[index].kept >= 0 { slots[index].rules = slots[index].kept }
            slots[index].kept = -1
        }
        for index in living.indices where living[index].role != .old {
            settleIn(index)
            if keptLabels.contains(living[index].label) { living[index].lastGeneration = generation }
        }
        require(expected.reloadSignals.isEmpty, "a reload signal only where the plan says so")
        terms = newTerms
        firstBad = nil
        self.rollout = nil
        lastAccepted = now
        owe(.rollout, .owedDone)
        disabled.formIntersection(book[newTerms.base..<newTerms.base + newTerms.count].map(\.name))
        followOrders()
        beginWaiting()
    }

    /// One slot of the old plan, and who fills it.
    private mutating func commit(_ slot: SlotModel) {
        guard let index = living.firstIndex(where: { $0.label == slot.label && $0.role != .old }) else { return }
        let process = living[index]
        guard slot.kept >= 0 else {
            require(
                process.isSignalled || process.phase == .asked,
                "an old child is told to stop when the new ones are ready")
            return leave(index)
        }
        switch book[slot.kept].onReload {
        case .signal(let number):
            let signal = expected.reloadSignals.firstIndex(of: process.id)
            if let signal { expected.reloadSignals.remove(at: signal) }
            require((process.phase == .ready) == (signal != nil), "a reload signal once, to a child that is ready")
            if process.isStarting { living[index].owed = number }
        case .restart: require(process.isSignalled || process.phase == .asked, "a restart begins with a stop")
        case .keep, .replace: break
        }
    }

    private mutating func leave(_ index: Int) {
        living[index].role = .old
        living[index].restarts = false
        living[index].isHard = living[index].isHard || rollout?.isHard == true
        growsOld(index, rollout?.terms?.age ?? never)
    }

    /// One that was told before grows only so old from now on.
    mutating func growsOld(_ index: Int, _ age: Int64) {
        guard living[index].phase == .stopping, age != never else { return }
        living[index].endBy = later(now, age)
        living[index].killDue = min(living[index].killDue, living[index].endBy)
    }

    /// Those who are told already, or have no pid yet, become old without another word.
    mutating func leaveSignalled() {
        for index in living.indices
        where living[index].role == .current && (living[index].isSignalled || living[index].phase == .asked) {
            if slots.contains(where: { $0.label == living[index].label && $0.kept < 0 }) { leave(index) }
        }
    }

    private mutating func settleIn(_ index: Int) {
        living[index].role = .current
        guard let slot = slots.first(where: { $0.label == living[index].label }) else { return }
        let watchdog = book[slot.rules].watchdog
        let isChanged = watchdog != book[living[index].rules].watchdog && living[index].ownWatchdog == nil
        if living[index].phase == .ready && isChanged {
            living[index].watchDue = later(now, watchdog)
        }
        living[index].rules = slot.rules
    }

    mutating func failed() {
        require(expected.rolloutFails, "a rollout fails for a reason only")
        expected.rolloutFails = false
        expected.signalledCandidate = false
        for index in living.indices where living[index].role == .candidate {
            require(
                living[index].isSignalled || living[index].phase == .asked, "the children of a failed rollout are ended"
            )
            living[index].role = .old
        }
        slots.removeAll { $0.isCandidate }
        for index in slots.indices { slots[index].kept = -1 }
        rollout = nil
        lastFailed = now
        owe(.rollout, .owedFailure)
        owe(.everything, .owedFailure)
        if terms == nil && !living.contains(where: \.isAdopted) {
            expected.ownStop = 1
        } else {
            followOrders()
            beginWaiting()
        }
    }

    private mutating func beginWaiting() {
        if isWaiting {
            expected.load = true
            expected.isHard = waitingIsHard
        }
        isWaiting = false
        waitingIsHard = false
        owe(.waiting, .rollout)
    }

    // MARK: Spawns

    private mutating func asked(_ child: Child) {
        require(stopping == nil, "no spawn after a stop")
        require(child.phase == .spawning && child.generation <= supervisor.generation, "a spawn is of a new child")
        if let index = slot(of: child) {
            askedAgain(child, index)
        } else {
            askedFirst(child)
        }
    }

    private mutating func askedAgain(_ child: Child, _ index: Int) {
        let slot = slots[index]
        let rules = book[slot.rules]
        require(rules.name == child.service && slot.instance == child.instance, "a slot is for one instance")
        require(!slot.isFilled, "a slot is filled by one child")
        require(!slot.isOver && !slot.isDone, "who has given up, or has done his work, is not started again")
        require(slot.due <= now, "no restart is faster than the back-off")
        require(!disabled.contains(rules.name), "who was stopped by hand is not started")
        require(requirement(of: slot) == .met, "nobody is started before what he requires is ready")
        slots[index].isBlocked = false
        require(
            slot.isCandidate || terms?.retries == true || child.generation <= committed,
            "who takes a slot is of the generation in force")
        slots[index].isFilled = true
        slots[index].lastSpawn = now
        slots[index].due = never
        slots[index].latest = never
        living.append(
            Process(child, role: slot.isCandidate ? .candidate : .current, rules: slot.rules, leads: rules.leadsGroup)
        )
        count(child, slot.isCandidate ? rollout?.terms : terms)
    }

    private mutating func askedFirst(_ child: Child) {
        guard let terms = rollout?.terms else { return fail("a new slot is opened by a rollout only") }
        let pages = terms.base..<terms.base + terms.count
        guard let page = pages.first(where: { book[$0].name == child.service }) else {
            return fail("a spawn is of a service of the plan")
        }
        require(child.instance >= 0 && child.instance < book[page].instances, "a spawn is of an instance of the plan")
        for slot in slots where slot.instance == child.instance {
            require(slot.kept != page, "what is kept is not replaced")
            require(!slot.isCandidate || slot.rules != page, "an instance has one new slot")
        }
        let rules = book[page]
        require(!disabled.contains(rules.name), "who was stopped by hand is not started")
        if rules.stage > 0 {
            require(isReady(below: rules.stage, terms), "a service starts after those that it comes after")
        }
        var slot = SlotModel(
            label: child.slot ?? 0, instance: child.instance, rules: page, isCandidate: true, lastSpawn: now)
        slot.isExcused = self.terms == nil && !rules.isCritical && !rules.isNamed
        require(requirement(of: slot) == .met, "nobody is started before what he requires is ready")
        slots.append(slot)
        living.append(Process(child, role: .candidate, rules: page, leads: rules.leadsGroup))
        require(child.generation == rollout?.generation || terms.retries, "a new child is of the new generation")
        count(child, terms)
    }

    private mutating func count(_ child: Child, _ terms: Terms?) {
        guard terms?.retries == true else { return }
        require(child.generation > spawnGeneration, "every attempt is a generation of its own")
        spawnGeneration = child.generation
    }

    private func isReady(below stage: Int, _ terms: Terms) -> Bool {
        var missing = 0
        for page in terms.base..<terms.base + terms.count where book[page].stage < stage {
            missing += book[page].instances
        }
        for slot in slots where slot.kept >= 0 && book[slot.kept].stage < stage { missing -= 1 }
        for slot in slots
        where slot.isCandidate && book[slot.rules].stage < stage && !isWaitedFor(slot) { missing -= 1 }
        return missing == 0
    }

    // MARK: Answers

    private mutating func answered(_ requester: Requester, _ answer: Answer) {
        guard let index = requests.firstIndex(where: { $0.requester == requester }) else {
            return fail("a requester is answered once")
        }
        let request = requests.remove(at: index)
        let isRight =
            switch (answer, request.state) {
            case (.done(let generation), .owedDone):
                generation == (expected.isResuming ? supervisor.generation : committed)
            case (.failed(.stopping), .owedStopping): true
            case (.failed(.notLoaded), .owedFailure), (.failed(.notStarted), .owedFailure),
                (.failed(.requirement), .owedFailure):
                true
            case (.failed(.notUpgraded), .owedUpgradeFailure): true
            case (.failed(.notStarted(let child, _)), .owedNotStarted(let name)): child.service == name
            case (.failed(.unknownService(let name)), .owedUnknown(let asked)): name == asked
            case (.failed(.noInstances(let name)), .owedNoInstances(let asked)): name == asked
            default: outcome(of: request) == answer
            }
        require(isRight, "a requester is told what became of his own request, and when it is known")
    }
}
