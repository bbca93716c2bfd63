// A release build with the runtime linked statically has no Testing, and no tests.
#if canImport(Testing)
import Dispatch
import Synchronization
import Testing
import Unix

/// Tests that wait for other processes. They run on threads of their own: the concurrency pool has one thread for each
/// processor, and a test that blocks one of them holds up all the others.
package struct BlockingTrait: SuiteTrait, TestTrait, TestScoping {
    /// How long one test case may block. The limit is generous, for it only ends a broken test: who waits for a Task waits
    /// for all unit tests that the pool began with, which take minutes beside builds and busy loops.
    private static let limit = Duration.seconds(isThorough ? 1200 : 900)

    package var isRecursive: Bool { true }

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(BlockingThreads.shared) {
            let number = BlockingThreads.shared.begin(test.name, deadline: .now + Self.limit)
            defer { BlockingThreads.shared.end(number) }
            try await function()
        }
    }
}

extension Trait where Self == BlockingTrait {
    /// The tests block their threads, and get threads of their own.
    package static var blocking: Self { Self() }
}

/// As many threads as tests may wait at a time: enough to keep the processors busy, few enough to leave the rest its time.
private final class BlockingThreads: TaskExecutor {
    static let shared = BlockingThreads(count: 8)

    private struct State {
        var jobs: [UnownedJob] = []
        var running: [Int: (name: String, deadline: MonotonicTime)] = [:]
        var started = 0
    }

    private let state = Mutex(State())
    private let available = DispatchSemaphore(value: 0)

    private init(count: Int) {
        for _ in 0..<count {
            start {
                while true {
                    self.available.wait()
                    let job = self.state.withLock { $0.jobs.removeFirst() }
                    job.runSynchronously(on: self.asUnownedTaskExecutor())
                }
            }
        }
        start { while true { self.watch() } }
    }

    private func start(_ body: @escaping @Sendable () -> Void) {
        do { try Thread.start(stackSize: 1 << 20, body) } catch { fatalError("no thread for the tests: \(error)") }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
        available.signal()
    }

    func begin(_ name: String, deadline: MonotonicTime) -> Int {
        state.withLock {
            $0.started += 1
            $0.running[$0.started] = (name, deadline)
            return $0.started
        }
    }

    func end(_ number: Int) { state.withLock { $0.running[number] = nil } }

    /// Nothing ends a thread that blocks, and the run would wait for it for ever: it ends here, with the test's name.
    private func watch() {
        Poll.pause(.seconds(1))
        let now = MonotonicTime.now
        let late = state.withLock { state in state.running.values.filter { $0.deadline < now }.map(\.name) }
        guard !late.isEmpty else { return }
        print("✘ Test run ends: still blocked after minutes: \(late.joined(separator: ", "))")
        CurrentProcess.exitNow(1)
    }
}
#endif
