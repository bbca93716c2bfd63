import Synchronization
import Unix

/// Watches whether somebody else in the process has taken a signal that is the daemon's: a Dispatch source replaces our
/// handler without a word, and libraries make such sources.
///
/// Nothing tells when that happens, and an idle daemon must not wake up to look. So it is looked at a moment after main
/// has begun, and whenever something happens anyway.
final class StolenSignals: Sendable {
    private static let losses: [(signal: Signal, loss: String)] = [
        (.hangup, "neither is the log reopened nor does a reload handler run; use onReload() instead"),
        (.terminate, "the daemon does not learn that it is to stop; use its stop instead"),
        (.interrupt, "the daemon does not learn that it is to stop; use its stop instead"),
    ]

    /// When it is looked at in any case, counted from the first look.
    static let looks: [Duration] = [.seconds(1), .seconds(60)]

    private let told = Mutex<Set<Signal>>([])
    /// The handler of the daemon's own, as it is before the author's code runs.
    private let ours: Int

    init(ours: Int = Signal.hangup.handler) { self.ours = ours }

    /// What is to be said of those that were taken since the last look.
    func look(_ handler: (Signal) -> Int = { $0.handler }) -> [String] {
        told.withLock { told in
            Self.losses.compactMap { signal, loss in
                guard handler(signal) != ours else {
                    told.remove(signal)
                    return nil
                }
                guard told.insert(signal).inserted else { return nil }
                return "something else in this process handles \(signal), such as a Dispatch source: \(loss)"
            }
        }
    }
}
