import DaemonCore
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
    /// Tried in this order where the child's user may not execute that one, or it is not there.
    package var alternatives: [String] = []
    /// argv[0]
    package var name: String
    package var arguments: [String] = []
    /// Without what the master adds: the sockets, the generation, the notification socket.
    package var environment: [[UInt8]]
    package var directory: String?
    package var account: SpawnAccount?
    package var resources = ProcessResources()
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
    /// Its standard input is the master's own, and not /dev/null.
    package var inheritsInput = false
    /// A process group of its own.
    package var leadsGroup = true
    /// SIGPIPE is ignored in it.
    package var ignoresPipe = false
    /// A file without an interpreter's line is given to /bin/sh, as execvp(3) does it.
    package var runsScripts = false

    /// Whom its processes run as.
    var user: UserID { account?.user ?? CurrentProcess.userID }

    package init(executable: String, name: String, environment: [[UInt8]]) {
        self.executable = executable
        self.name = name
        self.environment = environment
    }
}

/// A socket of the master, as a child gets it.
package struct HandedSocket: Sendable {
    /// In LISTEN_FDNAMES.
    package let name: String
    /// In SERVER_STARTER_PORT.
    package let address: String
    /// Borrowed: the master's own number.
    package let descriptor: Int32
    package let kind: Listener.Kind
    /// The number that it must have in the child; nil: the next one from 3 on.
    package let number: Int32?

    package init(
        name: String, address: String, descriptor: Int32, kind: Listener.Kind = .stream, number: Int32? = nil
    ) {
        self.name = name
        self.address = address
        self.descriptor = descriptor
        self.kind = kind
        self.number = number
    }

    package init(_ listener: Listener, name: String? = nil) {
        self.init(
            name: name ?? listener.name, address: listener.address.description, descriptor: listener.fileDescriptor,
            kind: listener.kind)
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
    /// Into the standard input of this command of the shell, which is started again whenever it ends.
    case command(String)
}

/// Whose messages count for a child.
package enum NotifyAccess: String, Sendable, CaseIterable {
    /// Its main process's only.
    case main
    /// Those of every process that may reach the child's socket: of its user, and root's.
    case all
}

/// Where a master's setups come from: a configuration, or a daemon's command line.
package protocol MasterSource: AnyObject {
    /// Everything is checked and made ready, such as sockets that are new; what runs is not touched.
    func load() throws(DaemonError) -> MasterSetup
    /// Every socket that is in use: a service manager keeps them for the next master, should this one crash.
    var listeners: [Listener] { get }
    /// What the next image of this process must know, and what it made of it.
    var records: [StateRecord] { get }
    func restore(_ state: SavedState)
    /// An administrator changed how many instances of a service run.
    func scaled(_ service: String, to count: Int)
    /// The last load is in force: what only the one before needed may go.
    func committed()
    /// The last load came to nothing: what it had made goes.
    func abandoned()
    /// Before each start of a child: brings up to date what may change without a load; true where it may have.
    func renew(_ setup: inout MasterSetup) throws(Errno) -> Bool
}

extension MasterSource {
    package func scaled(_ service: String, to count: Int) {}
    package func committed() {}
    package func abandoned() {}
    package func renew(_ setup: inout MasterSetup) throws(Errno) -> Bool { false }
}

/// The setup in force, and the one that is being brought up.
struct Setups {
    private(set) var current: MasterSetup?
    private var pending: MasterSetup?
    /// Whose children the pending setup is for.
    private var pendingGeneration = 0

    mutating func begin(_ setup: MasterSetup, generation: Int) {
        pending = setup
        pendingGeneration = generation
    }

    mutating func commit() {
        current = pending ?? current
        pending = nil
    }

    mutating func abandon() { pending = nil }

    /// As it is started next.
    func program(of service: String) -> Program? { (pending ?? current)?.programs[service] }

    func kind(of service: String) -> Program.Kind { program(of: service)?.kind ?? .worker }

    /// Where the child is started from, after a last look at what may have changed; nil: from nowhere.
    ///
    /// A new generation is of the setup that is being brought up; what is restarted meanwhile is not.
    mutating func renewed(
        for child: Supervision.Child, by source: any MasterSource
    ) throws(Errno) -> (setup: MasterSetup, isChanged: Bool)? {
        let isPending = pending != nil && (child.generation == pendingGeneration || current == nil)
        guard var setup = isPending ? pending : current else { return nil }
        let isChanged = try source.renew(&setup)
        if isChanged, isPending { pending = setup } else if isChanged { current = setup }
        return (setup, isChanged)
    }

    // MARK: Over an exec

    var records: [StateRecord] {
        (current?.records("current") ?? []) + (pending?.records("pending") ?? [])
    }

    func note(in head: inout StateRecord) { head[number: "pendingGeneration"] = pendingGeneration }

    mutating func restore(_ state: SavedState, _ head: StateRecord, plan: Plan?) {
        current = MasterSetup(state, "current", plan: plan)
        pending = MasterSetup(state, "pending", plan: nil)
        pendingGeneration = head[number: "pendingGeneration"] ?? 0
    }
}

extension Plan {
    /// How long a start may take until everything is ready; nil where something may take for ever.
    var longestStart: Duration? {
        // Stages one after the other: at the worst each service waits for the one before.
        services.reduce(.zero) { sum, service in
            guard let sum, service.readiness != .none else { return sum }
            return service.startTimeout.map { sum + $0 }  // bounded: a Duration counts 5 000 000 000 000 years
        }
    }

    /// How long a stop may take until everything is killed.
    var longestStop: Duration? {
        services.reduce(.zero) { sum, service in
            guard let sum, let time = service.stopTimeout else { return nil }
            return sum + time  // bounded: a Duration counts 5 000 000 000 000 years
        }
    }
}
