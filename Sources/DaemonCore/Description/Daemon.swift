/// What a daemon is: the description that options, messages, files and deployment texts are made from.
public struct Daemon: Sendable {
    /// When the launcher and the service manager are told that the daemon serves. More may be added.
    public struct Readiness: Hashable, Sendable {
        private let name: String

        /// When `prepare` has returned; where there is no `prepare`, when main calls ``Context/ready()``.
        public static let automatic = Readiness(name: "automatic")
        /// When `prepare` has returned; where there is no `prepare`, before main is called.
        public static let prepared = Readiness(name: "prepared")
        /// When main calls ``Context/ready()``, for instance after a cache is warm.
        public static let explicit = Readiness(name: "explicit")
    }

    /// What a worker does when its master has died, so that nobody would restart, reload or stop it any more. More may be
    /// added.
    public struct MasterDeath: Hashable, Sendable {
        private let name: String

        /// Ends at once, with exit code 1: a new master finds neither sockets in use nor two workers at one work.
        public static let exit = MasterDeath(name: "exit")
        /// Stops as after SIGTERM, within the grace period, then exits with code 1: what clients have begun is finished,
        /// beside the workers of a new master.
        public static let drain = MasterDeath(name: "drain")
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
    /// How long a graceful stop may take before the daemon is ended; zero ends it at the signal.
    public var gracePeriod: Duration
    /// When at the stop the task of an asynchronous main is cancelled.
    public var cancelsMain: MainCancellation
    /// The time between "accept no more" and "drain": connections that were on their way arrive meanwhile.
    public var drainGap: Duration
    /// Where the daemon runs with `--workers`.
    public var onMasterDeath: MasterDeath

    public init(
        _ name: String, version: String, summary: String = "", user: String? = nil, group: String? = nil,
        listens: [Listener.Kind] = [], port: UInt16? = nil, readiness: Readiness = .automatic,
        gracePeriod: Duration = .seconds(30), drainGap: Duration = .milliseconds(250),
        cancelsMain: MainCancellation = .atGrace, onMasterDeath: MasterDeath = .exit
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
        self.cancelsMain = cancelsMain
        self.drainGap = drainGap
        self.onMasterDeath = onMasterDeath
    }
}
