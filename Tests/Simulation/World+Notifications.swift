import Supervision

/// What processes say, besides that they are ready.
extension World {
    mutating func beaten(_ pid: Int32) {
        guard stopping == nil, let index = living.firstIndex(where: { $0.pid == pid }) else { return }
        let watchdog = living[index].ownWatchdog ?? book[living[index].rules].watchdog
        guard living[index].phase == .ready, living[index].role != .old, watchdog != never else { return }
        living[index].watchDue = max(living[index].watchDue, later(now, watchdog))
    }

    mutating func timed(_ pid: Int32, _ time: WatchdogTime) {
        executed(pid)
        guard let index = living.firstIndex(where: { $0.pid == pid }), living[index].role != .old else { return }
        let interval: Int64
        switch time {
        case .every(let duration): interval = duration.wholeNanoseconds
        case .none: interval = never
        }
        living[index].ownWatchdog = interval
        if living[index].phase == .ready && stopping == nil { living[index].watchDue = later(now, interval) }
    }

    mutating func triggered(_ pid: Int32) {
        guard stopping == nil, let process = living.first(where: { $0.pid == pid }) else { return }
        if process.phase == .ready && process.role != .old { expected.missed = process.id }
    }

    mutating func extended(_ pid: Int32, _ time: Int64) {
        executed(pid)
        guard let index = living.firstIndex(where: { $0.pid == pid }) else { return }
        let due = later(now, time)
        func extended(_ limit: Int64) -> Int64 { limit == never ? never : max(limit, due) }
        switch living[index].phase {
        case .asked, .executing, .killed: break
        case .starting:
            living[index].startDue = extended(living[index].startDue)
            // Who needs no word is ready as soon as it runs, so that the time is that of its heartbeat.
            if living[index].isReadied { living[index].watchFrom = due }
        case .ready: living[index].watchDue = extended(living[index].watchDue)
        case .stopping:
            let limit = living[index].killDue
            if limit != never { living[index].killDue = max(limit, min(due, living[index].endBy)) }
        }
    }

    mutating func movedTo(_ process: Int32, from pid: Int32, _ group: Int32?) {
        executed(pid)
        guard let index = living.firstIndex(where: { $0.pid == pid }) else { return }
        living[index].pid = process
        living[index].group = group ?? 0
        switch living[index].phase {
        case .stopping: expected.signalledAgain = (living[index].id, living[index].signal)
        case .killed: expected.signalledAgain = (living[index].id, 9)
        case .asked, .executing, .starting, .ready: break
        }
    }

    mutating func missed(_ child: Child) {
        guard let index = living.firstIndex(where: { $0.id == child.id }) else {
            return fail("who misses a beat is alive")
        }
        let process = living[index]
        require(process.phase == .ready && process.role != .old && stopping == nil, "only who serves misses a beat")
        require(process.watchDue <= now || expected.missed == process.id, "a beat is missed when its time has passed")
        expected.missed = nil
        living[index].hasMissed = true
    }

    /// Killed for a missed beat; a rollout does not wait for its end.
    mutating func bitten(_ index: Int) {
        living[index].phase = .killed
        guard living[index].role == .candidate else { return }
        living[index].role = .old
        if let slot = vacate(living[index]) { candidateFailed(slot, 137, failedStart: false) }
    }
}
