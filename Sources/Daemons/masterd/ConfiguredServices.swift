import DaemonKit
import MasterRuntime
import Supervision
import Unix

/// The children that the configuration asks for, and the sockets that they are given.
final class ConfiguredServices: MasterSource {
    private let loader: ConfigurationLoader
    private let log: Log
    /// In force, by what they are for.
    private var bound: [String: Listener] = [:]
    /// Bound by the load that is not in force yet.
    private var fresh: [String: Listener] = [:]
    /// What that load needs.
    private var needed: Set<String> = []
    /// What stays, and how that load wants it.
    private var adapted: [(Listener, SocketSettings)] = []
    /// Handed down by a service manager, and not asked for yet.
    private var inherited: [Listener]

    init(_ loader: ConfigurationLoader, _ log: Log, inherited: [Listener]) {
        self.loader = loader
        self.log = log
        self.inherited = inherited
    }

    /// One socket: a free port may be asked for more than once.
    private static func key(_ bind: Bind, _ section: ListenSection, _ index: Int) -> String {
        bind.address.socket.port == 0 ? "\(bind.address.text) \(section.name) \(index)" : bind.address.text
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
            let common = Self.commonEnvironment(configuration)
            for service in configuration.services {
                programs[service.name] = try program(service, configuration, common)
            }
            var setup = MasterSetup(plan: configuration.plan(), programs: programs)
            setup.controls = try configuration.controls()
            return setup
        } catch {
            abandoned()
            throw error
        }
    }

    func committed() {
        for (key, listener) in fresh {
            // Where it replaces one, the file is the new one's already.
            bound[key] = listener
        }
        fresh = [:]
        for (key, listener) in bound where !needed.contains(key) {
            listener.removeFile()
            bound[key] = nil
        }
        for (listener, settings) in adapted { adapt(listener, settings) }
        // What this configuration does not ask for, no later one will expect.
        inherited = []
    }

    func abandoned() {
        for listener in fresh.values { listener.removeFile() }
        fresh = [:]
    }

    // MARK: Sockets

    /// What is bound already stays; a busy address is an error at once.
    private func bind(_ configuration: Configuration) throws(DaemonError) {
        needed = []
        adapted = []
        let wanted = configuration.listeners.flatMap { section in
            section.binds.enumerated().map { (Self.key($1, section, $0), $1) }
        }
        for (key, bind) in wanted {
            needed.insert(key)
            guard fresh[key] == nil else { continue }
            let settings = try SocketSettings(bind.options)
            // A socket whose file somebody has removed can be reached by nobody.
            if let listener = bound[key], listener.hasItsFile {
                adapted.append((listener, settings))
                continue
            }
            let kind: Listener.Kind = bind.address.kind == .stream ? .stream : .datagram
            if let listener = takeInherited(kind, bind.address.socket) {
                fresh[key] = listener
                adapted.append((listener, settings))
                log.info("listening on \(listener.address) (LISTEN_FDS)")
                continue
            }
            let listener = try Binding.listen(kind, at: bind.address.socket, settings)
            fresh[key] = listener
            log.info("listening on \(listener.address)")
        }
        // Not every program expects a listener that does not wait.
        for listener in fresh.values { try? Descriptor.setNonBlocking(listener.fileDescriptor, false) }
    }

    /// A socket file that is gone leaves a socket that nobody can reach.
    private func takeInherited(_ kind: Listener.Kind, _ address: SocketAddress) -> Listener? {
        guard let index = inherited.firstIndex(where: { $0.kind == kind && $0.isBound(to: address) }) else {
            return nil
        }
        let listener = inherited.remove(at: index)  // bounded: the index was found
        return listener.adoptingFile()
    }

    private func adapt(_ listener: Listener, _ settings: SocketSettings) {
        do {
            for word in try settings.adapt(listener) {
                log.warning("\(listener.address): a socket that is bound already cannot become '\(word)'")
            }
        } catch {
            log.warning("\(error)")
        }
    }

    // MARK: Over an exec

    var listeners: [Listener] { Array(bound.values) + fresh.values }

    var records: [StateRecord] {
        var head = StateRecord("sockets")
        head[list: "needed"] = needed.sorted()
        let all = bound.map { ("bound", $0.key, $0.value) } + fresh.map { ("fresh", $0.key, $0.value) }
        return [head]
            + all.map { role, key, listener in
                var record = listener.record
                record["role"] = role
                record["key"] = key
                return record
            }
    }

    func restore(_ state: SavedState) {
        needed = Set(state.first("sockets")?[list: "needed"] ?? [])
        for record in state.all("listener") {
            guard let key = record["key"], let listener = Listener(record) else { continue }
            if record["role"] == "fresh" { fresh[key] = listener } else { bound[key] = listener }
        }
    }

    // MARK: Programs

    private func program(
        _ service: ServiceSection, _ configuration: Configuration, _ environment: [[UInt8]]
    ) throws(DaemonError) -> Program {
        let name = service.command.first ?? ""
        let paths: [String]
        do {
            paths = try configuration.executables(of: service)
        } catch {
            throw DaemonError("\(service.place): Cannot execute \(name): \(error)")
        }
        var program = Program(
            executable: paths[0], name: name,  // bounded: there is one at least
            environment: try self.environment(service, configuration, environment))
        program.kind = service.kind == .worker ? .worker : .program
        program.arguments = Array(service.command.dropFirst())
        program.alternatives = Array(paths.dropFirst())
        program.directory = service.directory
        program.resources = service.resources
        program.account = try account(service)
        program.deathSignal = service.onMasterDeath == .drain ? service.stopSignal : .kill
        program.hasChannel = service.hasChannel
        program.umask = service.umask
        program.watchdog = service.watchdog
        program.notifyAccess = service.notifyAccess
        program.sockets = sockets(service, configuration)
        switch service.log {
        case .prefix: program.output = .prefix(service.name)
        case .inherit: program.output = .inherit
        case .file(let path): program.output = .file(path)
        case .command(let text): program.output = .command(text)
        }
        return program
    }

    private func sockets(_ service: ServiceSection, _ configuration: Configuration) -> [HandedSocket] {
        service.listen.flatMap { reference -> [HandedSocket] in
            guard let section = configuration.listeners.first(where: { $0.name == reference.name }) else { return [] }
            return section.binds.enumerated().compactMap { index, bind in
                let key = Self.key(bind, section, index)
                guard let listener = bound[key] ?? fresh[key] else { return nil }
                return HandedSocket(listener, name: reference.name)
            }
        }
    }

    /// Made once, and shared in memory by all programs that add nothing to it.
    private static func commonEnvironment(_ configuration: Configuration) -> [[UInt8]] {
        let all = configuration.environment.sorted { $0.key < $1.key }
        return ChildEnvironment.cleaned(all.map { "\($0)=\($1)".systemBytes })
    }

    /// What the files set, for all or for this service, goes before what follows from its user.
    private func environment(
        _ service: ServiceSection, _ configuration: Configuration, _ common: [[UInt8]]
    ) throws(DaemonError) -> [[UInt8]] {
        var entries = common
        if let user = service.user {
            let found: User?
            do {
                found = try User.find(user)
            } catch {
                throw DaemonError("\(service.place): cannot look up the user '\(user)': \(error)")
            }
            let kept = Set(configuration.variablesOfFiles.map(\.systemBytes))
            if let found { entries = ChildEnvironment.entries(entries, of: found, keeping: kept) }
        }
        let own = configuration.ownVariables(of: service)
        guard !own.isEmpty else { return entries }
        let names = Set(own.keys.map(\.systemBytes))
        entries.removeAll { names.contains(Array(ChildEnvironment.name(of: $0))) }
        return entries + own.sorted { $0.key < $1.key }.map { "\($0)=\($1)".systemBytes }
    }

    private func account(_ service: ServiceSection) throws(DaemonError) -> SpawnAccount? {
        do {
            return try SpawnAccount.resolve(user: service.user, group: service.group)
        } catch {
            throw DaemonError("\(service.place): \(error.description)")
        }
    }
}
