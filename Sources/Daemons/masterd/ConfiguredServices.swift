import DaemonKit
import Supervision
import Unix

/// The children that the configuration asks for, and the sockets that they are given.
final class ConfiguredServices: MasterSource {
    private let loader: ConfigurationLoader
    private let log: Log
    private let version: String
    /// One socket: a free port may be asked for more than once.
    private struct Key: Hashable {
        let address: ListenAddress
        let section: String
        let index: Int

        init(_ bind: Bind, _ section: ListenSection, _ index: Int) {
            address = bind.address
            let isFree = bind.address.socket.port == 0
            self.section = isFree ? section.name : ""
            self.index = isFree ? index : 0
        }
    }

    /// In force.
    private var bound: [Key: Listener] = [:]
    /// Bound by the load that is not in force yet.
    private var fresh: [Key: Listener] = [:]
    /// What that load needs.
    private var needed: Set<Key> = []

    init(_ loader: ConfigurationLoader, _ log: Log, version: String) {
        self.loader = loader
        self.log = log
        self.version = version
    }

    // MARK: MasterSource

    func load() throws(DaemonError) -> MasterSetup {
        let configuration: Configuration
        do {
            configuration = try loader.load()
        } catch {
            for mistake in error.mistakes { log.error("\(mistake)") }
            let more = error.mistakes.count > 1 ? " (and \(error.mistakes.count - 1) more)" : ""
            throw DaemonError("\(error.mistakes.first?.description ?? "no configuration")\(more)")
        }
        do {
            try bind(configuration)
            var programs: [String: Program] = [:]
            for service in configuration.services { warn(service) }
            for service in configuration.services { programs[service.name] = try program(service, configuration) }
            return MasterSetup(plan: configuration.plan(), programs: programs, version: version)
        } catch {
            abandoned()
            throw error
        }
    }

    /// What is read, but not done yet, must not look as if it were.
    private func warn(_ service: ServiceSection) {
        var unused: [String] = []
        if service.watchdog != nil { unused.append("watchdog") }
        if service.umask != nil { unused.append("umask") }
        if service.onMasterDeath == .drain { unused.append("on-master-death drain") }
        for keyword in unused {
            log.warning("\(service.place): '\(keyword)' of '\(service.name)' is not supported yet")
        }
    }

    func committed() {
        bound.merge(fresh) { _, new in new }
        fresh = [:]
        for (key, listener) in bound where !needed.contains(key) {
            listener.removeFile()
            bound[key] = nil
        }
    }

    func abandoned() {
        for listener in fresh.values { listener.removeFile() }
        fresh = [:]
    }

    // MARK: Sockets

    /// What is bound already stays; a busy address is an error at once.
    private func bind(_ configuration: Configuration) throws(DaemonError) {
        needed = []
        let wanted = configuration.listeners.flatMap { section in
            section.binds.enumerated().map { (Key($1, section, $0), $1) }
        }
        for (key, bind) in wanted {
            needed.insert(key)
            guard bound[key] == nil, fresh[key] == nil else { continue }
            let old = bind.mode.map { Files.setUmask(~$0 & 0o777) }
            defer { if let old { Files.setUmask(old) } }
            let kind: Listener.Kind = bind.address.kind == .stream ? .stream : .datagram
            let listener = try Binding.listen(kind, at: bind.address.socket, reusesPort: bind.reuseport)
            fresh[key] = listener
            do {
                // Not every program expects a listener that does not wait.
                try Descriptor.setNonBlocking(listener.fileDescriptor, false)
                if let backlog = bind.backlog { try Socket.listen(listener.fileDescriptor, backlog: backlog) }
                try give(listener, bind)
            } catch {
                throw DaemonError("cannot set up \(bind.address.text): \(error)")
            }
            log.info("listening on \(listener.address)")
        }
    }

    private func give(_ listener: Listener, _ bind: Bind) throws(Errno) {
        guard let file = listener.file, bind.user != nil || bind.group != nil else { return }
        let user = try bind.user.flatMap { name throws(Errno) in try User.find(name) }
        let group = bind.group.flatMap(Group.find) ?? user?.group ?? CurrentProcess.groupID
        try Files.setOwner(file.path, user?.id ?? CurrentProcess.userID, group)
    }

    // MARK: Programs

    private func program(_ service: ServiceSection, _ configuration: Configuration) throws(DaemonError) -> Program {
        let name = service.command.first ?? ""
        let path: String
        do {
            path = try configuration.executable(of: service)
        } catch {
            throw DaemonError("\(service.place): Cannot execute \(name): \(error)")
        }
        var variables = configuration.environment.filter { !Self.isInternal($0.key) }
        for variable in service.environment { variables[variable.name] = variable.value }
        var program = Program(
            executable: path, name: name,
            environment: variables.sorted { $0.key < $1.key }.map { Array("\($0)=\($1)".utf8) })
        program.kind = service.kind == .worker ? .worker : .program
        program.arguments = Array(service.command.dropFirst())
        program.directory = service.directory
        program.account = try account(service)
        program.deathSignal = service.stopSignal
        program.sockets = sockets(service, configuration)
        switch service.log {
        case .prefix: program.output = .prefix(service.name)
        case .inherit: program.output = .inherit
        case .file(let path): program.output = .file(path)
        }
        return program
    }

    private func sockets(_ service: ServiceSection, _ configuration: Configuration) -> [HandedSocket] {
        service.listen.flatMap { reference -> [HandedSocket] in
            guard let section = configuration.listeners.first(where: { $0.name == reference.name }) else { return [] }
            return section.binds.enumerated().compactMap { index, bind in
                let key = Key(bind, section, index)
                guard let listener = bound[key] ?? fresh[key] else { return nil }
                return HandedSocket(
                    name: reference.name, address: listener.address, descriptor: listener.fileDescriptor)
            }
        }
    }

    /// Meant for the master itself.
    private static func isInternal(_ name: String) -> Bool {
        ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"].contains(name)
            || ["SERVER_STARTER_", "DAEMONKIT_", "EINHORN_"].contains { name.hasPrefix($0) }
    }

    private func account(_ service: ServiceSection) throws(DaemonError) -> SpawnAccount? {
        do {
            return try SpawnAccount.resolve(user: service.user, group: service.group)
        } catch {
            throw DaemonError("\(service.place): \(error.description)")
        }
    }
}
