import Synchronization
import Unix

/// A program that a daemon starts: with an empty signal mask, default dispositions, a session and a process group of its own
/// (and so no terminal), and no descriptor of the daemon but those that are named. Threads of a Swift program block nearly all signals, which other
/// ways to start a program hand on.
///
/// Wait for the end of each, as nobody else does: until then the system keeps its number. posix_spawn(3)
public final class ChildProcess: Sendable {
    /// How it ended: the exit status, or the signal that killed it.
    public enum TerminationStatus: Sendable, Hashable {
        case exited(Int32)
        case signaled(Int32)
    }

    /// What a standard stream of the child is. More kinds may be added.
    public struct Stream: Sendable {
        fileprivate enum Kind: Sendable {
            case null, inherited, pipe
            case descriptor(Int32)
        }

        fileprivate let kind: Kind

        /// `/dev/null`
        public static let null = Stream(kind: .null)
        /// The daemon's own: in the background its output and errors are the log file.
        public static let inherited = Stream(kind: .inherited)
        /// A pipe, whose other end is the child's ``ChildProcess/input``, ``ChildProcess/output`` or ``ChildProcess/error``.
        public static let pipe = Stream(kind: .pipe)
        /// A descriptor of the daemon's, which stays open there.
        public static func descriptor(_ number: Int32) -> Stream { Stream(kind: .descriptor(number)) }
    }

    public let pid: Int32
    /// The end of the pipe that is written to; nil where its standard input is none. Borrowed: close it with
    /// ``closeInput()``, which the child reads as the end. Blocking, and close-on-exec.
    public var input: Int32? { inputEnd.withLock(\.self) }
    /// The end of the pipe that its standard output is read from; nil where that is none. Borrowed: closed with this value.
    public let output: Int32?
    /// The end of the pipe that its standard error is read from.
    public let error: Int32?

    private let inputEnd: Mutex<Int32?>
    /// nil until it was reaped. Held while a signal is sent, so that its number is no other process's by then.
    private let status = Mutex<TerminationStatus?>(nil)

    /// Starts the executable at `path`, which is not looked up in PATH. Safe from any thread.
    ///
    /// - Parameters:
    ///   - path: The executable.
    ///   - arguments: Without the program's name.
    ///   - environment: The whole environment of the child; nil is the daemon's, without what was meant for it alone.
    ///   - directory: Its working directory; nil is the daemon's.
    ///   - input: Its standard input.
    ///   - output: Its standard output.
    ///   - error: Its standard error.
    /// - Throws: What the system said, also of the exec: then there is no child.
    public init(
        _ path: String, _ arguments: [String] = [], environment: [String: String]? = nil, directory: String? = nil,
        input: Stream = .null, output: Stream = .inherited, error: Stream = .inherited
    ) throws(DaemonError) {
        var streams = ChildStreams()
        let started: ProcessID
        do throws(Errno) {
            try streams.add(input.kind.ours(0), isRead: true)
            try streams.add(output.kind.ours(1), isRead: false)
            try streams.add(error.kind.ours(2), isRead: false)
            var spawn = Spawn(path, arguments)
            spawn.environment =
                environment.map { $0.map { Array("\($0.key)=\($0.value)".utf8) } }
                ?? ChildEnvironment.cleaned(Environment.entries)
            spawn.directory = directory
            spawn.descriptors = streams.children
            started = try spawn.start()
        } catch {
            streams.closeAll()
            throw DaemonError(.process, tried: "cannot start \(path)", path: path, systemError: error.rawValue)
        }
        streams.closeTheirs()
        pid = started
        inputEnd = Mutex(streams.ends[0])  // bounded: one was added for each of the three
        self.output = streams.ends[1]  // bounded: one was added for each of the three
        self.error = streams.ends[2]  // bounded: one was added for each of the three
    }

    deinit {
        closeInput()
        for end in [output, error] { if let end { Descriptor.close(end) } }
    }

    /// Closes the end that is written to.
    public func closeInput() {
        let end = inputEnd.withLock { end in
            defer { end = nil }
            return end
        }
        if let end { Descriptor.close(end) }
    }

    /// Sends a signal, such as `SIGTERM`, to the child or to all processes of its group; false where it has ended.
    @discardableResult
    public func send(_ signal: Int32, toGroup: Bool = false) -> Bool {
        status.withLock { status in
            status == nil && (try? Child.send(Signal(rawValue: signal), to: pid, group: toGroup)) != nil
        }
    }

    /// Waits for the end. May be called again, and from several threads.
    public func wait() throws(DaemonError) -> TerminationStatus {
        let tried = "cannot wait for process \(pid)"
        if let status = status.withLock(\.self) { return status }
        let end = Result { () throws(Errno) in try Child.waitForEnd(of: pid) }
        return try status.withLock { status throws(DaemonError) in
            // Where another thread has reaped it meanwhile, there was nothing left to wait for.
            if let status { return status }
            try attempt(.process, tried) { () throws(Errno) in try end.get() }
            let ended = try attempt(.process, tried) { () throws(Errno) in try Child.reap(pid, waiting: true) }
            let found: TerminationStatus =
                switch ended {
                case .exited(let code)?: .exited(code)
                case .signaled(let signal)?: .signaled(signal.rawValue)
                case nil: throw DaemonError(.process, "process \(pid) has not ended")
                }
            status = found
            return found
        }
    }

    /// Waits for the end. When the task is cancelled the child gets a SIGTERM, and the wait goes on until it heeds it.
    public func wait() async throws -> TerminationStatus {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                do throws(Errno) {
                    // Not on a thread of the tasks' pool, which is for those that never wait.
                    try Thread.start { continuation.resume(with: Result { try self.wait() }) }
                } catch {
                    continuation.resume(throwing: DaemonError(.process, "cannot start a thread", error))
                }
            }
        } onCancel: {
            send(Signal.terminate.rawValue)
        }
    }
}

/// The standard streams of a child that is about to be started.
private struct ChildStreams {
    /// Number in the child, and ours.
    var children: [(child: Int32, ours: Int32)] = []
    /// Our ends of pipes, by the child's number.
    var ends: [Int32?] = []
    private var theirs: [Int32] = []

    enum Source {
        case number(Int32)
        case null
        case pipe
    }

    mutating func add(_ source: Source, isRead: Bool) throws(Errno) {
        let child = Int32(clamping: ends.count)
        ends.append(nil)
        switch source {
        case .number(let ours): children.append((child, ours))
        case .null:
            let null = try FileDescriptor.open("/dev/null", .readWrite).release()
            theirs.append(null)
            children.append((child, null))
        case .pipe:
            let (read, write) = try FileDescriptor.pipe().release()
            theirs.append(isRead ? read : write)
            ends[ends.count - 1] = isRead ? write : read  // bounded: one was appended
            children.append((child, isRead ? read : write))
        }
    }

    func closeTheirs() { for number in theirs { Descriptor.close(number) } }

    func closeAll() {
        closeTheirs()
        for end in ends { if let end { Descriptor.close(end) } }
    }
}

extension ChildProcess.Stream.Kind {
    fileprivate func ours(_ number: Int32) -> ChildStreams.Source {
        switch self {
        case .null: .null
        case .inherited: .number(number)
        case .pipe: .pipe
        case .descriptor(let ours): .number(ours)
        }
    }
}
