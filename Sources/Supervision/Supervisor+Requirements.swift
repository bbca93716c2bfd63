/// What is not started before another service is ready.
extension Supervisor {
    private enum Requirements {
        case met
        /// This one is not ready.
        case missing(String)
        /// This one has failed for good.
        case failed(String)
    }

    /// Fills the slot, unless something is missing that its service requires.
    mutating func fill(_ id: SlotID, isRestart: Bool = false) {
        guard let slot = registry.slots[id], slot.child == nil, stopRequest == nil else { return }
        switch requirements(of: slot) {
        case .met:
            if isRestart { restartCounts[slot.service.name, default: 0] += 1 }
            spawn(in: id)
        case .missing(let name): block(slot, by: name, hasFailed: false)
        case .failed(let name): block(slot, by: name, hasFailed: true)
        }
    }

    private func requirements(of slot: Slot) -> Requirements {
        // A rollout that never gives up has brought up what goes before.
        if slot.isCandidate && rollout?.plan?.rollout == .persistent { return .met }
        let failed = slot.service.requires.first { name in
            !disabled.contains(name) && slots(of: name, for: slot).contains { $0.hasFailed }
        }
        if let failed { return .failed(failed) }
        return missingRequirements(of: slot).first.map { .missing($0) } ?? .met
    }

    func missingRequirements(of slot: Slot) -> [String] {
        slot.service.requires.filter { name in
            disabled.contains(name)
                || slots(of: name, for: slot).contains { other in
                    other.filling != .finished && registry.child(in: other.id)?.phase != .ready
                }
        }
    }

    /// As the slot sees it: a candidate sees the new plan.
    private func slots(of name: String, for slot: Slot) -> [Slot] {
        let ids = slot.isCandidate ? rollout?.progress?.services[name] : registry.services[name]?.slots
        return (ids ?? []).compactMap { registry.slots[$0] }
    }

    private mutating func block(_ slot: Slot, by name: String, hasFailed: Bool) {
        let failsRollout = slot.isCandidate && slot.service.isCritical
        // What a damaged state has lost may serve on.
        let isFailure = failsRollout || hasFailed && isWhole
        guard isFailure || slot.filling != .blocked else { return }
        report(
            .blocked(
                Blocked(
                    slot: slot.id, service: slot.service.name, instance: slot.instance, requirement: name,
                    hasFailed: isFailure)))
        if failsRollout { return failRollout(.requirement(name, of: slot.service.name)) }
        if slot.isCandidate { registry.update(slot.id) { $0.membership = .candidate(.excused) } }
        defer { if slot.isFollowed { advanceRollout() } }
        if isFailure {
            // Its status is told by the one that it requires.
            fail(slot, .exited(1), .requirement)
        } else {
            registry.update(slot.id) { $0.filling = .blocked }
        }
    }

    /// Fills what waits for services that stand otherwise now. Returns all services that do.
    mutating func fillUnblocked() -> Set<String> {
        var all: Set<String> = []
        while true {
            let changed = registry.takeChanged()
            all.formUnion(changed)
            guard !changed.isEmpty, !registry.blocked.isEmpty, stopRequest == nil else { return all }
            for id in registry.blocked.sorted() where registry.slots[id]?.filling == .blocked {
                guard let slot = registry.slots[id] else { continue }
                let isConcerned = changed.contains(slot.service.name)
                guard isConcerned || slot.service.requires.contains(where: changed.contains) else { continue }
                fill(id, isRestart: slot.lastSpawn != nil)
            }
        }
    }

    /// Whoever waits for another looks at it again.
    mutating func noteRequirements() {
        for id in registry.blocked { if let slot = registry.slots[id] { registry.note(slot.service.name) } }
    }

    /// Those who come after the slot wait for it no longer.
    mutating func patienceEnds(_ id: SlotID) {
        registry.update(id) { if $0.isCandidate { $0.membership = .candidate(.excused) } }
        advanceRollout()
    }
}
