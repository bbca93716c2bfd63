/// Every count of the engine. The registry is the only one that changes it, by what it adds and takes away; the
/// simulation counts anew after each event, from a book of its own.
package struct Census: Equatable, Sendable {
    /// Children in the table.
    package private(set) var phases: [Child.Phase: Int] = [:]
    /// Retired children that were or will be told to stop, but for the stillborn.
    package private(set) var oldGenerations = OldGenerations()
    /// Children that retire when a rollout succeeds, because nothing else serves.
    package private(set) var adopted: Set<Child.ID> = []
    /// Active children by the stage of their slots: the stop runs backwards.
    package private(set) var stages: [Int: Int] = [:]
    /// The slots of the plan in force.
    package private(set) var current = Standings()
    package private(set) var services: [String: Standings] = [:]
    /// Slots of the plan in force whose service was stopped by hand.
    package private(set) var disabled = 0
    /// Slots that the rollout waits for.
    package private(set) var unready = 0

    package init() {}

    /// How many slots are not as they should be.
    package struct Standings: Equatable, Sendable {
        /// They are to become ready.
        package internal(set) var awaited = 0
        package internal(set) var failed = 0
        /// They have ended well.
        package internal(set) var finished = 0

        package init(awaited: Int = 0, failed: Int = 0, finished: Int = 0) {
            self.awaited = awaited
            self.failed = failed
            self.finished = finished
        }

        var isEmpty: Bool { self == Standings() }
    }

    /// A slot as it is counted.
    struct SlotEntry: Equatable {
        enum Standing {
            /// Its child is ready, or nobody expects one.
            case settled
            case awaited
            case failed
            case finished
        }

        let service: String
        let isCurrent: Bool
        let standing: Standing
        let isDisabled: Bool
        /// The stage of its child.
        let stage: Int?
    }

    mutating func add(_ child: Child) {
        phases[child.phase, default: 0] += 1
        switch child.duty {
        case .retired: oldGenerations.insert(child)
        case .adopted: adopted.insert(child.id)
        case .active, .restarting, .stillborn: break
        }
    }

    mutating func remove(_ child: Child) {
        change(&phases, child.phase, by: -1)
        switch child.duty {
        case .retired: oldGenerations.remove(child)
        case .adopted: adopted.remove(child.id)
        case .active, .restarting, .stillborn: break
        }
    }

    mutating func add(_ entry: SlotEntry) { count(entry, by: 1) }
    mutating func remove(_ entry: SlotEntry) { count(entry, by: -1) }

    private mutating func count(_ entry: SlotEntry, by step: Int) {
        if let stage = entry.stage { change(&stages, stage, by: step) }
        if entry.isCurrent && entry.isDisabled { disabled += step }
        switch (entry.standing, entry.isCurrent) {
        case (.settled, _), (.failed, false), (.finished, false): break
        case (.awaited, false): unready += step
        case (.awaited, true):
            current.awaited += step
            services[entry.service, default: Standings()].awaited += step
        case (.failed, true):
            current.failed += step
            services[entry.service, default: Standings()].failed += step
        case (.finished, true):
            current.finished += step
            services[entry.service, default: Standings()].finished += step
        }
        if services[entry.service]?.isEmpty == true { services[entry.service] = nil }
    }

    private func change<Key>(_ counts: inout [Key: Int], _ key: Key, by step: Int) {
        let count = (counts[key] ?? 0) + step
        counts[key] = count == 0 ? nil : count
    }
}
