/// A child over an exec. The keys are those of the first version: its numbers are read by earlier images, too.
extension Child {
    /// `slot` is the one that it fills, which says so itself.
    init(_ record: StateRecord, id: ID, pid: Int32, slot: SlotID?) {
        let rule = StopRule(
            signal: Int32(clamping: record[number: "stopSignal"] ?? 15), timeout: record[duration: "stopTimeout"])
        let spawnedAt = record[instant: "spawnedAt"] ?? Instant(nanoseconds: 0)
        let life = Life(record, pid: pid, spawnedAt: spawnedAt, rule: rule)
        self.init(
            id: id, service: record["service"] ?? "", instance: record.count("instance"),
            generation: record.count("generation"), spawnedAt: spawnedAt, life: life,
            duty: Duty(record, slot: slot, life), stop: rule)
        ownWatchdog =
            record[flag: "watchdogOff"] ? WatchdogTime.none : record[duration: "ownWatchdog"].map { .every($0) }
        lastGeneration = record[number: "lastGeneration"] ?? generation
    }

    func record(in slot: Slot?) -> StateRecord {
        var record = StateRecord("child")
        record[number: "id"] = id
        record["service"] = service
        record[number: "instance"] = instance
        record[number: "generation"] = generation
        record[number: "pid"] = Int(pid)
        record[flag: "group"] = group != 0
        record[number: "groupID"] = group != 0 ? Int(group) : nil
        record[instant: "spawnedAt"] = spawnedAt
        record[number: "lastGeneration"] = lastGeneration
        record[number: "stopSignal"] = Int(stop.signal)
        record[duration: "stopTimeout"] = stop.timeout
        record[number: "slot"] = duty.slot ?? 0
        record[flag: "retired"] = isRetired
        record[flag: "stillborn"] = duty == .stillborn
        record[flag: "restarts"] = duty.isRestarting
        // This image has these from the slot.
        record[number: "stage"] = slot?.stage ?? 0
        record[duration: "watchdog"] = slot?.service.watchdog
        record[duration: "ownWatchdog"] = ownWatchdog?.duration
        record[flag: "watchdogOff"] = ownWatchdog == WatchdogTime.none
        life.write(to: &record)
        return record
    }
}

extension Duty {
    fileprivate init(_ record: StateRecord, slot: SlotID?, _ life: Life) {
        if let slot {
            self = record[flag: "restarts"] ? .restarting(slot) : .active(slot)
        } else if record[flag: "stillborn"] {
            self = .stillborn
        } else {
            self = life.phase == .stopping || life.phase == .killed ? .retired : .adopted
        }
    }
}

extension Life {
    fileprivate init(_ record: StateRecord, pid: Int32, spawnedAt: Instant, rule: StopRule) {
        let number = record[number: "groupID"].flatMap { Int32(exactly: $0) } ?? pid
        let identity = Identity(pid: pid, group: record[flag: "group"] ? (number > 1 ? number : pid) : nil)
        let deadline = record[instant: "deadline"]
        let readyAt = record[instant: "readyAt"]
        let signal = record[number: "reloadSignal"].map { Int32(clamping: $0) }
        switch record["phase"].flatMap(Phase.init) ?? .ready {
        case .executing: self = .executing(identity, failsAt: deadline, reloadSignal: signal)
        case .spawning, .starting:
            let fails = deadline.map(StartTimer.fails) ?? .none
            let timer = record[flag: "probation"] ? deadline.map(StartTimer.succeeds) ?? .none : fails
            self = .starting(identity, timer, reloadSignal: signal)
        case .ready: self = .ready(identity, since: readyAt ?? spawnedAt, heartbeatBy: deadline)
        case .stopping:
            let sent = record[number: "told"].map { Int32(clamping: $0) } ?? rule.signal
            let latest = record[instant: "endBy"]
            self = .stopping(identity, Stopping(signal: sent, killAt: deadline, latest: latest, readySince: readyAt))
        case .killed: self = .killed(identity, readySince: readyAt)
        }
    }

    fileprivate func write(to record: inout StateRecord) {
        record["phase"] = phase.rawValue
        record[instant: "deadline"] = deadline
        record[instant: "readyAt"] = readySince
        record[number: "reloadSignal"] = owedSignal.map(Int.init)
        if case .starting(_, .succeeds, _) = self { record[flag: "probation"] = true }
        guard case .stopping(_, let stopping) = self else { return }
        record[number: "told"] = Int(stopping.signal)
        record[instant: "endBy"] = stopping.latest
    }
}
