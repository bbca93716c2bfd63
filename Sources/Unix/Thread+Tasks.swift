import Synchronization

#if canImport(Dispatch)
import Dispatch
#endif

extension Thread {
    /// Whether tasks and queues can run here: on Linux Dispatch counts its threads in /proc, and ends the process where it
    /// finds none, as in a changed root without it.
    package static var runsTasks: Bool {
        #if os(Linux)
        (try? FileStatus(following: "/proc/self/stat")) != nil
        #else
        true
        #endif
    }

    /// Waits until `start` calls what it is given, in another thread.
    package static func wait<Value: Sendable>(until start: (@escaping @Sendable (Value) -> Void) -> Void) -> Value? {
        let outcome = TaskOutcome<Value>()
        let end = DispatchSemaphore(value: 0)
        start { value in
            outcome.result.withLock { $0 = .success(value) }
            end.signal()
        }
        end.wait()
        return try? outcome.result.withLock(\.self)?.get()
    }

    /// Runs `body` as a task and waits for its end: on a thread of our own, never on one of the tasks' pool.
    package static func wait<Value: Sendable>(for body: @escaping @Sendable () async throws -> Value) throws -> Value {
        let outcome = TaskOutcome<Value>()
        let end = DispatchSemaphore(value: 0)
        Task.detached {
            do {
                let value = try await body()
                outcome.result.withLock { $0 = .success(value) }
            } catch {
                outcome.result.withLock { $0 = .failure(error) }
            }
            end.signal()
        }
        end.wait()
        guard let result = outcome.result.withLock(\.self) else { throw CancellationError() }
        return try result.get()
    }
}

private final class TaskOutcome<Value: Sendable>: Sendable {
    /// nil until the task has ended.
    let result = Mutex<Result<Value, any Error>?>(nil)
}
