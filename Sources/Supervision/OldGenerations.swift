/// The children of old generations, oldest first, and those among them that are not killed yet.
package struct OldGenerations: Equatable, Sendable {
    private var members: [Int: Members] = [:]
    private var all = Sorted()
    /// The generations that have a child that is not killed.
    private var alive = Sorted()

    private struct Members: Equatable, Sendable {
        var alive: Set<Child.ID> = []
        var killed = 0

        var isEmpty: Bool { alive.isEmpty && killed == 0 }
    }

    package var isEmpty: Bool { members.isEmpty }
    /// How many children each has.
    package var counts: [Int: Int] { members.mapValues { $0.alive.count + $0.killed } }

    /// The children to be killed so that no more than so many generations stay: of the oldest, oldest first. Costs as
    /// much as there are such children, whatever else there is.
    func surplus(over bound: Int) -> [Child.ID] {
        let excess = all.generations.count - max(0, bound)
        guard excess > 0 else { return [] }
        let youngest = all.generations[excess - 1]
        let oldest = alive.generations.prefix { $0 <= youngest }
        return oldest.flatMap { members[$0]?.alive.sorted() ?? [] }
    }

    mutating func insert(_ child: Child) {
        let generation = child.lastGeneration
        if members[generation] == nil { all.insert(generation) }
        if child.phase == .killed {
            members[generation, default: Members()].killed += 1
        } else {
            if members[generation]?.alive.isEmpty ?? true { alive.insert(generation) }
            members[generation, default: Members()].alive.insert(child.id)
        }
    }

    mutating func remove(_ child: Child) {
        let generation = child.lastGeneration
        if child.phase == .killed {
            members[generation]?.killed -= 1
        } else if members[generation]?.alive.remove(child.id) != nil, members[generation]?.alive.isEmpty == true {
            alive.remove(generation)
        }
        guard members[generation]?.isEmpty == true else { return }
        members[generation] = nil
        all.remove(generation)
    }

    /// Ascending, each once.
    private struct Sorted: Equatable, Sendable {
        private(set) var generations: [Int] = []

        mutating func insert(_ generation: Int) {
            generations.insert(generation, at: position(of: generation))  // bounded: a position within them
        }

        mutating func remove(_ generation: Int) {
            generations.remove(at: position(of: generation))  // bounded: a position within them
        }

        private func position(of generation: Int) -> Int {
            var (low, high) = (0, generations.count)
            while low < high {
                let middle = (low + high) / 2
                if generations[middle] < generation { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }
}
