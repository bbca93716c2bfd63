/// What a daemon is: the description that options, messages, files and deployment texts are made from.
public struct Daemon: Sendable {
    /// When the launcher and the service manager are told that the daemon serves.
    public enum Readiness: Sendable {
        /// When `prepare` has returned.
        case prepared
        /// When the main closure calls `context.ready()`.
        case explicit
    }

    /// What a worker does when its master has died, so that nobody would restart, reload or stop it any more.
    public enum MasterDeath: Sendable {
        /// Ends at once, with exit code 1: a new master finds neither sockets in use nor two workers at one work.
        case exit
        /// Stops as after SIGTERM, within the grace period, then exits with code 1: what clients have begun is finished,
        /// beside the workers of a new master.
        case drain
    }

    /// Used for the pid file, the log file and in each log line: letters, digits, `-`, `_` and `.`.
    public var name: String
    public var version: String
    /// One sentence for `--help` and for deployment files.
    public var summary: String
    /// The user that the daemon runs as: root drops to it, everybody else is refused. nil for any user.
    public var user: String?
    public var group: String?
    /// The sockets that are bound at `--bind` and `--port` before privileges are dropped; `[]` for a daemon that does
    /// not listen, which then has neither option.
    public var listens: [Listener.Kind]
    /// The default of `--port`; nil makes the option (or a port in `--bind`) obligatory.
    public var port: UInt16?
    public var readiness: Readiness
    /// How long a graceful stop may take before the daemon is ended.
    public var gracePeriod: Duration
    /// The time between "accept no more" and "drain": connections that were on their way arrive meanwhile.
    public var drainGap: Duration
    /// Where the daemon runs with `--workers`.
    public var onMasterDeath: MasterDeath

    public init(
        _ name: String, version: String, summary: String = "", user: String? = nil, group: String? = nil,
        listens: [Listener.Kind] = [], port: UInt16? = nil, readiness: Readiness = .prepared,
        gracePeriod: Duration = .seconds(30), drainGap: Duration = .milliseconds(250),
        onMasterDeath: MasterDeath = .exit
    ) {
        self.name = name
        self.version = version
        self.summary = summary
        self.user = user
        self.group = group
        self.listens = listens
        self.port = port
        self.readiness = readiness
        self.gracePeriod = gracePeriod
        self.drainGap = drainGap
        self.onMasterDeath = onMasterDeath
    }
}
