/// Reloads by themselves, so long after the last child was accepted or the last reload failed.
struct ReloadSchedule: Equatable, Sendable {
    var lastAccepted: Instant?
    var lastFailure: Instant?
    var due = Due.never
    /// The state lost a part of the plan in force: a resumed image loads it again.
    var isOwed = false

    enum Due: Equatable, Sendable {
        case never
        case at(Instant)
        /// As soon as the last old child has gone; then at the latest.
        case whenAlone(orAt: Instant)
    }

    /// What the interval counts from.
    var base: Instant? { [lastAccepted, lastFailure].compactMap(\.self).max() }

    var deadline: Instant? {
        switch due {
        case .never: nil
        case .at(let due), .whenAlone(let due): due
        }
    }

    var isWhenAlone: Bool { if case .whenAlone = due { true } else { false } }
}
