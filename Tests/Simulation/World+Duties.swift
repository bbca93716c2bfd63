import Supervision

/// What the engine must have done by the end of an event, and when it must wake next.
extension World {
    mutating func settle() {
        require(!expected.load, "a request to reload begins a rollout, now or after the one that runs")
        require(!expected.prove, "an upgrade begins with a proof")
        require(expected.stop == nil && expected.ownStop == nil, "a stop is never lost")
        require(!expected.rolloutFails, "a rollout whose new child fails has failed")
        require(!expected.signalledCurrent && !expected.signalledCandidate, "a stop signal is part of a rollout's end")
        require(expected.reloadSignals.isEmpty, "a reload signal is part of a rollout's end")
        require(!isFollowing, "a command is followed at once, or after the rollout")
        require(expected.signalled.isEmpty, "a command tells everyone whom it is for")
        require(expected.missed == nil, "who says that his watchdog is to bite is killed")
        require(expected.signalledAgain == nil, "another process is told what the one before was")
        for request in requests {
            require(!isAnswerKnown(request), "a requester is answered as soon as the answer is known")
        }
        require(supervisor.generation >= generation, "the generation never falls")
        generation = supervisor.generation
        require(stopping != nil || !isNothingLeft, "it ends when nothing is left to run, and all has ended well")
        if stopping != nil { settleStop() } else { settleRollout() }
        settleBlocked()
        settleTable()
        if let wrong = settleCensus() { fail(wrong) }
        settleDeadlines()
    }

    private mutating func settleStop() {
        guard let stopping else { return }
        if living.isEmpty { return require(hasExited, "it exits when the last child has gone") }
        let urgency = 2 + stopping.urgency.rawValue
        for process in living where process.phase != .asked && process.phase != .killed && process.urgency < urgency {
            let isDisabled = stopsBackwards && process.role != .old && isHeldBack(process)
            require(isDisabled, "a stop tells everyone whose turn it is")
        }
    }

    private mutating func settleRollout() {
        if rollout != nil {
            if isEveryoneReady {
                require(rollout?.delayDue != never, "a rollout ends when all are ready")
                require(rollout?.delayDue ?? now > now, "the old ones are told when the delay is over")
            } else if events & 1 == 0, let terms = rollout?.terms {
                settleStages(terms)
            }
        }
        require(!isReloadDue, "a reload comes by itself when its interval has passed")
        // Without a plan in force nothing bounds what the rollouts before have left.
        if terms != nil || lastFailed == 0 { settleBound() }
    }

    /// The open stage is the lowest one that is not ready: it, and those below it, have been asked for.
    private mutating func settleStages(_ terms: Terms) {
        var open = Int.max
        for page in terms.base..<terms.base + terms.count where book[page].stage < open {
            var missing = book[page].instances
            for slot in slots where slot.kept == page { missing -= 1 }
            for slot in slots
            where slot.isCandidate && slot.rules == page && !isWaitedFor(slot) { missing -= 1 }
            if missing > 0 { open = book[page].stage }
        }
        for page in terms.base..<terms.base + terms.count where book[page].stage <= open {
            var missing = book[page].instances
            for slot in slots where slot.kept == page || slot.isCandidate && slot.rules == page { missing -= 1 }
            require(missing == 0, "a stage starts when the one before is ready")
        }
    }

    private mutating func settleBound() {
        guard let bound = (terms ?? rollout?.terms)?.bound, bound < Int.max else { return }
        var generations: [Int] = []
        for process in living where process.role == .old && process.phase == .stopping {
            if !generations.contains(process.lastGeneration) { generations.append(process.lastGeneration) }
        }
        require(generations.count <= bound, "the number of old generations is bounded")
    }

    /// No child is forgotten, none is invented.
    private mutating func settleTable() {
        require(supervisor.children.count == living.count, "the table holds the living, and only them")
        // Every fourth time is often enough: what is forgotten stays forgotten.
        guard events & 3 == 0 else { return }
        for process in living {
            guard let child = supervisor.children[process.id] else { return fail("no child is forgotten") }
            require(child.pid == process.pid && child.group == process.group, "a child keeps its pid and its group")
            let isRight =
                switch child.phase {
                case .spawning: process.phase == .asked
                case .executing: process.phase == .executing
                case .starting: process.phase == .starting
                case .ready: process.phase == .ready
                case .stopping: process.phase == .stopping
                case .killed: process.phase == .killed
                }
            require(isRight, "the table tells the phase of every child")
            require(child.isRetired == (process.role == .old), "the table tells who is old")
        }
    }

    // MARK: Deadlines

    /// The engine wakes exactly when it has something to do: `earliest` is what may wake it, `latest` what must.
    private mutating func settleDeadlines() {
        if hasExited { return }
        var earliest = never
        var latest = never
        for process in living {
            let due =
                switch process.phase {
                case .asked, .killed: never
                case .ready: stopping != nil ? never : process.watchDue
                case .executing, .starting:
                    process.role == .old || stopping != nil ? never : min(process.readyDue, process.startDue)
                case .stopping: process.killDue
                }
            if due <= now { overdue(process) }
            if process.role == .old && process.isStarting && stopping == nil {
                fail("who became old before it was spawned is told to stop at once")
            }
            if process.phase == .starting && process.isReadied && stopping == nil && process.role != .old {
                fail("who is ready is accepted at once")
            }
            if process.phase == .ready && process.owed != 0 && stopping == nil {
                fail("who got no reload signal while he was starting gets it when he is ready")
            }
            earliest = min(earliest, process.isStarting ? min(process.readyDue, process.startDue) : due)
            if process.phase == .ready { earliest = min(earliest, process.watchDue) }
            latest = min(latest, due)
        }
        for index in slots.indices where slots[index].due != never { settleSlot(index, &earliest, &latest) }
        for slot in slots where slot.patience != never && stopping == nil {
            earliest = min(earliest, slot.patience)
            latest = min(latest, slot.patience)
        }
        if let due = rollout?.delayDue, due != never {
            earliest = min(earliest, due)
            latest = min(latest, due)
        }
        if let interval = terms?.interval, interval != never, rollout == nil, stopping == nil {
            var due = later(reloadBase, interval)
            if due <= now { due = later(due, interval) }
            earliest = min(earliest, due)
            latest = min(latest, due)
        }
        let next = supervisor.nextDeadline()?.nanoseconds ?? never
        require(next <= latest, "no deadline is forgotten")
        require(next >= earliest, "no wake-up without a reason")
        require(next > now, "no deadline is left behind")
    }

    private mutating func overdue(_ process: Process) {
        if process.phase == .stopping { return fail("who does not stop in his time is killed") }
        if process.phase == .ready { return fail("who gives no beat in time is killed") }
        if process.readyDue <= now { return fail("who has lived so long is accepted") }
        fail("a start that takes too long has failed")
    }

    private mutating func settleSlot(_ index: Int, _ earliest: inout Int64, _ latest: inout Int64) {
        let slot = slots[index]
        if slot.isFilled || slot.isOver || slot.isDone || slot.isBlocked { return }
        if isLeftToRollout(slot) {
            if slot.latest <= now { slots[index].due = never } else { earliest = min(earliest, slot.due) }
            return
        }
        require(slot.latest > now, "who is to be restarted is restarted in time")
        earliest = min(earliest, slot.due)
        latest = min(latest, slot.latest)
    }
}
