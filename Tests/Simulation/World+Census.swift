import Supervision

/// Counts anew what the engine counts, from the checker's own book.
extension World {
    func settleCensus() -> StaticString? {
        let census = supervisor.census
        if census.phases != phases() { return "the census counts the children" }
        if census.oldGenerations.counts != oldGenerations() { return "the census counts the old generations" }
        if census.adopted != Set(living.filter { $0.isAdopted }.map(\.id)) { return "the census counts the adopted" }
        if stopping != nil { return nil }
        let services = currentSlots()
        if census.services != services { return "the census counts the slots of each service" }
        let total = services.values.reduce(into: Census.Standings()) { total, one in
            total.add(one)
        }
        if census.current != total { return "the census counts the slots of the plan in force" }
        if census.disabled != slots.count(where: { !$0.isCandidate && isDisabled($0) }) {
            return "the census counts the disabled"
        }
        if census.unready != unreadySlots() { return "the census counts whom the rollout waits for" }
        return nil
    }

    private func phases() -> [Child.Phase: Int] {
        var counts: [Child.Phase: Int] = [:]
        for process in living {
            let phase: Child.Phase =
                switch process.phase {
                case .asked: .spawning
                case .executing: .executing
                case .starting: .starting
                case .ready: .ready
                case .stopping: .stopping
                case .killed: .killed
                }
            counts[phase, default: 0] += 1
        }
        return counts
    }

    private func oldGenerations() -> [Int: Int] {
        var counts: [Int: Int] = [:]
        for process in living where process.role == .old && !process.isAdopted && !process.isStillborn {
            counts[process.lastGeneration, default: 0] += 1
        }
        return counts
    }

    private func currentSlots() -> [String: Census.Standings] {
        var services: [String: Census.Standings] = [:]
        for slot in slots where !slot.isCandidate && !isDisabled(slot) {
            let name = book[slot.rules].name
            if slot.isOver {
                services[name, default: Census.Standings()].add(Census.Standings(failed: 1))
            } else if slot.isDone {
                services[name, default: Census.Standings()].add(Census.Standings(finished: 1))
            } else if !isReady(slot) {
                services[name, default: Census.Standings()].add(Census.Standings(awaited: 1))
            }
        }
        return services
    }

    private func unreadySlots() -> Int {
        slots.count { isWaitedFor($0) }
    }
}

extension Census.Standings {
    fileprivate mutating func add(_ other: Self) {
        self = Self(
            awaited: awaited + other.awaited, failed: failed + other.failed, finished: finished + other.finished)
    }
}
