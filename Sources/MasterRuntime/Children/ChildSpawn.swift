import DaemonCore
import Supervision
import Unix

/// In whose words a child is told of its sockets and its generation.
package enum EnvironmentDialect: Sendable {
    /// Server::Starter's, Einhorn's and systemd's.
    case serverStarter
    /// systemd's, and Server::Starter's for what is no daemon of ours.
    case master
}

/// How one child is started: its descriptors, and what its environment says of them, as bytes.
struct ChildSpawn {
    let child: Supervision.Child
    let program: Program
    /// What earlier children of its service have stored.
    let kept: [DescriptorStore.Entry]
    let dialect: EnvironmentDialect
    /// NOTIFY_SOCKET
    var notifySocket: String?
    /// Its end of the channel.
    var channel: Int32?
    /// What its standard input is; nil: ours.
    var input: Int32?
    /// It begins without accepting.
    var isPaused = false
    /// Its own.
    var group: ControlGroup?
    /// DAEMONKIT_INVOCATION, for `Leftovers`.
    var invocation: String?
    /// How many instances of its service there are; nil where that is of no interest to it.
    var instances: Int?

    init(
        _ child: Supervision.Child, _ program: Program, kept: [DescriptorStore.Entry] = [],
        dialect: EnvironmentDialect = .master
    ) {
        self.child = child
        self.program = program
        self.dialect = dialect
        // Only LISTEN_FDNAMES tells of it, which wants sockets in a row.
        self.kept = program.sockets.allSatisfy { $0.number == nil } ? kept : []
    }

    var spawn: Spawn {
        var spawn = Spawn(program.executable, program.arguments)
        spawn.name = program.name
        spawn.directory = program.directory
        spawn.alternatives = program.alternatives
        spawn.account = program.account
        spawn.resources = program.resources
        spawn.group = group
        spawn.deathSignal = program.deathSignal
        spawn.leadsGroup = program.leadsGroup
        spawn.ignoresPipe = program.ignoresPipe
        spawn.runsScripts = program.runsScripts
        let numbers = numbers
        let ours = program.sockets.map(\.descriptor) + kept.map(\.descriptor) + (channel.map { [$0] } ?? [])
        spawn.descriptors = zip(numbers, ours).map { ($0, $1) }
        if let input, !numbers.contains(0) { spawn.descriptors.append((0, input)) }
        let told = variables(numbers)
        spawn.environment = program.environment + told
        if told.contains(where: { $0.starts(with: "LISTEN_FDS=".utf8) }) {
            spawn.pidVariables.append("LISTEN_PID")
        }
        if program.watchdog != nil { spawn.pidVariables.append("WATCHDOG_PID") }
        return spawn
    }

    /// Of the sockets, what is kept and the channel, in this order: the numbers asked for, the others from 3 on in a row.
    private var numbers: [Int32] {
        // bounded: a few descriptors, and one
        let wanted = program.sockets.map(\.number) + Array(repeating: nil, count: kept.count + (channel == nil ? 0 : 1))
        let taken = Set(wanted.compactMap(\.self))
        var next: Int32 = 3
        return wanted.map { number in
            if let number { return number }
            while taken.contains(next) { next += 1 }  // bounded: descriptors are few
            defer { next += 1 }  // bounded: descriptors are few
            return next
        }
    }

    // MARK: The environment

    private func variables(_ numbers: [Int32]) -> [[UInt8]] {
        let sockets = Array(zip(program.sockets, numbers))
        var texts: [String] = []
        // A daemon of ours reads one protocol; others get the other too.
        let speaksStarter = dialect == .serverStarter || !program.hasChannel && !sockets.isEmpty
        if speaksStarter {
            texts.append("SERVER_STARTER_PORT=\(sockets.map { "\($0.address)=\($1)" }.joined(separator: ";"))")
            let datagrams = sockets.filter { $0.0.kind == .datagram }.map { "\($1)" }
            if !datagrams.isEmpty { texts.append("SERVER_STARTER_UDP=\(datagrams.joined(separator: ";"))") }
        }
        if dialect == .serverStarter, !sockets.isEmpty {
            texts.append("EINHORN_FD_COUNT=\(sockets.count)")
            texts += sockets.enumerated().map { "EINHORN_FD_\($0)=\($1.1)" }
        }
        texts += listenVariables(numbers)
        if speaksStarter { texts.append("SERVER_STARTER_GENERATION=\(child.generation)") }
        if dialect == .master { texts.append("DAEMONKIT_GENERATION=\(child.generation)") }
        if let invocation { texts.append(invocation) }
        if let notifySocket {
            texts.append("NOTIFY_SOCKET=\(notifySocket)")
            // Where it would get back what it stores.
            if program.sockets.allSatisfy({ $0.number == nil }) { texts.append("FDSTORE=\(DescriptorStore.most)") }
        }
        if let time = program.watchdog { texts.append("WATCHDOG_USEC=\(time.wholeNanoseconds / 1000)") }
        if channel != nil, let number = numbers.last {
            let count = instances.map { " \(WorkerRole.count)\($0)" } ?? ""
            let words = "\(child.instance + 1) \(number) \(WorkerRole.reports)\(count)"
            texts.append("\(WorkerRole.variable)=\(words)\(isPaused ? " \(WorkerRole.paused)" : "")")
        }
        return texts.map(\.systemBytes)
    }

    /// Of sd_listen_fds(3), which wants them in a row from 3 on, in the order of their numbers.
    private func listenVariables(_ numbers: [Int32]) -> [String] {
        let names = program.sockets.map(\.name) + kept.map(\.name)
        let ordered = zip(numbers, names).sorted { $0.0 < $1.0 }
        // bounded: the sockets of a service
        guard !ordered.isEmpty, ordered.map(\.0).elementsEqual(3..<Int32(3 + ordered.count)) else { return [] }
        let list = ordered.map { Self.listenName($0.1) }.joined(separator: ":")
        return ["LISTEN_FDS=\(ordered.count)", "LISTEN_FDNAMES=\(list)"]
    }

    /// A name must be printable ASCII without a colon, of 255 letters at the most. sd_listen_fds_with_names(3)
    private static func listenName(_ name: String) -> String {
        let letters = name.utf8.prefix(255).map { (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: ":") ? $0 : 0x5F }
        return String(decoding: letters, as: UTF8.self)
    }
}
