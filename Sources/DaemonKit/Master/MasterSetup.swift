import Supervision
import Unix

/// What a master runs: made anew at each load of its configuration.
package struct MasterSetup: Sendable {
    package var plan: Plan
    /// By the name of the plan's service.
    package var programs: [String: Program]
    /// nil: those that there are.
    package var controls: [ControlSocketRequest]?

    package init(plan: Plan, programs: [String: Program]) {
        self.plan = plan
        self.programs = programs
    }
}

/// How the children of one service are started.
package struct Program: Sendable {
    package enum Kind: String, Sendable {
        case worker, program
    }

    package var kind = Kind.worker
    /// A path.
    package var executable: String
    /// argv[0]
    package var name: String
    package var arguments: [String] = []
    /// Without what the master adds: the sockets, the generation, the notification socket.
    package var environment: [[UInt8]]
    package var directory: String?
    package var account: SpawnAccount?
    /// From descriptor 3 on in this order.
    package var sockets: [HandedSocket] = []
    package var output = ChildOutput.inherit
    /// It is a daemon of ours: it gets a channel to the master, whose end is the end of the master.
    package var hasChannel = false
    /// Without one it reports over its channel.
    package var hasNotifySocket = true
    /// nil: the master's own.
    package var umask: FileMode?
    /// Whose messages count; nil: everybody's of its user, but only the main process gives heartbeats.
    package var notifyAccess: NotifyAccess?
    /// How often WATCHDOG=1 is expected at least; nil for no watchdog.
    package var watchdog: Duration?
    /// Sent to it by the kernel when the master dies. Linux only.
    package var deathSignal: Signal?

    package init(executable: String, name: String, environment: [[UInt8]]) {
        self.executable = executable
        self.name = name
        self.environment = environment
    }
}

/// A socket of the master, as a child gets it.
package struct HandedSocket: Sendable {
    package let name: String
    package let address: String
    /// Borrowed: the master's own number.
    package let descriptor: Int32

    package init(name: String, address: String, descriptor: Int32) {
        self.name = name
        self.address = address
        self.descriptor = descriptor
    }
}

/// Where standard output and error of a child go.
package enum ChildOutput: Hashable, Sendable {
    /// Where the master's own go.
    case inherit
    /// Line by line into the master's log, behind this name.
    case prefix(String)
    /// To the end of this file, which the master reopens.
    case file(String)
}

/// Where a master's setups come from: a configuration, or a daemon's command line.
package protocol MasterSource: AnyObject {
    /// Everything is checked and made ready, such as sockets that are new; what runs is not touched.
    func load() throws(DaemonError) -> MasterSetup
    /// Every socket that is in use: a service manager keeps them for the next master, should this one crash.
    var listeners: [Listener] { get }
    /// What the next image of this process must know, and what it made of it.
    var records: [StateText.Record] { get }
    func restore(_ state: StateText)
    /// An administrator changed how many instances of a service run.
    func scaled(_ service: String, to count: Int)
    /// The last load is in force: what only the one before needed may go.
    func committed()
    /// The last load came to nothing: what it had made goes.
    func abandoned()
}
