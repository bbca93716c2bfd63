import DaemonKit
import MasterRuntime
import Supervision
import Unix

/// `worker NAME` or `program NAME`: what to run, and by which rules.
struct ServiceSection: Equatable, Sendable {
    enum Kind: String, Sendable {
        case worker, program
    }

    /// Where the output of its children goes.
    enum Log: Equatable, Sendable {
        /// Line by line into the master's log, under the service's name.
        case prefix
        /// To the master's own standard output and error.
        case inherit
        case file(String)
        /// Into the standard input of this command of the shell.
        case command(String)
    }

    /// Whether it serves, or does its work and ends.
    enum ServiceType: String, Sendable, CaseIterable {
        case service, oneshot
    }

    /// What its children do when the master is gone.
    enum OnMasterDeath: String, Sendable, CaseIterable {
        case exit, drain
    }

    let kind: Kind
    var name: String
    /// The program and its arguments.
    var command: [String] = []
    var instances = 1
    /// Names of listen sections.
    var listen: [Reference] = []
    var readiness: Readiness
    var restart = Restart.masterd
    var type = ServiceType.service
    /// Exit codes, and 128 + N of signals, that are a success as 0 is.
    var successStatus: Set<Int32> = []
    /// Those after which it is not started again, whatever `restart` says.
    var finalStatus: Set<Int32> = []
    /// nil: the global one.
    var startTimeout: Duration?
    var stopSignal = Signal.terminate
    var stopTimeout = StopTimeout.usual
    /// A worker is always replaced.
    var onReload = OnReload.replace
    var user: String?
    var group: String?
    /// The working directory; nil is the master's.
    var directory: String?
    var resources = ProcessResources()
    /// Paths of files with NAME=VALUE lines; `environment` goes before them.
    var environmentFiles: [Reference] = []
    var environment: [Variable] = []
    /// Names of the services whose outcome it waits for.
    var after: [Reference] = []
    /// Names of the services without which it is not started.
    var requires: [Reference] = []
    var isCritical = true
    var log = Log.prefix
    var onMasterDeath = OnMasterDeath.exit
    /// Whose messages over NOTIFY_SOCKET count; nil: everybody's, but heartbeats of the main process only.
    var notifyAccess: NotifyAccess?
    /// The longest time between two WATCHDOG=1.
    var watchdog: Duration?
    var umask: FileMode?
    /// It is a daemon of ours, which answers commands of the control socket.
    var hasChannel = false
    var place = Place.nowhere
    private(set) var places = Places()

    init(_ kind: Kind, _ name: String) {
        self.kind = kind
        self.name = name
        readiness = Self.usualReadiness(kind)
    }

    /// The line that says it, or else the section's first.
    func place(of keyword: ServiceKeyword) -> Place { places[keyword.rawValue] ?? place }

    /// All that go before it.
    var predecessors: [Reference] { after + requires }

    func says(_ keyword: ServiceKeyword) -> Bool { places[keyword.rawValue] != nil }

    mutating func note(_ keyword: ServiceKeyword, at place: Place) { places[keyword.rawValue] = place }

    /// A worker may be any server: alive after a second is the rule that never loses requests to one that cannot say
    /// READY=1. A program counts from its start, as in HAProxy.
    static func usualReadiness(_ kind: Kind) -> Readiness { kind == .worker ? .alive(.seconds(1)) : .none }
}

/// From the stop signal to KILL.
enum StopTimeout: Equatable, Sendable {
    /// hard-stop-after where there is one, else 90 s.
    case usual
    case after(Duration)
    /// It may take as long as it likes.
    case none
}

extension Restart {
    /// HAProxy never restarts anything; where it is wished, the pace grows to 30 s.
    static var masterd: Restart {
        var restart = Restart()
        restart.when = .never
        restart.backoff.maximum = .seconds(30)
        return restart
    }
}
