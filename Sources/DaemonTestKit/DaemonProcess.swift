import Synchronization
import Unix

/// A built daemon that runs in the foreground, in a directory of its own, with a service manager that the test is.
///
/// ```swift
/// @Test func echoes() async throws {
///     let daemon = try DaemonProcess(DaemonProcess.product("echod"), ["--bind", "127.0.0.1:0"])
///     try await daemon.ready()
///     #expect(try daemon.request("hello") == "hello")
///     #expect(try await daemon.stop() == .exited(0))
/// }
/// ```
///
/// It is started with `--foreground`, `--pid-file` and `--log-file`, which every daemon with the standard options takes.
/// When the value is released, what still runs is killed and the directory is removed. Nothing here waits for a fixed
/// time; the limits only end a test that is broken, and no function blocks its thread but ``request(_:at:)``.
public final class DaemonProcess: Sendable {
    public typealias End = TestProcess.End

    /// How long a condition may take before the test is taken for broken.
    public static let patience = Duration.seconds(60)

    /// The directory of its own, which is its working directory too.
    public let directory: TestDirectory
    /// What it tells its service manager.
    public let manager: ServiceManagerRecorder

    private let process: TestProcess

    public var executable: String { process.executable }
    public var processID: Int32 { process.processID }

    /// Starts the executable, and does not wait for anything.
    ///
    /// - Parameters:
    ///   - arguments: after those for the foreground and the files in the directory. `DIR/` at the beginning of one, or
    ///     behind its `=`, stands for the directory.
    ///   - environment: on top of the test's own, without what a service manager or a master may have left there.
    ///   - directory: a new one by default; another where a test has made files before, or starts a second process.
    /// - Throws: ``TestFailure`` where it cannot be executed.
    public init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        in directory: TestDirectory? = nil
    ) throws(TestFailure) {
        let directory = if let directory { directory } else { try TestDirectory() }
        self.directory = directory
        manager = try ServiceManagerRecorder(path: directory["notify"])
        let files = ["--foreground", "--pid-file", directory["pid"], "--log-file", directory["log"]]
        process = try directory.start(
            executable, files + arguments, environment: environment.merging(["NOTIFY_SOCKET": manager.path]) { $1 })
    }

    /// The path of an executable of the package that is tested: it lies beside the tests.
    public static func product(_ name: String) -> String {
        let path = Files.executablePath() ?? ""
        // bounded: up to a place within it
        return "\(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])/\(name)"
    }

    // MARK: What it says

    /// The path of a file in the directory.
    public func path(_ name: String) -> String { directory[name] }

    /// The whole log so far.
    public var log: String { directory.read("log") }
    /// The log's lines so far, the last one only when it is whole.
    public var logLines: [String] {
        log.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { String($0) }
    }
    public var standardOutput: String { process.standardOutput }
    public var standardError: String { process.standardError }

    /// The first line of the log that holds the text, or the one after `number - 1` others, as soon as it is there.
    ///
    /// - Throws: ``TestFailure``, with the log, where it does not come.
    @discardableResult
    public func logLine(
        _ text: String, number: Int = 1, within limit: Duration = patience
    ) async throws(TestFailure) -> String {
        var found: [String] = []
        let isThere = await eventually(within: limit) {
            // Looked at before the log: what it wrote before its end counts.
            let isOver = self.hasEnded() != nil
            found = self.logLines.filter { $0.contains(text) }
            return found.count >= number || isOver
        }
        guard isThere, found.count >= number else {
            throw failure("line \(number) with '\(text)' is not in the log")
        }
        return found[number - 1]
    }

    // MARK: What is done to it

    /// Returns when it has said `READY=1`.
    ///
    /// - Throws: ``TestFailure``, with what it said, where it ends before that.
    public func ready(within limit: Duration = patience) async throws(TestFailure) {
        _ = await eventually(within: limit) { self.manager.count("READY=1") > 0 || self.hasEnded() != nil }
        guard manager.count("READY=1") > 0 else { throw failure("not ready") }
    }

    /// Sends a signal: `SIGTERM` and the like of your C library.
    public func send(_ signal: Int32) { process.send(signal) }

    /// Asks it to reload, and returns when it has said that it is done: `RELOADING=1`, then `READY=1`.
    ///
    /// - Parameter signal: `SIGHUP` by default; `SIGUSR2` starts a master's new workers.
    /// - Throws: ``TestFailure``, with what it said, where it does not say so.
    public func reload(_ signal: Int32 = hangup, within limit: Duration = patience) async throws(TestFailure) {
        let before = manager.count("RELOADING=1")
        send(signal)
        let isDone = await eventually(within: limit) {
            self.hasEnded() != nil || self.manager.isReady(afterReload: before + 1)
        }
        guard isDone, hasEnded() == nil else { throw failure("the reload has not ended") }
    }

    /// Asks it to stop by SIGTERM, and waits for its end.
    @discardableResult
    public func stop(within limit: Duration = patience) async throws(TestFailure) -> End {
        send(Signal.terminate.rawValue)
        return try await ended(within: limit)
    }

    /// Kills it, and waits for its end. What it started is not killed with it.
    public func kill() async throws(TestFailure) {
        send(Signal.kill.rawValue)
        _ = try await ended()
    }

    /// Waits for its end.
    public func ended(within limit: Duration = patience) async throws(TestFailure) -> End {
        _ = await eventually(within: limit) { self.hasEnded() != nil }
        guard let end = hasEnded() else { throw failure("still running") }
        return end
    }

    /// How it has ended; nil while it runs.
    public func hasEnded() -> End? { process.hasEnded() }

    /// SIGHUP.
    public static var hangup: Int32 { Signal.hangup.rawValue }

    private func failure(_ what: String) -> TestFailure {
        let name = executable.split(separator: "/").last ?? "daemon"
        let state = hasEnded().map { "ended: \($0)" } ?? "running"
        return TestFailure("\(name): \(what) (\(state))\n\(standardError)\(log)")
    }
}

/// Looks again and again, and leaves its thread to others meanwhile.
func eventually(within limit: Duration, _ condition: () -> Bool) async -> Bool {
    let deadline = MonotonicTime.now + limit
    while !condition() {
        if MonotonicTime.now >= deadline { return false }
        // A test that was cancelled, at its time limit, does not go on waiting.
        guard (try? await Task.sleep(for: .milliseconds(2))) != nil else { return condition() }
    }
    return true
}
