/// When the task of an asynchronous main is cancelled. More may be added.
public struct MainCancellation: Hashable, Sendable {
    private let name: String

    /// With the phase `stopping`, after its handlers.
    public static let atStop = MainCancellation(name: "stop")
    /// With the phase `draining`, after its handlers.
    public static let atDrain = MainCancellation(name: "drain")
    /// When the grace period is about to end: a tenth of it is left, at least 100 ms and at most 3 s.
    public static let atGrace = MainCancellation(name: "grace")

    /// How long after the signal to stop it comes, where it comes with the grace period.
    package static func delay(within grace: Duration) -> Duration {
        let rest = min(max(grace / 10, .milliseconds(100)), .seconds(3))
        return max(.zero, grace - rest)  // bounded: both are positive
    }
}
