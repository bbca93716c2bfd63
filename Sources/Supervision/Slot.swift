package typealias SlotID = Int

/// The slot of one instance of a service: who fills it, and when it may be filled again.
struct Slot: Equatable, Sendable {
    let id: SlotID
    var service: Service
    let instance: Int
    /// How many services are to be ready before it: starts run forward, the stop runs backwards.
    var stage: Int
    /// Generation of the child in this slot; unused with Server::Starter's numbering.
    var generation = 0
    var membership = Membership.current
    var filling = Filling.empty
    /// Short lives in a row.
    var failures = 0
    var lastSpawn: Instant?
    /// The moments of the restarts that its limit counts.
    var restarts: [Instant] = []
    /// How its last child ended that was not told to.
    var lastEnd: StartFailure?

    /// Which plan the slot is of.
    enum Membership: Equatable, Sendable {
        /// Of the plan in force.
        case current
        /// Of the plan that the rollout brings up.
        case candidate(Candidacy)
    }

    enum Candidacy: Equatable, Sendable {
        /// Its stage has not begun, or its service is disabled.
        case pending
        /// The rollout goes on when it is ready.
        case awaited
        /// It is not critical, and failed once, but others come after it: they wait until it is ready or has failed for
        /// good, and no longer than this.
        case followed(until: Instant?)
        /// The rollout does not wait for it: it is not critical, and failed once, or nothing served before.
        case excused
    }

    enum Filling: Equatable, Sendable {
        case empty
        case child(Child.ID)
        /// It is filled again then.
        case paused(until: Instant)
        /// What its service requires is not ready: it is filled as soon as that is.
        case blocked
        /// Its child has ended well, and is not to be restarted.
        case finished
        /// Its restart limit is exhausted, or its policy says no.
        case failed(FailureCause)
    }

    var isCandidate: Bool { membership != .current }
    var isExcused: Bool { membership == .candidate(.excused) }
    var hasFailed: Bool { if case .failed = filling { true } else { false } }
    /// Nothing fills it by itself any more.
    var isOver: Bool { hasFailed || filling == .finished }
    var child: Child.ID? { if case .child(let id) = filling { id } else { nil } }
    var isFollowed: Bool { if case .candidate(.followed) = membership { true } else { false } }
    var patience: Instant? { if case .candidate(.followed(let until)) = membership { until } else { nil } }
    var restartAt: Instant? { if case .paused(let due) = filling { due } else { nil } }
}
