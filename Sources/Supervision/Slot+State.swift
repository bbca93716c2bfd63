/// A slot as a state tells of it: who fills it is known once the children are.
struct SavedSlot {
    var slot: Slot
    let child: Child.ID?
    let restartAt: Instant?
    /// The rollout that it is of.
    let rollout: Int?
    let isExcused: Bool
    /// Others come after it, and wait so long.
    let isFollowed: Bool
    let patience: Instant?

    init?(_ record: StateRecord, _ services: [Int: Service]) {
        guard let id = record[number: "id"], id > 0, let service = services[record[number: "service"] ?? -1] else {
            return nil
        }
        slot = Slot(
            id: id, service: service, instance: record.count("instance"), stage: min(record.count("stage"), 10_000),
            generation: record.count("generation"))
        slot.failures = record.count("failures")
        slot.lastSpawn = record[instant: "lastSpawn"]
        slot.restarts = record[numbers: "restarts"].map { Instant(nanoseconds: Int64($0)) }
        slot.lastEnd = StartFailure(record)
        if record[flag: "blocked"] {
            slot.filling = .blocked
        } else if record[flag: "finished"] {
            slot.filling = .finished
        } else if record[flag: "over"] {
            slot.filling = .failed(record["cause"].flatMap(FailureCause.init) ?? .policy)
        }
        child = record[number: "child"]
        restartAt = record[instant: "restartAt"]
        rollout = record[number: "round"]
        isExcused = record[flag: "excused"]
        isFollowed = record[flag: "followed"]
        patience = record[instant: "patience"]
    }
}

extension Slot {
    func record(service index: Int, rollout: Int?) -> StateRecord {
        var record = StateRecord("slot")
        record[number: "id"] = id
        record[number: "service"] = index
        record[number: "instance"] = instance
        record[number: "stage"] = stage
        record[number: "generation"] = generation
        record[number: "round"] = isCandidate ? rollout : nil
        record[number: "child"] = child
        record[number: "failures"] = failures
        record[instant: "lastSpawn"] = lastSpawn
        record[numbers: "restarts"] = restarts.map { Int($0.nanoseconds) }
        record[instant: "restartAt"] = restartAt
        // Earlier versions know no better than that nothing fills it any more.
        record[flag: "over"] = isOver
        record[flag: "finished"] = filling == .finished
        if case .failed(let cause) = filling { record["cause"] = cause.rawValue }
        lastEnd?.write(to: &record)
        record[flag: "excused"] = isExcused
        record[flag: "followed"] = isFollowed
        record[instant: "patience"] = patience
        record[flag: "blocked"] = filling == .blocked
        return record
    }
}

extension StartFailure {
    fileprivate init?(_ record: StateRecord) {
        let number = record[number: "lastEnd"].map { Int32(clamping: $0) } ?? 0
        switch record["lastEndKind"] {
        case "exited": self = .ended(.exited(number))
        case "signaled": self = .ended(.signaled(number, dumpedCore: record[flag: "lastEndCore"]))
        case "timedOut": self = .timedOut
        case "notSpawned": self = .notSpawned(number)
        default: return nil
        }
    }

    fileprivate func write(to record: inout StateRecord) {
        switch self {
        case .ended(.exited(let code)):
            record["lastEndKind"] = "exited"
            record[number: "lastEnd"] = Int(code)
        case .ended(.signaled(let signal, let dumpedCore)):
            record["lastEndKind"] = "signaled"
            record[number: "lastEnd"] = Int(signal)
            record[flag: "lastEndCore"] = dumpedCore
        case .timedOut: record["lastEndKind"] = "timedOut"
        case .notSpawned(let errno):
            record["lastEndKind"] = "notSpawned"
            record[number: "lastEnd"] = Int(errno)
        }
    }
}
