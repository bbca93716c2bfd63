/// The slots of one service of the plan in force, and how they are, so that nobody who waits need look at each.
struct ServiceSlots: Sendable {
    /// Of the service in the plan; nil when a damaged state has lost it.
    var index: Int?
    var stage = 0
    var slots: [SlotID] = []
    var awaited = 0
    var over = 0
}

/// Somebody who is answered when something has come about.
struct Wait: Equatable, Sendable {
    enum Goal: Equatable, Sendable {
        /// No round runs, and everything is ready.
        case everything
        /// Each slot of the service is ready.
        case service(String)
        /// These have gone.
        case end(of: Set<Child.ID>)
    }

    let requester: Requester
    var goal: Goal

    mutating func hasGone(_ id: Child.ID) {
        guard case .end(var children) = goal, children.remove(id) != nil else { return }
        goal = .end(of: children)
    }
}

extension Supervisor {
    /// The slots of the plan in force.
    var current: [SlotID] { placed.values.flatMap(\.slots).sorted() }

    /// It failed for good: nothing fills (some of) its slots.
    package func hasFailed(service: String) -> Bool {
        placed[service]?.slots.contains { slots[$0]?.isOver == true } ?? false
    }

    /// From now on these are the slots of the plan in force.
    mutating func place(_ ids: [SlotID]) {
        let services = plan?.services ?? []
        let stages = (try? plan?.stages()) ?? []
        placed = [:]
        awaited = 0
        for (index, service) in services.enumerated() {
            placed[service.name] = ServiceSlots(index: index, stage: index < stages.count ? stages[index] : 0)
        }
        for id in ids {
            guard let name = slots[id]?.service.name else { continue }
            slots[id]?.standing = .settled
            placed[name, default: ServiceSlots()].slots.append(id)
        }
        touched = ids
    }

    // MARK: Counting

    /// Counts what has changed, and answers whoever need not wait any more.
    mutating func settleWaits() {
        for id in touched { if let slot = slots[id], slot.round == nil { count(slot, as: standing(of: slot)) } }
        touched.removeAll(keepingCapacity: true)
        guard !waits.isEmpty else { return }
        var unsettled: [Wait] = []
        for wait in waits {
            if let outcome = outcome(of: wait) { answer([wait.requester], outcome) } else { unsettled.append(wait) }
        }
        waits = unsettled
    }

    private func standing(of slot: Slot) -> Slot.Standing {
        if disabled.contains(slot.service.name) { return .settled }
        if slot.isOver { return .over }
        return slot.child.flatMap { children[$0] }?.phase == .ready ? .settled : .awaited
    }

    mutating func count(_ slot: Slot, as standing: Slot.Standing) {
        guard slot.standing != standing else { return }
        var (awaited, over) = (0, 0)
        for (standing, change) in [(slot.standing, -1), (standing, 1)] {
            if standing == .awaited { awaited += change }
            if standing == .over { over += change }
        }
        self.awaited += awaited
        placed[slot.service.name]?.awaited += awaited
        placed[slot.service.name]?.over += over
        slots[slot.id]?.standing = standing
    }

    private func outcome(of wait: Wait) -> Answer? {
        switch wait.goal {
        case .everything: if round != nil || plan == nil || awaited > 0 { return nil }
        case .service(let name):
            guard let service = placed[name] else { return .failed(.unknownService(name)) }
            if service.over > 0 { return .failed(.gaveUp(name)) }
            if service.awaited > 0 { return nil }
        case .end(let children): if !children.isEmpty { return nil }
        }
        return .done(generation: generation)
    }

    // MARK: Who waits

    mutating func waitReady(_ requester: Requester) {
        if stopRequest != nil { return answer([requester], .failed(.stopping)) }
        waits.append(Wait(requester: requester, goal: .everything))
    }

    mutating func forget(_ requester: Requester) {
        round?.requesters.removeAll { $0 == requester }
        waiting?.removeAll { $0 == requester }
        upgrade?.removeAll { $0 == requester }
        waits.removeAll { $0.requester == requester }
        for index in orders.indices where orders[index].requester == requester { orders[index].requester = nil }
    }

    /// A round has failed: what waits for everything waited for it too.
    mutating func failWaits(_ failure: Failure) {
        answer(waits.filter { $0.goal == .everything }.map(\.requester), .failed(failure))
        waits.removeAll { $0.goal == .everything }
    }

    /// The service is stopped by hand, or one of its children has failed to start.
    mutating func failWaits(for name: String, _ failure: Failure) {
        guard !waits.isEmpty else { return }
        answer(waits.filter { $0.goal == .service(name) }.map(\.requester), .failed(failure))
        waits.removeAll { $0.goal == .service(name) }
    }
}
