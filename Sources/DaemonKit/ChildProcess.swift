import Unix

/// A program that a daemon starts: with an empty signal mask, default dispositions, a process group of its own and no
/// descriptor of the daemon beyond 0 to 2. posix_spawn(3)
public struct ChildProcess: Sendable {
    /// How it ended: the exit status, or the signal that killed it.
    public enum End: Sendable, Hashable {
        case exited(Int32)
        case signaled(Int32)
    }

    public let pid: Int32

    /// Starts the executable at `path`, which is not looked up in PATH. Safe from any thread.
    public static func start(_ path: String, _ arguments: [String] = []) throws(DaemonError) -> ChildProcess {
        try attempt(.process, "cannot start \(path)") { () throws(Errno) in
            var spawn = Spawn(path, arguments)
            spawn.environment = ChildEnvironment.cleaned(Environment.entries)
            return ChildProcess(pid: try spawn.start())
        }
    }

    /// Waits for the end; call it once.
    public func wait() throws(DaemonError) -> End {
        let status = try attempt(.process, "cannot wait for process \(pid)") { () throws(Errno) in
            try Child.reap(pid, waiting: true)
        }
        switch status {
        case .exited(let code)?: return .exited(code)
        case .signaled(let signal)?: return .signaled(signal.rawValue)
        case nil: throw DaemonError(.process, "process \(pid) has not ended")
        }
    }
}
