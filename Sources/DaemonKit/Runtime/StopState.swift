import Synchronization
import Unix

/// How far the daemon is on its way to the end, and everybody who wants to know.
final class StopState: Sendable {
    private struct State {
        var phase = StopPhase.running
        var observers: [Int: (phase: StopPhase, body: @Sendable () -> Void)] = [:]
        var nextObserver = 0
        /// Readable from the stop on; made when first wanted.
        var pipe: (read: Int32, write: Int32)?
    }

    private let state = Mutex(State())
    private let wakers: Wakers

    init(_ wakers: Wakers = Wakers()) { self.wakers = wakers }

    var phase: StopPhase { state.withLock(\.phase) }

    /// Calls `body` once when the phase is reached; at once where it already is.
    @discardableResult
    func observe(_ phase: StopPhase, _ body: @escaping @Sendable () -> Void) -> Int {
        let (number, isDue) = state.withLock { state in
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
    func enter(_ phase: StopPhase) -> [@Sendable () -> Void] {
        defer { wakers.wake() }
        return state.withLock { state -> [@Sendable () -> Void] in
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
