/// What a deadline of the engine is for.
enum TimerTarget: Hashable, Comparable, Sendable {
    case child(Child.ID)
    case slot(SlotID)
    /// Of those who come after the slot.
    case patience(SlotID)
    /// The delay of the rollout.
    case rollout
    case reload

    private var rank: (Int, Int) {
        switch self {
        case .child(let id): (0, id)
        case .slot(let id): (1, id)
        case .patience(let id): (2, id)
        case .rollout: (3, 0)
        case .reload: (4, 0)
        }
    }

    /// Of those that are due at one moment, children come first.
    static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
}
