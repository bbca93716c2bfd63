import DaemonKit
import MasterRuntime
import Supervision
import Unix

/// Server::Starter's superdaemon as a source of setups: one service of one instance, whose every attempt is a
/// generation, and whose starts are tried again until one succeeds.
final class Starter: MasterSource {
    private let settings: Settings
    private let console: Console
    private let account: SpawnAccount?
    private let environment: WorkerEnvironment
    private var sockets: [HandedSocket]
    private(set) var listeners: [Listener]
    private var envdir = EnvDir()
    private var knownMistakes: Set<String> = []

    /// `sockets` are of the listeners.
    init(_ settings: Settings, _ console: Console, _ account: SpawnAccount?, _ sockets: [(Listener, Int32?)]) {
        self.settings = settings
        self.console = console
        self.account = account
        listeners = sockets.map { $0.0 }
        self.sockets = sockets.map(Self.handed)
        environment = WorkerEnvironment(inherited: Self.inherited(settings), settings: settings)
    }

    /// What the command line calls it is its name in every protocol.
    private static func handed(_ listener: Listener, as number: Int32?) -> HandedSocket {
        HandedSocket(
            name: listener.name, address: listener.name, descriptor: listener.fileDescriptor, kind: listener.kind,
            number: number)
    }

    /// For the workers: ours, or that of their user, whose name is known to be right.
    private static func inherited(_ settings: Settings) -> [[UInt8]] {
        guard let user = settings.user.flatMap({ try? User.find($0) }) else { return Environment.entries }
        return ChildEnvironment.entries(Environment.entries, of: user)
    }

    /// The environment never changes while we run, so it is still what we were started with.
    private static func variable(_ name: String) -> String? { Environment[name] }

    // MARK: The setup

    func load() -> MasterSetup {
        var worker = Service(name: "worker", stopSignal: settings.signalOnHup.rawValue)
        switch settings.readiness {
        case .interval: worker.readiness = .alive(settings.interval)
        case .notify: worker.readiness = .notified
        }
        worker.startTimeout = settings.startTimeout ?? .seconds(30)
        if let backoff = settings.backoff {
            worker.restart.backoff.base = backoff.base
            worker.restart.backoff.maximum = backoff.maximum
        }
        worker.stopTimeout = settings.stopTimeout
        worker.watchdog = settings.watchdog
        worker.leadsGroup = settings.stopTimeout != nil
        var plan = Plan(services: [worker])
        plan.rollout = .persistent
        plan.maximumOldGenerations = settings.maxOldGenerations
        // bounded: a program is never empty
        var program = Program(executable: settings.program[0], name: settings.program[0], environment: [])
        program.arguments = Array(settings.program.dropFirst())
        program.sockets = sockets
        program.directory = settings.dir
        program.account = account
        program.hasNotifySocket = settings.readiness == .notify || settings.watchdog != nil
        program.watchdog = settings.watchdog
        program.leadsGroup = worker.leadsGroup
        program.inheritsInput = true
        // As the original leaves it: programs rely on it.
        program.ignoresPipe = true
        program.runsScripts = true
        var setup = MasterSetup(plan: plan, programs: [worker.name: program])
        readEnvdir(&setup.plan)
        return setup
    }

    /// The envdir is read again at each start, and so is its PATH.
    func renew(_ setup: inout MasterSetup) throws(Errno) -> Bool {
        guard var program = setup.programs["worker"] else { return false }
        readEnvdir(&setup.plan)
        program.environment = environment.entries(envdir: envdir.variables)
        let path = Self.path(program.environment)
        if account == nil {
            program.executable = try Spawn.find(program.name, path: path)
        } else {
            let found = try Spawn.candidates(program.name, path: path)
            program.executable = found[0]  // bounded: there is one at least
            program.alternatives = Array(found.dropFirst())
        }
        setup.programs["worker"] = program
        return true
    }

    /// What the envdir says now. A mistake in it is told once.
    private func readEnvdir(_ plan: inout Plan) {
        let path = EffectiveSettings.envdir(settings, inherited: Self.variable)
        envdir = path.map { EnvDir(reading: $0, owners: account.map { [$0.user] } ?? []) } ?? EnvDir()
        let effective = EffectiveSettings(settings, envdir: envdir, inherited: Self.variable)
        let mistakes = Set(envdir.mistakes + effective.mistakes)
        for mistake in mistakes.subtracting(knownMistakes).sorted() { console.write(mistake) }
        knownMistakes = mistakes
        plan.retireDelay = effective.killOldDelay
        plan.reloadInterval = effective.enableAutoRestart ? effective.autoRestartInterval : nil
    }

    private static func path(_ variables: [[UInt8]]) -> String? {
        let mark = Array("PATH=".utf8)
        return variables.last { $0.starts(with: mark) }.map { String(system: $0.dropFirst(mark.count)) }
    }

    // MARK: Over an exec

    var records: [StateRecord] {
        zip(listeners, sockets).map { listener, socket in
            var record = listener.record
            record[number: "wanted"] = socket.number.map(Int.init)
            return record
        }
    }

    func restore(_ state: SavedState) {
        for record in state.all("listener") {
            guard let listener = Listener(record) else { continue }
            listeners.append(listener)
            sockets.append(Self.handed(listener, as: record[number: "wanted"].flatMap { Int32(exactly: $0) }))
        }
    }
}
