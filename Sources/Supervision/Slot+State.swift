/// A slot as a state tells of it: who fills it is known once the children are.
struct SavedSlot {
    var slot: Slot
    let child: Child.ID?
    let restartAt: Instant?
    /// The rollout that it is of.
    let rollout: Int?
    let isExcused: Bool

    init?(_ record: StateText.Record, _ services: [Int: Service]) {
        guard let id = record[number: "id"], id > 0, let service = services[record[number: "service"] ?? -1] else {
            return nil
        }
        slot = Slot(
            id: id, service: service, instance: record.count("instance"), stage: min(record.count("stage"), 10_000),
            generation: record.count("generation"))
        slot.failures = record.count("failures")
        slot.lastSpawn = record[instant: "lastSpawn"]
        slot.restarts = record[numbers: "restarts"].map { Instant(nanoseconds: Int64($0)) }
        if record[flag: "over"] { slot.filling = .failed }
        child = record[number: "child"]
        restartAt = record[instant: "restartAt"]
        rollout = record[number: "round"]
        isExcused = record[flag: "excused"]
    }
}

extension Slot {
    func record(service index: Int, rollout: Int?) -> StateText.Record {
        var record = StateText.Record("slot")
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
        record[flag: "over"] = hasFailed
        record[flag: "excused"] = isExcused
        return record
    }
}
