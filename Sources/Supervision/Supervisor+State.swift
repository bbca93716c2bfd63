/// The state over an exec.
extension Supervisor {
    /// Everything that the next image of this process must know.
    package var records: [StateRecord] {
        var indices: [Service: Int] = [:]
        let kept = (rollout?.progress?.kept ?? [:]).sorted { $0.key < $1.key }
        let slots = registry.slots.values.sorted { $0.id < $1.id }
        let planned = (plan?.services ?? []) + (rollout?.plan?.services ?? [])
        for service in slots.map(\.service) + kept.map(\.value.service) + planned where indices[service] == nil {
            indices[service] = indices.count
        }
        var records = [headRecord]
        records += indices.sorted { $0.value < $1.value }.map { $0.key.record($0.value) }
        if let plan { records.append(plan.record("current", indices)) }
        if let plan = rollout?.plan { records.append(plan.record("round", indices)) }
        if let rollout { records.append(rollout.record) }
        for (slot, kept) in kept {
            var record = StateRecord("kept")
            record[number: "slot"] = slot
            record[number: "service"] = indices[kept.service]
            record[number: "stage"] = kept.stage
            records.append(record)
        }
        records += slots.map { $0.record(service: indices[$0.service] ?? -1, rollout: rollout?.number) }
        records += children.values.sorted { $0.id < $1.id }.map { $0.record(in: registry.slot(of: $0)) }
        return records + requestRecords
    }

    private var headRecord: StateRecord {
        var head = StateRecord("supervisor")
        head[number: "version"] = SavedState.version
        head[number: "generation"] = generations.latest
        head[number: "failedReloads"] = generations.failedReloads
        head[number: "committed"] = generations.committed
        head[number: "counter"] = registry.counter
        head[numbers: "current"] = registry.current
        head[instant: "lastAccepted"] = schedule.lastAccepted
        head[instant: "lastFailedReload"] = schedule.lastFailure
        head[instant: "reloadDue"] = schedule.deadline
        head[flag: "reloadsWhenAlone"] = schedule.isWhenAlone
        head["jitter"] = String(jitter.state)
        head[number: "firstBadCode"] = exits.firstBad.map(Int.init)
        head["held"] = disabled.isEmpty ? nil : disabled.sorted().joined(separator: "\u{0}")
        head[flag: "damaged"] = !isWhole
        head[flag: "hasWaiting"] = requests.next != nil
        head[flag: "waitingIsHard"] = requests.next?.isHard ?? false
        head[numbers: "waiting"] = requests.next?.requesters.inOrder ?? []
        head[numbers: "upgrade"] = upgrade.requesters?.inOrder ?? []
        return head
    }

    // MARK: Restoring

    /// The state as another image left it; what is damaged has defaults. A child that has a pid is never forgotten: one
    /// whose slot is lost serves on, and retires when a new generation is ready. The seed is used where the state has
    /// none.
    package init(restoring state: SavedState, seed: UInt64) {
        self.init(seed: seed)
        var services: [Int: Service] = [:]
        for record in state.all("service") { services[record[number: "index"] ?? -1] = Service(record) }
        var isWhole = true
        for record in state.all("plan") where record["role"] == "current" {
            plan = Plan(record, services: services, isWhole: &isWhole)
        }
        let head = state.first("supervisor") ?? StateRecord("supervisor")
        restoreHead(head)
        let current = Set(head[numbers: "current"])
        var saved = savedSlots(state, services)
        if current.contains(where: { saved[$0] == nil }) { isWhole = false }
        schedule.isOwed = plan != nil && !isWhole
        self.isWhole = isWhole && !head[flag: "damaged"] && state.damaged == 0
        restoreRollout(state, services, &saved, current)
        let wanted = current.union(rollout?.progress?.slots ?? [])
        for (id, slot) in saved where wanted.contains(id) { registry.insert(slot.slot) }
        registry.place(current.filter { saved[$0] != nil }.sorted(), plan)
        for record in state.all("child") { restore(record, saved) }
        refillSlots(saved)
        restoreRequests(state)
    }

    private mutating func restoreHead(_ head: StateRecord) {
        generations.latest = head.count("generation")
        generations.failedReloads = head.count("failedReloads")
        generations.committed = head[number: "committed"] ?? generations.latest
        registry.reserve(head.count("counter"))
        for name in (head["held"] ?? "").split(separator: "\u{0}") { registry.disable(String(name)) }
        schedule.lastAccepted = head[instant: "lastAccepted"]
        schedule.lastFailure = head[instant: "lastFailedReload"]
        if let due = head[instant: "reloadDue"] {
            schedule.due = head[flag: "reloadsWhenAlone"] ? .whenAlone(orAt: due) : .at(due)
        }
        exits = .running(firstBad: head[number: "firstBadCode"].map { Int32(clamping: $0) })
        // Not "random" of earlier versions: that was the same in every master.
        jitter = head["jitter"].flatMap { UInt64($0) }.map(Jitter.init) ?? jitter  // bounded: any number will do
        if head[flag: "hasWaiting"] {
            requests.next = NextRollout(
                requesters: RequesterQueue(head[numbers: "waiting"]), isHard: head[flag: "waitingIsHard"])
        }
        upgrade = .executing(RequesterQueue(head[numbers: "upgrade"]))
    }

    private mutating func savedSlots(_ state: SavedState, _ services: [Int: Service]) -> [SlotID: SavedSlot] {
        var saved: [SlotID: SavedSlot] = [:]
        for record in state.all("slot") {
            guard let slot = SavedSlot(record, services) else { continue }
            saved[slot.slot.id] = slot
            registry.reserve(slot.slot.id)
        }
        return saved
    }

