/// What a child is there for, and so what follows its end.
///
/// | duty       | its end                                                              |
/// |------------|----------------------------------------------------------------------|
/// | active     | its slot is free: the rollout, the restart policy or the stop decide |
/// | restarting | its slot is filled again at once                                     |
/// | retired    | nothing; its generation may be gone                                  |
/// | adopted    | nothing                                                              |
/// | stillborn  | nothing, and nobody hears of it                                      |
///
/// An active child becomes restarting when it is to stop only to be started again, and back when a command disables its
/// service. Both retire when their slot is another's, or nobody's, from now on. An adopted one retires with the next
/// rollout that succeeds. Nothing comes back from being retired or stillborn.
package enum Duty: Equatable, Sendable {
    /// It fills a slot: of the plan in force, or of the rollout that runs.
    case active(SlotID)
    /// It fills a slot, and was told to stop, or will be once it is spawned, so that it is started again.
    case restarting(SlotID)
    /// It belongs to an old generation, or failed in its start. It was told to stop, or will be once it is spawned.
    case retired
    /// It serves, but the state of an earlier image told too little about it: it serves until a rollout succeeds.
    case adopted
    /// It did not come to its program, which was reported: it is killed, and its end is not worth a word.
    case stillborn

    /// The slot that it fills; a restarted child has the slot of the one before.
    package var slot: SlotID? {
        switch self {
        case .active(let slot), .restarting(let slot): slot
        case .retired, .adopted, .stillborn: nil
        }
    }

    package var isRestarting: Bool { if case .restarting = self { true } else { false } }
}
