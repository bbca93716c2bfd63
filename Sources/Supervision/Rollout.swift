/// The bringing up of a generation: load, start stage by stage, wait until all are ready, then retire the old one.
struct Rollout: Sendable {
    let number: Int
    var requesters: RequesterQueue
    /// The old ones are sent SIGTERM, and at once.
    let isHard: Bool
    var state = State.loading

    enum State: Sendable {
        /// The configuration is being read.
        case loading
        /// Somebody is not ready yet.
        case starting(Progress)
        /// All are ready; the old ones are signalled then.
        case delaying(Progress, until: Instant)
    }

    struct Progress: Sendable {
        var plan: Plan
        /// Every slot of the new plan, those that are kept among them.
        var slots: [SlotID] = []
        /// What the new plan says of the slots that are kept.
        var kept: [SlotID: Kept] = [:]
        /// The same, by their services.
        var services: [String: [SlotID]] = [:]
        /// Services that others come after.
        var followed: Set<String> = []
        /// Those that are to be filled, by stage.
        var stages: [[SlotID]] = []
        /// The last stage that was begun.
        var stage = -1

        init(plan: Plan, slots: [SlotID] = []) {
            self.plan = plan
            self.slots = slots
            followed = plan.followed
        }

        mutating func append(_ id: SlotID, of service: String) {
            slots.append(id)
            services[service, default: []].append(id)
        }
    }

    struct Kept: Equatable, Sendable {
        let service: Service
        let stage: Int
    }

    /// nil while it loads.
    var progress: Progress? {
        get {
            switch state {
            case .loading: nil
            case .starting(let progress), .delaying(let progress, _): progress
            }
        }
        set {
            guard let newValue else { return }
            if case .delaying(_, let due) = state {
                state = .delaying(newValue, until: due)
            } else {
                state = .starting(newValue)
            }
        }
    }

    var plan: Plan? { progress?.plan }
    var isLoading: Bool { if case .loading = state { true } else { false } }
    var delayUntil: Instant? { if case .delaying(_, let due) = state { due } else { nil } }

    mutating func delay(until due: Instant) { if let progress { state = .delaying(progress, until: due) } }
    mutating func endDelay() { if let progress { state = .starting(progress) } }
}

/// What follows a rollout that a request asked for while it ran: one more, which serves all of them.
struct NextRollout: Equatable, Sendable {
    var requesters = RequesterQueue()
    var isHard = false
}

/// Generations, as they are counted.
struct Generations: Equatable, Sendable {
    /// The last that was begun.
    var latest = 0
    /// Of the rollout that succeeded last.
    var committed = 0
    /// Reloads that failed since the last good one.
    var failedReloads = 0
}
