import DaemonKit
import Unix

/// A daemon's context in the process of the test: main, `prepare` and handlers are called as plain functions, and the
/// test is the administrator, the master and the service manager.
///
/// ```swift
/// @Test func finishesWhatClientsBegan() async throws {
///     let test = try TestContext(web, arguments: ["--bind", "127.0.0.1:0"])
///     async let served: Void = serve(test.context)
///     try await test.ready()
///     test.stop()
///     try await served
///     #expect(test.log.contains("served 0 requests"))
/// }
/// ```
///
/// Its log is a file in a directory of its own, which goes with the value. No signal of the test's process is touched, so
/// that any number of contexts live beside each other; what ends a process, such as a grace period that is over, is
/// ``DaemonProcess``'s to test.
public final class TestContext: Sendable {
    /// What main, `prepare` and the settings' maker get.
    public let context: Context
    /// A directory for files of the test.
    public let directory: TestDirectory
    /// What the daemon tells its service manager.
    public let manager: ServiceManagerRecorder

    private let played: PlayedContext

    /// Makes a context; nothing of the daemon runs yet.
    ///
    /// - Parameters:
    ///   - options: what the command line offers.
    ///   - arguments: the command line without the program's name. `DIR/` at the beginning of one, or behind its `=`,
    ///     stands for the directory. The addresses of `--bind` are bound; without one nothing is.
    ///   - listeners: sockets besides those, such as ``DaemonKit/Context/listen(on:_:)`` of another context makes.
    /// - Throws: `DaemonError` where the command line is wrong or an address cannot be bound; ``TestFailure``.
    public init(
        _ daemon: Daemon, options: OptionList = .standard, arguments: [String] = [], listeners: [Listener] = []
    ) throws {
        directory = try TestDirectory()
        manager = try ServiceManagerRecorder(path: directory["notify"])
        let words = arguments.map(directory.located)
        let values = try OptionValues(parsing: words, options, of: daemon)
        let log = try Log(
            name: daemon.name, level: values[StandardOption.debug] ? .debug : .info,
            format: Log.Format(rawValue: values[StandardOption.logFormat]) ?? .text,
            targets: Log.Targets(file: LogFile(path: directory["log"])), holdsStandardStreams: false)
        let binds = values[StandardOption.bind]
        let bound =
            binds.isEmpty
            ? [] : try Binding.bind(binds, port: values[StandardOption.port] ?? daemon.port, kinds: daemon.listens)
        played = try PlayedContext(daemon, values, log: log, manager: .at(manager.path), listeners: listeners + bound)
        context = played.context
    }

    deinit { played.end() }

    // MARK: What it says

    /// The path of a file in the directory.
    public func path(_ name: String) -> String { directory[name] }

    /// The whole log so far.
    public var log: String { directory.read("log") }

    /// Returns when `context.ready()` was called.
    ///
    /// - Throws: ``TestFailure`` where it is not.
    public func ready(within limit: Duration = DaemonProcess.patience) async throws(TestFailure) {
        try await manager.wait(for: "READY=1", within: limit)
    }

    /// Whether the watchdog would be fed now: what the function of `context.onWatchdog` returns.
    public var isHealthy: Bool { played.isHealthy }

    // MARK: What is done to it

    /// Enters a phase of the stop and those before it, in their order, without the time between them; returns when the
    /// handlers of these phases have run. Blocks its thread.
    public func stop(_ phase: StopPhase = .closing) { played.enter(phase) }

    /// As a master that wants a worker to accept nothing new; returns when the handlers have run. Blocks its thread.
    public func pause() { played.setPaused(true) }

    /// The end of ``pause()``.
    public func resume() { played.setPaused(false) }

    /// As SIGHUP: the log is reopened, and every reload handler runs. Nothing is reloaded before `context.ready()`.
    ///
    /// - Throws: The first error of the handlers.
    public func reload() async throws(DaemonError) {
        let failure = await withCheckedContinuation { continuation in
            played.reload { continuation.resume(returning: $0) }
        }
        if let failure { throw failure }
    }

    /// As SIGUSR1 or SIGUSR2; returns when the handler has run. Blocks its thread.
    public func signal(_ signal: Context.UserSignal) { played.signal(signal) }

    /// Asks a command that was registered with `context.command`, as the control socket does: its words, then arguments.
    ///
    /// - Returns: The answer, also where it says that there is no such command, or that the level is too low.
    public func command(
        _ line: String, payload: String? = nil, level: ControlLevel = .admin
    ) async -> String {
        await withCheckedContinuation { continuation in
            played.run(line, payload: payload, level: level) { continuation.resume(returning: $0) }
        }
    }
}
