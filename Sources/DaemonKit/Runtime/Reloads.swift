import Synchronization
import Unix

/// The reload handlers, and whoever waits for them. One reload runs, one more waits, whatever number is asked for.
final class Reloads: Sendable {
    enum Handler: Sendable {
        case synchronous(@Sendable () throws -> Void)
        case asynchronous(@Sendable () async throws -> Void)
    }

    enum Report: Sendable {
        case begins
        /// One handler has; the others are called all the same.
        case failed(DaemonError)
        /// With the first failure, where there was one.
        case ended(DaemonError?)
    }

    /// The first error of the handlers; nil where all have done their work.
    typealias Answer = @Sendable (DaemonError?) -> Void

    fileprivate struct State {
        var handlers: [Handler] = []
        /// Those who wait for the next reload; nil where none is wanted.
        var next: [Answer]?
        var isRunning = false
        /// Nothing is reloaded before the daemon is ready.
        var isHeld = true
        var report: (@Sendable (Report) -> Void)?
    }

    private let state = Mutex(State())
    private let thread = Handlers()
    /// Hears of each reload before its requesters are answered.
    func setReport(_ body: @escaping @Sendable (Report) -> Void) { state.withLock { $0.report = body } }

    private func report(_ report: Report) { state.withLock(\.report)?(report) }

    func add(_ handler: Handler) { state.withLock { $0.handlers.append(handler) } }

    /// A request that comes before the daemon is ready is kept until then.
    func request(_ answer: Answer? = nil) {
        let mustRun = state.withLock { state in
            state.next = (state.next ?? []) + (answer.map { [$0] } ?? [])
            return state.begins()
        }
        if mustRun { thread.run { self.run() } }
    }

    func daemonIsReady() {
        let mustRun = state.withLock { state in
            state.isHeld = false
            return state.begins()
        }
        if mustRun { thread.run { self.run() } }
    }

    private func run() {
        while let (handlers, answers) = state.withLock({ $0.takeNext() }) {
            report(.begins)
            var failure: DaemonError?
            for handler in handlers {
                do {
                    try Self.call(handler)
                } catch {
                    report(.failed(DaemonError(wrapping: error)))
                    failure = failure ?? DaemonError(wrapping: error)
                }
            }
            report(.ended(failure))
            for answer in answers { answer(failure) }
        }
    }

    /// On a thread that is nobody else's, so that it may wait for a task.
    private static func call(_ handler: Handler) throws {
        switch handler {
        case .synchronous(let body): try body()
        case .asynchronous(let body):
            try DaemonError.requireTasks("an async reload handler")
            try Thread.wait(for: body)
        }
    }
}

extension Reloads.State {
    /// Whether the caller has to start the thread.
    fileprivate mutating func begins() -> Bool {
        guard next != nil, !isHeld, !isRunning else { return false }
        isRunning = true
        return true
    }

    fileprivate mutating func takeNext() -> (handlers: [Reloads.Handler], answers: [Reloads.Answer])? {
        guard let answers = next else {
            isRunning = false
            return nil
        }
        next = nil
        return (handlers, answers)
    }
}
