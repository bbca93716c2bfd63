import DaemonKit
import Text
import Unix

/// Everything that the command line says. What the environment may say instead is nil where no option said it.
struct Settings: Equatable, Sendable {
    /// What to do; all but `run` act on a superdaemon that runs, or print something.
    enum Action: Equatable, Sendable {
        case run, restart, stop, upgrade, signal, help, version
    }

    enum LogChoice: Equatable, Sendable {
        case file(String)
        /// A command for the shell, which reads the log from its standard input.
        case command(String)
    }

    /// What makes a new worker the current one: that it lives for the interval, or that it says READY=1.
    enum Readiness: String, Equatable, Sendable, CaseIterable {
        case interval, notify
    }

    /// The wait after a failed start, and what it may grow to.
    struct Backoff: Equatable, Sendable {
        let base: Duration
        let maximum: Duration
    }

    var action = Action.run
    /// What `--send-signal` sends.
    var signal: Signal?
    /// The program and its arguments; never empty when the action is `run`.
    var program: [String] = []

    var ports: [PortSpec] = []
    var paths: [OptionedAddress] = []
    /// nil: as long a queue as the system allows.
    var backlog: Int32?
    var reuseport = false

    var interval = Duration.seconds(1)
    var signalOnHup = Signal.terminate
    var signalOnTerm = Signal.terminate
    var readiness = Readiness.interval
    var startTimeout: Duration?
    var stopTimeout: Duration?
    /// The longest time between two WATCHDOG=1 of a worker.
    var watchdog: Duration?
    var maxOldGenerations: Int?
    var backoff: Backoff?

    /// Where the worker runs; the superdaemon stays where it is.
    var dir: String?
    var user: String?
    var group: String?

    var envdir: String?
    /// A switch: false says nothing, and the environment decides.
    var enableAutoRestart = false
    var autoRestartInterval: Duration?
    var killOldDelay: Duration?

    var pidFile: String?
    var statusFile: String?
    var log: LogChoice?
    var logMode: UInt32?
    var logGroup: String?
    var syslog = false
    var syslogFacility: String?
    var syslogTag: String?
    var daemonize = false
    var controlSocket: ControlAddress?
}
