import Synchronization
import Unix

/// What clients saw while a daemon was reloaded.
public struct ReloadReport: Sendable {
    public internal(set) var reloads = 0
    public internal(set) var answered = 0
    /// One text for each request that failed.
    public internal(set) var failures: [String] = []
    /// The longest that a client waited for an answer.
    public internal(set) var slowest = Duration.zero
}

extension DaemonProcess {
    /// Reloads the daemon again and again under clients that ask all the time: how many of them failed?
    ///
    /// ```swift
    /// let report = try await daemon.reloads(50, clients: 4) { try daemon.request("hello") }
    /// #expect(report.failures.isEmpty)
    /// ```
    ///
    /// Between two reloads each client has had an answer at least, so that no reload goes by unseen.
    ///
    /// - Parameters:
    ///   - signal: `SIGHUP` by default; `SIGUSR2` starts a master's new workers.
    ///   - request: one request with its answer, which throws when it fails. Each client has a thread of its own, which
    ///     it may block.
    /// - Throws: ``TestFailure`` where a reload fails.
    public func reloads(
        _ count: Int = 50, clients: Int = 4, signal: Int32 = hangup, request: @escaping @Sendable () throws -> Void
    ) async throws(TestFailure) -> ReloadReport {
        let load = RequestLoad(clients: clients, request)
        defer { load.end() }
        for _ in 0..<max(0, count) {  // bounded: not below 0
            let before = load.rounds
            try await reload(signal)
            guard await eventually(within: Self.patience, { load.haveAllAsked(since: before) }) else {
                throw TestFailure("a client waits for an answer for ever, after \(load.report.answered) of them")
            }
            load.count { $0.reloads += 1 }
        }
        load.end()
        // Not `finish`, which blocks a thread of the pool.
        guard await eventually(within: Self.patience, { load.isGone }) else { throw RequestLoad.waitsForEver }
        return load.report
    }
}

/// Clients that ask until they are told to end, while the test does to the daemon what it likes.
///
/// ```swift
/// let load = RequestLoad(clients: 4) { try daemon.request("hello") }
/// // reloads, upgrades, kills
/// #expect(try load.finish().failures.isEmpty)
/// ```
public final class RequestLoad: Sendable {
    private struct State {
        var report = ReloadReport()
        var rounds: [Int]
        var isEnding = false
        var living: Int
    }

    private let state: Mutex<State>

    /// Begins at once.
    ///
    /// - Parameters:
    ///   - clients: How many ask at the same time, each in a thread of its own.
    ///   - request: One request with its answer, which throws when it fails, and may block.
    public init(clients: Int = 4, _ request: @escaping @Sendable () throws -> Void) {
        let clients = max(0, clients)
        state = Mutex(State(rounds: Array(repeating: 0, count: clients), living: clients))  // bounded: the line above
        for client in 0..<clients {  // bounded: not below 0
            do {
                try Thread.start(stackSize: 1 << 20) { self.ask(client, request) }
            } catch {
                state.withLock {
                    $0.report.failures.append("no thread for a client: \(error)")
                    $0.living -= 1
                }
            }
        }
    }

    private func ask(_ client: Int, _ request: () throws -> Void) {
        while !state.withLock(\.isEnding) {
            let start = MonotonicTime.now
            var failure: String?
            do { try request() } catch { failure = "\(error)" }
            let time = MonotonicTime.now - start
            state.withLock {
                $0.rounds[client] += 1
                $0.report.slowest = max($0.report.slowest, time)
                if let failure { $0.report.failures.append(failure) } else { $0.report.answered += 1 }
            }
        }
        state.withLock { $0.living -= 1 }
    }

    /// Waits for the answers that are on their way; what the clients saw.
    ///
    /// - Throws: ``TestFailure`` where one of them waits for ever.
    public func finish() throws(TestFailure) -> ReloadReport {
        end()
        let deadline = MonotonicTime.now + DaemonProcess.patience
        while !isGone {
            guard .now < deadline else { throw Self.waitsForEver }
            Poll.pause(.milliseconds(2))
        }
        return report
    }

    static var waitsForEver: TestFailure { TestFailure("a client waits for an answer for ever") }
    var rounds: [Int] { state.withLock(\.rounds) }
    /// What they saw so far.
    public var report: ReloadReport { state.withLock(\.report) }
    var isGone: Bool { state.withLock { $0.living == 0 } }

    func haveAllAsked(since before: [Int]) -> Bool {
        state.withLock { state in zip(state.rounds, before).allSatisfy { $0 > $1 } }
    }

    func count(_ change: (inout ReloadReport) -> Void) { state.withLock { change(&$0.report) } }
    func end() { state.withLock { $0.isEnding = true } }
}
