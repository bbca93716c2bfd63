import Synchronization
import Unix

/// Runs the author's handlers one after the other on a thread that lives only while there is something to run, so that
/// a handler that hangs keeps no signal waiting.
final class Handlers: Sendable {
    private struct State {
        var queue: [@Sendable () -> Void] = []
        var isRunning = false
    }

    private let state = Mutex(State())

    /// Returns when nothing is left to run.
    func waitUntilIdle() {
        while state.withLock(\.isRunning) { Poll.pause(.milliseconds(1)) }
    }

    func run(_ body: @escaping @Sendable () -> Void) { enqueue { body } }

    /// Queues what `make` returns, before anybody sees what it has done: whoever acts on that waits for the handlers.
    func enqueue(_ make: () -> @Sendable () -> Void) {
        let mustStart = state.withLock { state in
            state.queue.append(make())
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard mustStart else { return }
        do {
            try Thread.start(stackSize: 1 << 20) { self.drain() }
        } catch {
            // No thread to be had: late is better than never.
            drain()
        }
    }

    private func drain() {
        while let next = state.withLock({ state -> (@Sendable () -> Void)? in
            guard !state.queue.isEmpty else {
                state.isRunning = false
                return nil
            }
            return state.queue.removeFirst()
        }) {
            next()
        }
    }
}
