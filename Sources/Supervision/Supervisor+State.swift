extension Supervisor {
    /// Everything that the next image of this process must know.
    package var records: [StateText.Record] {
        var indices: [Service: Int] = [:]
        let kept = (round?.kept ?? [:]).sorted { $0.key < $1.key }
        let placed = slots.keys.sorted().compactMap { slots[$0]?.service }
        for service in placed + kept.map(\.value.service) + (plan?.services ?? []) + (round?.plan?.services ?? [])
        where indices[service] == nil { indices[service] = indices.count }
        var head = StateText.Record("supervisor")
        head[number: "version"] = StateText.version
        head[number: "generation"] = generation
        head[number: "failedReloads"] = failedReloads
        head[number: "counter"] = counter
        head[numbers: "current"] = current
        head[instant: "lastAccepted"] = lastAccepted
        head[instant: "lastFailedReload"] = lastFailedReload
        head["jitter"] = String(jitter.state)
        head[instant: "reloadDue"] = reloadDue
        head[flag: "reloadsWhenAlone"] = reloadsWhenAlone
        head[number: "firstBadCode"] = firstBadCode.map(Int.init)
        head[number: "committed"] = committedGeneration
        head["held"] = disabled.isEmpty ? nil : disabled.sorted().joined(separator: "\u{0}")
        head[flag: "hasWaiting"] = waiting != nil
        head[flag: "waitingIsHard"] = waitingIsHard
        head[numbers: "waiting"] = waiting ?? []
        head[numbers: "upgrade"] = upgrade ?? []
        var records = [head]
        records += indices.sorted { $0.value < $1.value }.map { $0.key.record($0.value) }
        if let plan { records.append(plan.record("current", indices)) }
        if let round {
            if let plan = round.plan { records.append(plan.record("round", indices)) }
            records += round.records
        }
        for (slot, kept) in kept {
            var record = StateText.Record("kept")
            record[number: "slot"] = slot
            record[number: "service"] = indices[kept.service]
            record[number: "stage"] = kept.stage
            records.append(record)
        }
        for id in slots.keys.sorted() {
            if let slot = slots[id] { records.append(slot.record(service: indices[slot.service] ?? -1)) }
        }
        for id in children.keys.sorted() { if let child = children[id] { records.append(child.record) } }
        return records + requestRecords
    }

    /// The state as another image left it; what is damaged has defaults. A child that has a pid is never forgotten: one
    /// whose place is lost serves on, and retires when a new generation is ready. The seed is used where the state has
    /// none.
    package init(restoring state: StateText, seed: UInt64) {
        self.init(seed: seed)
        var services: [Int: Service] = [:]
        for record in state.all("service") { services[record[number: "index"] ?? -1] = Service(record) }
        var isWhole = true
        for record in state.all("plan") where record["role"] == "current" {
            plan = Plan(record, services: services, isWhole: &isWhole)
        }
        restoreHead(state.first("supervisor") ?? StateText.Record("supervisor"))
        for record in state.all("slot") {
            guard let slot = Slot(record, services) else { continue }
            slots[slot.id] = slot
            counter = max(counter, slot.id)
        }
        restoreRound(state, services)
        let current = Set(state.first("supervisor")?[numbers: "current"] ?? [])
        if current.contains(where: { slots[$0] == nil }) { isWhole = false }
        mustReload = plan != nil && !isWhole
        let wanted = current.union(round?.slots ?? [])
        slots = slots.filter { wanted.contains($0.key) }
        place(current.filter { slots[$0] != nil }.sorted())
        for record in state.all("child") { restore(record) }
        countUnready()
        criticalSlots = placed.keys.reduce(0) { $0 + criticalSlots(of: $1) }
        restoreRequests(state)
        if let reloadDue { deadlines.insert(reloadDue, .reload) }
    }

    private mutating func restoreHead(_ head: StateText.Record) {
        generation = head.count("generation")
        failedReloads = head.count("failedReloads")
        counter = head.count("counter")
        committedGeneration = head[number: "committed"] ?? generation
        disabled = Set((head["held"] ?? "").split(separator: "\u{0}").map(String.init))
        lastAccepted = head[instant: "lastAccepted"]
        lastFailedReload = head[instant: "lastFailedReload"]
        reloadDue = head[instant: "reloadDue"]
        reloadsWhenAlone = head[flag: "reloadsWhenAlone"]
        firstBadCode = head[number: "firstBadCode"].map { Int32(clamping: $0) }
        // Not "random" of earlier versions: that was the same in every master.
        jitter = head["jitter"].flatMap { UInt64($0) }.map(Jitter.init) ?? jitter  // bounded: any number will do
        waiting = head[flag: "hasWaiting"] ? head[numbers: "waiting"] : nil
        waitingIsHard = head[flag: "waitingIsHard"]
        upgrade = head[numbers: "upgrade"]
    }

    private mutating func restore(_ record: StateText.Record) {
        guard let pid = record[number: "pid"].flatMap({ Int32(exactly: $0) }), pid > 1, identifiers[pid] == nil else {
            return
        }
        var id = record.count("id")
        if id == 0 || children[id] != nil { id = nextNumber() }
        counter = max(counter, id)
        var child = Child(record, id: id, pid: pid)
        if slots[child.slot]?.child != id { child.isRetired = true }
        generation = max(generation, child.generation)
        children[id] = child
        identifiers[pid] = id
        if child.isRetired, !child.isStillborn { adopt(child) }
        if let due = child.deadline {
            armed[id] = due
            deadlines.insert(due, .child(id))
        }
    }

    /// A child that serves, but that the state did not tell of: it retires when a new generation is ready.
    package mutating func adopt(pid: Int32, at time: Instant) {
        guard identifiers[pid] == nil else { return }
        var child = Child(
            id: nextNumber(), service: "", instance: 0, generation: generation, spawnedAt: time, slot: 0,
            stop: StopRule(signal: 15, timeout: nil, group: false), stage: 0)
        child.pid = pid
        child.phase = .ready
        child.readyAt = time
        child.isRetired = true
        children[child.id] = child
        identifiers[pid] = child.id
        adopt(child)
    }

    private mutating func adopt(_ child: Child) {
        if child.isSignalled { retired.insert(child) } else { adopted.append(child.id) }
    }

    private mutating func restoreRound(_ state: StateText, _ services: [Int: Service]) {
        guard let record = state.first("round"), let number = record[number: "number"] else { return }
        var round = Round(number: number, requesters: record[numbers: "requesters"], isHard: record[flag: "hard"])
        counter = max(counter, record.count("number"))
        // What lost a part of its plan is loaded once more.
        var isWhole = true
        for plan in state.all("plan") where plan["role"] == "round" {
            round.plan = Plan(plan, services: services, isWhole: &isWhole)
        }
        var known: Set<SlotID> = []
        let slotIDs = record[numbers: "slots"].filter { known.insert($0).inserted }
        if !isWhole || slotIDs.contains(where: { slots[$0] == nil }) { round.plan = nil }
        if round.plan != nil {
            round.slots = slotIDs
            restoreStages(of: &round)
            for kept in state.all("kept") {
                guard let service = services[kept[number: "service"] ?? -1] else { continue }
                round.kept[kept[number: "slot"] ?? -1] = Round.Kept(
                    service: service, stage: min(kept.count("stage"), 10_000))
            }
            round.stage = min(max(-1, record[number: "stage"] ?? -1), round.stages.count - 1)
            round.delayUntil = record[instant: "delayUntil"]
            if let due = round.delayUntil { deadlines.insert(due, .round(number)) }
        }
        self.round = round
    }

    /// The slots that the round brings up know their stage.
    private func restoreStages(of round: inout Round) {
        let starting = round.slots.filter { id in
            slots[id].map { $0.round == round.number && !disabled.contains($0.service.name) } ?? false
        }
        let last = starting.compactMap { slots[$0]?.stage }.max() ?? 0
        round.stages = Array(repeating: [], count: last + 1)  // bounded: stages are counted from 0
        // bounded: stages are counted from 0
        for id in starting { if let stage = slots[id]?.stage { round.stages[stage].append(id) } }
    }

    /// Counts anew who is waited for; a slot that lost its child is filled again at once.
    private mutating func countUnready() {
        // bounded: stages are counted from 0
        let begun = Set(round.map { Array($0.stages.prefix($0.stage + 1).joined()) } ?? [])
        for id in slots.keys.sorted() {
            guard let slot = slots[id] else { continue }
            if let child = slot.child, children[child] == nil { slots[id]?.child = nil }
            let isDone = slot.isOver || disabled.contains(slot.service.name)
            let isWanted = !isDone && (slot.round == nil || begun.contains(id))
            if slots[id]?.child == nil, slot.restartAt == nil, isWanted { slots[id]?.restartAt = now }
            if let due = slots[id]?.restartAt { deadlines.insert(due, .slot(id)) }
        }
        guard let round else { return }
        // bounded: stages are counted from 0
        self.round?.unready = round.stages.prefix(round.stage + 1).joined().count { id in
            guard let slot = slots[id], !slot.isExcused else { return false }
            return slot.child.flatMap { children[$0] }?.phase != .ready
        }
    }
}

