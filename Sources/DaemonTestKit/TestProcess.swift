import Synchronization
import Unix

/// A program that runs in a ``TestDirectory``, as ``TestDirectory/start(_:_:environment:descriptors:)`` starts it. Its
/// output goes to files: no pipe of the test holds it up.
///
/// When the value is released, a program that still runs is killed. What it started is not killed with it.
public final class TestProcess: Sendable {
    /// How it ended.
    public enum End: Hashable, Sendable {
        case exited(Int32)
        case signaled(Int32)

        /// What a shell has in `$?`: the exit status, or 128 and the signal's number.
        public var code: Int32 {
            switch self {
            case .exited(let code): code
            case .signaled(let signal): 128 &+ signal
            }
        }
    }

    /// What a program that has ended printed, and how it ended.
    public struct Outcome: Sendable {
        public let end: End
        public let output: String
        public let errors: String
        /// ``End/code``.
        public var code: Int32 { end.code }
    }

    public let executable: String
    public let processID: Int32

    /// Where its files are: it goes when nobody uses it any more.
    private let directory: TestDirectory
    private let output: String
    private let errors: String
    private let end = Mutex<End?>(nil)

    init(
        _ directory: TestDirectory, _ executable: String, _ arguments: [String], environment: [String: String],
        descriptors: [(child: Int32, ours: Int32)], output: String, errors: String
    ) throws(TestFailure) {
        self.executable = executable
        self.directory = directory
        self.output = output
        self.errors = errors
        do {
            let null = try FileDescriptor.open("/dev/null", .readWrite)
            let out = try FileDescriptor.open(directory[output], [.writeOnly, .create, .append])
            let err = try FileDescriptor.open(directory[errors], [.writeOnly, .create, .append])
            var spawn = Spawn(executable, arguments.map(directory.located))
            spawn.environment = Self.environment(environment)
            spawn.directory = directory.path
            spawn.descriptors = [(0, null.number), (1, out.number), (2, err.number)] + descriptors
            processID = try spawn.start()
        } catch {
            throw TestFailure("cannot start \(executable): \(error)")
        }
    }

    deinit { if hasEnded() == nil { kill() } }

    private static let foreign = ["NOTIFY_", "LISTEN_", "WATCHDOG_", "DAEMONKIT_", "SERVER_STARTER_"]

    private static func environment(_ more: [String: String]) -> [[UInt8]] {
        let inherited = Environment.entries.filter { entry in
            let name = String(decoding: entry.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
            return more[name] == nil && !foreign.contains(where: name.hasPrefix)
        }
        return inherited + more.map { Array("\($0)=\($1)".utf8) }
    }

    public var standardOutput: String { directory.read(output) }
    public var standardError: String { directory.read(errors) }

    /// Sends a signal: `SIGTERM` and the like of your C library.
    public func send(_ signal: Int32) {
        // Without effect on one that has ended: nobody else has the number until it is reaped.
        try? Child.send(Signal(rawValue: signal), to: processID)
    }

    /// How it has ended; nil while it runs.
    public func hasEnded() -> End? { reap(waiting: false) }

    /// Waits for its end, and leaves the thread to other tests meanwhile.
    ///
    /// - Throws: ``TestFailure``, with its standard error, where it does not end.
    public func ended(within limit: Duration = DaemonProcess.patience) async throws(TestFailure) -> End {
        _ = await eventually(within: limit) { self.hasEnded() != nil }
        guard let end = hasEnded() else { throw TestFailure("\(executable): still running\n\(standardError)") }
        return end
    }

    /// Waits for its end; blocks its thread. One that does not end is killed, as the result says.
    @discardableResult
    public func wait(_ limit: Duration = .seconds(240)) -> End {
        let deadline = MonotonicTime.now + limit
        while MonotonicTime.now < deadline {
            if let end = hasEnded() { return end }
            Poll.pause(.milliseconds(2))
        }
        return kill()
    }

    @discardableResult
    private func kill() -> End {
        send(Signal.kill.rawValue)
        return reap(waiting: true) ?? .signaled(Signal.kill.rawValue)
    }

    private func reap(waiting: Bool) -> End? {
        end.withLock { end in
            guard end == nil, let status = try? Child.reap(processID, waiting: waiting) else { return end }
            switch status {
            case .exited(let code): end = .exited(code)
            case .signaled(let signal): end = .signaled(signal.rawValue)
            }
            return end
        }
    }
}
