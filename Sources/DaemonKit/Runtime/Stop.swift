import Unix

/// How far a daemon is on its way to the end: the later, the greater. More phases may be added.
public struct StopPhase: Comparable, Hashable, Sendable, CustomStringConvertible {
    private let rank: Int
    public let description: String

    /// Nobody has asked it to stop.
    public static let running = StopPhase(rank: 0, description: "running")
    /// It is to accept nothing new.
    public static let stopping = StopPhase(rank: 1, description: "stopping")
    /// ``Daemon/drainGap`` has passed, so that connections that were on their way have arrived: it is to finish what
    /// clients have begun.
    public static let draining = StopPhase(rank: 2, description: "draining")
    /// The grace period runs: clients that stay are to be told to go. It follows `draining` at once, but for a soft stop
    /// (SIGUSR1 of a master), which gives clients all the time that they like until a SIGTERM comes.
    public static let closing = StopPhase(rank: 3, description: "closing")

    public static func < (left: StopPhase, right: StopPhase) -> Bool { left.rank < right.rank }
}

/// The end of a daemon: when it comes, for mains of every kind.
public struct Stop: Sendable {
    let runtime: Runtime
    private var state: StopState { runtime.stopState }

    /// How far it is. Looking at it has no effect.
    public var phase: StopPhase { state.phase }

    /// Every phase that comes, in their order, beginning with those that have come already. Ends after `closing`, or when
    /// the task is cancelled.
    public var phases: some AsyncSequence<StopPhase, Never> & Sendable {
        let (stream, continuation) = AsyncStream.makeStream(of: StopPhase.self)
        let observers = [StopPhase.stopping, .draining, .closing].map { phase in
            state.observe(phase) {
                continuation.yield(phase)
                if phase == .closing { continuation.finish() }
            }
        }
        continuation.onTermination = { [state] _ in for observer in observers { state.forget(observer) } }
        return stream
    }

    /// Calls `body` once when the phase is reached, on a thread of its own; at once where it has been reached already.
    public func on(_ phase: StopPhase, _ body: @escaping @Sendable () -> Void) { state.observe(phase, body) }

    /// Waits until the daemon is to stop, or for a later phase.
    public func wait(for phase: StopPhase = .stopping) {
        runtime.mainWaits()
        guard let pipe = try? WakePipe() else {
            // No descriptor to be had: the state still is.
            while self.phase < phase { Poll.pause(.milliseconds(50)) }
            return
        }
        let observer = state.observe(phase, pipe.wake)
        _ = Poll.readable(pipe.descriptor, timeout: nil)
        state.forget(observer)
    }

    /// Waits until the daemon is to stop, or for a later phase, or until the task is cancelled.
    public func wait(for phase: StopPhase = .stopping) async {
        runtime.mainWaits()
        await Nap(state, phase).take(nil)
    }

    /// A descriptor that is readable from the stop on, for a main with a poll loop of its own. Borrowed; do not read from
    /// it.
    public func descriptor() throws(DaemonError) -> Int32 {
        runtime.mainWaits()
        return try attempt(.process, "cannot make a pipe", state.descriptor)
    }

    /// Stops the daemon as SIGTERM does.
    public func request() {
        runtime.stopRequested.store(true, ordering: .relaxed)
        runtime.signals.wake()
    }
}

/// An asynchronous wait for a phase of the stop, a time or a cancellation, whichever comes first.
struct Nap {
    private let state: StopState
    private let phase: StopPhase

    init(_ state: StopState, _ phase: StopPhase = .stopping) {
        self.state = state
        self.phase = phase
    }

    func take(_ duration: Duration?) async {
        let nap = Task {
            while !Task.isCancelled {
                do {
                    // Task.sleep traps on the end of time; a century will do.
                    try await Task.sleep(for: min(duration ?? .seconds(31_536_000), .seconds(3_153_600_000)))
                } catch {
                    return
                }
                if duration != nil { return }
            }
        }
        let observer = state.observe(phase) { nap.cancel() }
        await withTaskCancellationHandler {
            await nap.value
        } onCancel: {
            nap.cancel()
        }
        state.forget(observer)
    }
}