extension StateText.Record {
    /// Not negative, and as bounded as every number of a state.
    fileprivate func count(_ key: String) -> Int { max(0, self[number: key] ?? 0) }
}

extension Round {
    fileprivate var records: [StateText.Record] {
        var record = StateText.Record("round")
        record[number: "number"] = number
        record[numbers: "requesters"] = requesters
        record[numbers: "slots"] = slots
        record[flag: "hard"] = isHard
        record[number: "stage"] = stage
        record[instant: "delayUntil"] = delayUntil
        return [record]
    }
}

extension Slot {
    fileprivate init?(_ record: StateText.Record, _ services: [Int: Service]) {
        guard let id = record[number: "id"], id > 0,
            let service = services[record[number: "service"] ?? -1]
        else { return nil }
        self.init(
            id: id, service: service, instance: record.count("instance"), stage: min(record.count("stage"), 10_000),
            generation: record.count("generation"))
        round = record[number: "round"]
        child = record[number: "child"]
        failures = record.count("failures")
        lastSpawn = record[instant: "lastSpawn"]
        restarts = record[numbers: "restarts"].map { Instant(nanoseconds: Int64($0)) }
        restartAt = record[instant: "restartAt"]
        isOver = record[flag: "over"]
        isExcused = record[flag: "excused"]
    }

