/// An instance that has no child now, and why.
package struct Vacancy: Equatable, Sendable {
    package enum State: Equatable, Sendable {
        /// Its turn in the rollout has not come.
        case pending
        case backoff(until: Instant)
        /// It requires these, which are not ready.
        case blocked(by: [String])
        /// By hand.
        case stopped
        /// It has ended well, and is not to be restarted.
        case finished
        case failed(FailureCause)
    }

    package let service: String
    package let instance: Int
    package let generation: Int
    package let state: State
    /// How its last child ended that was not told to.
    package let lastEnd: StartFailure?
}

/// Why nothing fills a slot any more.
package enum FailureCause: String, Sendable {
    /// It is not to be restarted after such an end.
    case policy
    /// Its restart limit is exhausted.
    case limit
    /// What it requires has failed.
    case requirement
}

/// Somebody whom `waitReady` waits for.
package struct Absence: Equatable, Sendable {
    package enum Reason: Equatable, Sendable {
        case phase(Child.Phase)
        case vacancy(Vacancy)
    }

    package let service: String
    package let instance: Int
    package let reason: Reason
}

extension Supervisor {
    /// Of the plan in force, and of the rollout that runs, oldest first.
    package var slotIDs: [SlotID] { registry.slots.keys.sorted() }

    /// nil while the slot has a child, or is left empty because everything stops.
    package func vacancy(of id: SlotID) -> Vacancy? {
        guard let slot = registry.slots[id], let state = vacancyState(of: slot) else { return nil }
        return Vacancy(
            service: slot.service.name, instance: slot.instance, generation: slot.generation, state: state,
            lastEnd: slot.lastEnd)
    }

    private func vacancyState(of slot: Slot) -> Vacancy.State? {
        switch slot.filling {
        case .child: nil
        case .paused(let until): .backoff(until: until)
        case .blocked: .blocked(by: missingRequirements(of: slot))
        case .finished: .finished
        case .failed(let cause): .failed(cause)
        case .empty: stopRequest != nil ? nil : disabled.contains(slot.service.name) ? .stopped : .pending
        }
    }

    /// Those that are to become ready, in the order of their slots.
    package var absences: [Absence] {
        slotIDs.compactMap { id in
            guard let slot = registry.slots[id], !disabled.contains(slot.service.name), !slot.isOver else { return nil }
            let reason: Absence.Reason
            if let child = registry.child(in: id) {
                guard child.phase != .ready else { return nil }
                reason = .phase(child.phase)
            } else if let vacancy = vacancy(of: id) {
                reason = .vacancy(vacancy)
            } else {
                return nil
            }
            return Absence(service: slot.service.name, instance: slot.instance, reason: reason)
        }
    }
}