    private mutating func restoreRollout(
        _ state: SavedState, _ services: [Int: Service], _ saved: inout [SlotID: SavedSlot], _ current: Set<SlotID>
    ) {
        guard let record = state.first("round"), let number = record[number: "number"] else { return }
        registry.reserve(record.count("number"))
        var rollout = Rollout(
            number: number, requesters: RequesterQueue(record[numbers: "requesters"]), isHard: record[flag: "hard"])
        defer { self.rollout = rollout }
        // What lost a part of its plan is loaded once more.
        var isWhole = true
        var plan: Plan?
        for record in state.all("plan") where record["role"] == "round" {
            plan = Plan(record, services: services, isWhole: &isWhole)
        }
        var known: Set<SlotID> = []
        let ids = record[numbers: "slots"].filter { known.insert($0).inserted }
        guard let plan, isWhole, !ids.contains(where: { saved[$0] == nil }) else { return }
        var progress = Rollout.Progress(plan: plan)
        for id in ids { progress.append(id, of: saved[id]?.slot.service.name ?? "") }
        for kept in state.all("kept") {
            guard let service = services[kept[number: "service"] ?? -1] else { continue }
            progress.kept[kept[number: "slot"] ?? -1] = Rollout.Kept(
                service: service, stage: min(kept.count("stage"), 10_000))
        }
        let starting = ids.filter { !current.contains($0) && saved[$0]?.rollout == number }
        restoreStages(of: &progress, record[number: "stage"] ?? -1, starting, &saved)
        rollout.state = .starting(progress)
        if let due = record[instant: "delayUntil"] { rollout.delay(until: due) }
    }

    /// The slots that the rollout brings up know their stage.
    private func restoreStages(
        of progress: inout Rollout.Progress, _ stage: Int, _ starting: [SlotID], _ saved: inout [SlotID: SavedSlot]
    ) {
        let stages = starting.map { saved[$0]?.slot.stage ?? 0 }
        progress.stages = Array(repeating: [], count: (stages.max() ?? 0) + 1)  // bounded: stages are counted from 0
        progress.stage = min(max(-1, stage), progress.stages.count - 1)
        for (id, stage) in zip(starting, stages) {
            guard let slot = saved[id] else { continue }
            let isDisabled = disabled.contains(slot.slot.service.name)
            let isBegun = !isDisabled && stage <= progress.stage
            let candidacy: Slot.Candidacy =
                slot.isFollowed
                ? .followed(until: slot.patience) : slot.isExcused ? .excused : isBegun ? .awaited : .pending
            saved[id]?.slot.membership = .candidate(candidacy)
            if !isDisabled { progress.stages[stage].append(id) }  // bounded: stages are counted from 0
        }
    }

    private mutating func restore(_ record: StateRecord, _ saved: [SlotID: SavedSlot]) {
        guard let pid = record[number: "pid"].flatMap({ Int32(exactly: $0) }), pid > 1,
            registry.child(withPID: pid) == nil
        else { return }
        var id = record.count("id")
        if id == 0 || children[id] != nil { id = registry.nextNumber() }
        registry.reserve(id)
        let slot = record[number: "slot"] ?? 0
        let isFree = registry.slots[slot].map { $0.child == nil && !$0.isOver } ?? false
        let child = Child(record, id: id, pid: pid, slot: isFree && saved[slot]?.child == id ? slot : nil)
        generations.latest = max(generations.latest, child.generation)
        registry.insert(child)
    }

    /// A slot that lost its child is filled again at once.
    private mutating func refillSlots(_ saved: [SlotID: SavedSlot]) {
        let now = now
        let begun = Set(rollout?.progress.map { Array($0.stages.prefix(max(0, $0.stage + 1)).joined()) } ?? [])
        for slot in registry.slots.values where slot.filling == .empty {
            let isWanted = !disabled.contains(slot.service.name) && (!slot.isCandidate || begun.contains(slot.id))
            // The line of its child is lost; the process may serve on.
            if saved[slot.id]?.child != nil { isWhole = false }
            let due = saved[slot.id]?.restartAt ?? (isWanted ? now : nil)
            if let due { registry.update(slot.id) { $0.filling = .paused(until: due) } }
        }
    }

    /// A child that serves, but that the state did not tell of: it retires when a new generation is ready.
    package mutating func adopt(pid: Int32, at time: Instant) {
        guard registry.child(withPID: pid) == nil else { return }
        let identity = Life.Identity(pid: pid, group: nil)
        registry.insert(
            Child(
                id: registry.nextNumber(), service: "", instance: 0, generation: generation, spawnedAt: time,
                life: .ready(identity, since: time, heartbeatBy: nil), duty: .adopted,
                stop: StopRule(signal: 15, timeout: nil)))
    }
}

extension StateRecord {
    /// Not negative, and as bounded as every number of a state.
    func count(_ key: String) -> Int { max(0, self[number: key] ?? 0) }
}

extension Rollout {
    fileprivate var record: StateRecord {
        var record = StateRecord("round")
        record[number: "number"] = number
        record[numbers: "requesters"] = requesters.inOrder
        record[numbers: "slots"] = progress?.slots ?? []
        record[flag: "hard"] = isHard
        record[number: "stage"] = progress?.stage ?? -1
        record[instant: "delayUntil"] = delayUntil
        return record
    }
}