    fileprivate func record(service index: Int) -> StateText.Record {
        var record = StateText.Record("slot")
        record[number: "id"] = id
        record[number: "service"] = index
        record[number: "instance"] = instance
        record[number: "stage"] = stage
        record[number: "generation"] = generation
        record[number: "round"] = round
        record[number: "child"] = child
        record[number: "failures"] = failures
        record[instant: "lastSpawn"] = lastSpawn
        record[numbers: "restarts"] = restarts.map { Int($0.nanoseconds) }
        record[instant: "restartAt"] = restartAt
        record[flag: "over"] = isOver
        record[flag: "excused"] = isExcused
        return record
    }
}

extension Child {
    fileprivate init(_ record: StateText.Record, id: ID, pid: Int32) {
        let rule = StopRule(
            signal: Int32(clamping: record[number: "stopSignal"] ?? 15), timeout: record[duration: "stopTimeout"],
            group: record[flag: "group"])
        self.init(
            id: id, service: record["service"] ?? "", instance: record.count("instance"),
            generation: record.count("generation"),
            spawnedAt: record[instant: "spawnedAt"] ?? Instant(nanoseconds: 0), slot: record[number: "slot"] ?? 0,
            stop: rule, stage: min(record.count("stage"), 10_000))
        self.pid = pid
        let number = record[number: "groupID"].flatMap { Int32(exactly: $0) } ?? pid
        group = !rule.group ? 0 : number > 1 ? number : pid
        lastGeneration = record[number: "lastGeneration"] ?? generation
        reloadSignal = record[number: "reloadSignal"].map { Int32(clamping: $0) }
        watchdog = record[duration: "watchdog"]
        endBy = record[instant: "endBy"]
        phase = record["phase"].flatMap(Phase.init) ?? .ready
        if phase == .spawning { phase = .starting }
        readyAt = record[instant: "readyAt"]
        isRetired = record[flag: "retired"]
        isStillborn = record[flag: "stillborn"]
        restarts = record[flag: "restarts"]
        isOnProbation = record[flag: "probation"]
        told = record[number: "told"].map { Int32(clamping: $0) }
        deadline = record[instant: "deadline"]
    }

    fileprivate var record: StateText.Record {
        var record = StateText.Record("child")
        record[number: "id"] = id
        record["service"] = service
        record[number: "instance"] = instance
        record[number: "generation"] = generation
        record[number: "pid"] = Int(pid)
        record["phase"] = phase.rawValue
        record[instant: "spawnedAt"] = spawnedAt
        record[instant: "readyAt"] = readyAt
        record[flag: "retired"] = isRetired
        record[flag: "stillborn"] = isStillborn
        record[flag: "restarts"] = restarts
        record[flag: "probation"] = isOnProbation
        record[number: "told"] = told.map(Int.init)
        record[number: "slot"] = slot
        record[instant: "deadline"] = deadline
        record[number: "stopSignal"] = Int(stop.signal)
        record[duration: "stopTimeout"] = stop.timeout
        record[flag: "group"] = stop.group
        record[number: "groupID"] = stop.group ? Int(group) : nil
        record[number: "lastGeneration"] = lastGeneration
        record[number: "reloadSignal"] = reloadSignal.map(Int.init)
        record[duration: "watchdog"] = watchdog
        record[instant: "endBy"] = endBy
        record[number: "stage"] = stage
        return record
    }
}
