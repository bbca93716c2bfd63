import Synchronization
import Unix

/// Whether the daemon is to stop, and everybody who wants to know.
final class StopState: Sendable {
    enum Phase: Int, Sendable, Comparable {
        case running, stopping, draining
        /// What began as a soft stop has a limit now.
        case limited

        static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
    }

    private struct State {
        var phase = Phase.running
        /// Somebody looks at the stop state, so it is worth waiting for main.
        var isAsked = false
        var observers: [Int: (phase: Phase, body: @Sendable () -> Void)] = [:]
        var nextObserver = 0
        /// Readable from the stop on; made when first wanted.
        var pipe: (read: Int32, write: Int32)?
    }

    private let state = Mutex(State())

    var phase: Phase {
        state.withLock { state in
            state.isAsked = true
            return state.phase
        }
    }

    var isAsked: Bool { state.withLock(\.isAsked) }

    func markAsked() { state.withLock { $0.isAsked = true } }

    /// Calls `body` once when the phase is reached; at once where it already is.
    @discardableResult
    func observe(_ phase: Phase, _ body: @escaping @Sendable () -> Void) -> Int {
        let (number, isDue) = state.withLock { state in
            state.isAsked = true
            state.nextObserver += 1
            let isDue = state.phase >= phase
            if !isDue { state.observers[state.nextObserver] = (phase, body) }
            return (state.nextObserver, isDue)
        }
        if isDue { body() }
        return number
    }

    func forget(_ observer: Int) { state.withLock { _ = $0.observers.removeValue(forKey: observer) } }

    /// Enters the phase. The caller runs what waited for it, in the order of its arrival.
    func enter(_ phase: Phase) -> [@Sendable () -> Void] {
        state.withLock { state -> [@Sendable () -> Void] in
            guard state.phase < phase else { return [] }
            state.phase = phase
            if let pipe = state.pipe { _ = try? Descriptor.writeAll(pipe.write, "s") }
            let due = state.observers.filter { $0.value.phase <= phase }.sorted { $0.key < $1.key }
            for (number, _) in due { state.observers[number] = nil }
            return due.map(\.value.body)
        }
    }

    /// A descriptor that becomes readable at the stop, for a main with a poll loop of its own.
    func descriptor() throws(Errno) -> Int32 {
        do {
            return try state.withLock { state in
                state.isAsked = true
                if let pipe = state.pipe { return pipe.read }
                let pipe = try FileDescriptor.pipe().release()
                if state.phase > .running { try Descriptor.writeAll(pipe.write, "s") }
                state.pipe = pipe
                return pipe.read
            }
        } catch {
            throw error as? Errno ?? .badDescriptor
        }
    }
}
