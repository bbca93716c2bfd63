import DaemonCore
import Unix

/// Tries again what a log could not take: soon, then more and more seldom. Costs nothing while logs take their lines.
package final class LogRetry {
    private unowned let master: Master
    private let isWaiting: () -> Bool
    private let flush: () -> Void
    private var isSet = false
    private var pause = first

    private static let first = Duration.milliseconds(50)
    private static let longest = Duration.seconds(1)

    package init(_ master: Master, isWaiting: @escaping () -> Bool, flush: @escaping () -> Void) {
        self.master = master
        self.isWaiting = isWaiting
        self.flush = flush
    }

    /// After each turn of the loop.
    package func check() {
        guard !isSet else { return }
        guard isWaiting() else {
            pause = Self.first
            return
        }
        isSet = true
        master.after(pause) { [unowned self] in
            isSet = false
            pause = min(pause * 2, Self.longest)  // bounded: it ends at the longest
            flush()
            check()
        }
    }
}
