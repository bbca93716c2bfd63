import Synchronization

/// Whether the daemon is to accept nothing for now, and whom to tell.
final class PauseState: Sendable {
    private struct State {
        var isPaused = false
        var pauseHandlers: [@Sendable () -> Void] = []
        var resumeHandlers: [@Sendable () -> Void] = []
    }

    private let state: Mutex<State>
    /// Apart from the reload's: one of those that hangs keeps no daemon paused.
    private let handlers = Handlers()

    private let wakers: Wakers

    init(isPaused: Bool = false, _ wakers: Wakers = Wakers()) {
        state = Mutex(State(isPaused: isPaused))
        self.wakers = wakers
    }

    var isPaused: Bool { state.withLock(\.isPaused) }

    /// Only from one thread, so that handlers run in the order of the changes.
    func set(_ isPaused: Bool) {
        let due = state.withLock { state -> [@Sendable () -> Void]? in
            guard state.isPaused != isPaused else { return nil }
            state.isPaused = isPaused
            return isPaused ? state.pauseHandlers : state.resumeHandlers
        }
        guard let due else { return }
        wakers.wake()
        guard !due.isEmpty else { return }
        handlers.run { for body in due { body() } }
    }

    func onPause(_ body: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            state.pauseHandlers.append(body)
            return state.isPaused
        }
        guard isLate else { return }
        // A resumption meanwhile has told its handlers already, or is about to: it stays the last.
        handlers.run { if self.isPaused { body() } }
    }

    func onResume(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.resumeHandlers.append(body) } }

    func waitUntilIdle() { handlers.waitUntilIdle() }
}
