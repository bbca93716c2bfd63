import Supervision

/// Counts anew what the engine counts, from the checker's own book.
extension World {
    func settleCensus() -> StaticString? {
        let census = supervisor.census
        if census.phases != phases() { return "the census counts the children" }
        if census.oldGenerations.counts != oldGenerations() { return "the census counts the old generations" }
        if census.adopted != Set(living.filter { $0.isAdopted }.map(\.id)) { return "the census counts the adopted" }
        if stopping != nil { return nil }
        let (services, critical) = currentPlaces()
        if census.services != services { return "the census counts the slots of each service" }
        let total = services.values.reduce(into: Census.Standings()) { total, one in
            total = Census.Standings(awaited: total.awaited + one.awaited, failed: total.failed + one.failed)
        }
        if census.current != total { return "the census counts the slots of the plan in force" }
        if terms != nil && census.critical != critical { return "the census counts who matters" }
        if census.unready != unreadyPlaces() { return "the census counts whom the rollout waits for" }
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
                case .told: .stopping
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

    private func currentPlaces() -> (services: [String: Census.Standings], critical: Int) {
        var services: [String: Census.Standings] = [:]
        var critical = 0
        for place in places where !place.isCandidate && !isHeld(place) {
            let name = book[place.rules].name
            if book[place.rules].isCritical && !place.isOver { critical += 1 }
            var standings = services[name] ?? Census.Standings()
            if place.isOver {
                standings = Census.Standings(awaited: standings.awaited, failed: standings.failed + 1)
            } else if !isReady(place) {
                standings = Census.Standings(awaited: standings.awaited + 1, failed: standings.failed)
            }
            if standings != Census.Standings() { services[name] = standings }
        }
        return (services, critical)
    }

    private func unreadyPlaces() -> Int {
        places.count { $0.isCandidate && !$0.isExcused && !isHeld($0) && !isReady($0) }
    }
}
