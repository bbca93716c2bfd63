import DaemonKit
import NIOConcurrencyHelpers

/// Says that the daemon serves when its last listener accepts.
final class Opening: Sendable {
    private struct State {
        var missing: Int
        var failure: DaemonError?
    }

    private let context: Context
    private let state: NIOLockedValueBox<State>

    init(_ context: Context, count: Int) {
        self.context = context
        state = NIOLockedValueBox(State(missing: count))
    }

    /// One listener more accepts.
    func isOpen() {
        let isLast = state.withLockedValue { state in
            state.missing -= 1
            return state.missing == 0
        }
        guard isLast else { return }
        do throws(DaemonError) {
            try context.ready()
        } catch {
            state.withLockedValue { $0.failure = error }
            context.stop.request()
        }
    }

    /// - Throws: What `ready()` threw.
    func outcome() throws(DaemonError) { if let failure = state.withLockedValue(\.failure) { throw failure } }
}
