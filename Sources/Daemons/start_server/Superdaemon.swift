import DaemonKit
import Supervision
import Unix

/// Server::Starter's superdaemon as one configuration of the engine: one service of one instance, whose every attempt
/// is a generation, and whose starts are tried again until one succeeds.
final class Superdaemon: MasterHost {
    let settings: Settings
    let console: Console
    let image: MasterImage
    let sockets: [BoundSocket]
    let pidFile: PidFile?
    let log: LogOutput?
    let statusFile: StatusFile?
    private(set) var notify: NotifySockets?
    private let boundControl: (descriptor: Int32, file: OwnedFile)?
    /// Who waits for the first worker.
    var report: ReadinessReport?
    private let serviceManager: ServiceManager
    private(set) var manager: ManagerReports?
    private(set) var master: Master?
    private let environment: WorkerEnvironment
    private let inherited: (String) -> String?
    private let account: SpawnAccount?
    private var envdir = EnvDir()
    private var knownMistakes: Set<String> = []
    private var requests: [Requester: (String) -> Void] = [:]
    private var requestCount = 0
    private var stopAsked: MonotonicTime?
    private(set) var control: ControlServer?
    private var retry: LogRetry?
    private(set) var exitCode: Int32 = 0

    /// In this order when several came at once: a stop goes before anything else.
    static let signals: [Signal] = [.terminate, .interrupt, .quit, .user1, .hangup, .user2]

    struct Parts {
        var sockets: [BoundSocket] = []
        var pidFile: PidFile?
        var log: LogOutput?
        var statusFile: StatusFile?
        var control: (descriptor: Int32, file: OwnedFile)?
        var report: ReadinessReport?
        var account: SpawnAccount?
    }

    init(_ settings: Settings, _ image: MasterImage, _ console: Console, _ manager: ServiceManager, _ parts: Parts) {
        self.settings = settings
        self.image = image
        self.console = console
        serviceManager = manager
        sockets = parts.sockets
        pidFile = parts.pidFile
        log = parts.log
        statusFile = parts.statusFile
        boundControl = parts.control
        report = parts.report
        account = parts.account
        // The environment never changes while we run, so it is still what we were started with.
        inherited = { Environment[$0] }
        let numbers = BoundSocket.numbers(of: parts.sockets)
        let passed = zip(parts.sockets, numbers).map { socket, number in
            WorkerEnvironment.PassedSocket(key: socket.key, descriptor: number, kind: socket.kind)
        }
        environment = WorkerEnvironment(
            inherited: Self.inherited(settings), settings: settings, sockets: passed)
    }

    /// For the workers: ours, or that of their user, whose name is known to be right.
    private static func inherited(_ settings: Settings) -> [[UInt8]] {
        guard let user = settings.user.flatMap({ try? User.find($0) }) else { return Environment.entries }
        return ChildEnvironment.entries(Environment.entries, of: user)
    }

    func run(_ supervisor: Supervisor, _ pipe: SignalPipe, _ first: Event, state: StateText? = nil) throws(ExitError)
        -> Never
    {
        let master: Master
        do {
            master = try Master(supervisor, host: self, pipe: pipe, signals: Self.signals)
            self.master = master
            manager = ManagerReports(serviceManager, master) { [console] in console.write($0) }
        } catch {
            throw ExitError("cannot watch descriptors", error)
        }
        if settings.readiness == .notify || state?.first("notifyDirectory") != nil { listenToWorkers(master) }
        if let bound = boundControl { control = try makeControl(bound.descriptor, bound.file, master) }
        log?.startCommand(in: master)
        retry = LogRetry(master, isWaiting: { [console] in console.isWaiting }, flush: { [console] in console.flush() })
        master.afterTurn = { [unowned self] in retry?.check() }
        manager?.beat()
        if let state {
            notify?.restore(state)
            manager?.restore(state)
            control?.restore(state, expect: expect)
            master.resume(state)
        }
        master.run(first)
    }

    private func listenToWorkers(_ master: Master) {
        notify = NotifySockets(master) { [console] in
            console.write($0)
        } take: { [unowned master] in
            if $0.message.isReady { master.send(.ready(pid: $0.child.pid)) }
        }
    }

    // MARK: The plan

    private var plan: Plan {
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
        worker.leadsGroup = settings.stopTimeout != nil
        var plan = Plan(services: [worker])
        plan.rollout = .persistent
        plan.maximumOldGenerations = settings.maxOldGenerations
        let effective = readEnvdir()
        plan.retireDelay = effective.killOldDelay
        plan.reloadInterval = effective.enableAutoRestart ? effective.autoRestartInterval : nil
        return plan
    }

    /// What the envdir says now. A mistake in it is told once.
    private func readEnvdir() -> EffectiveSettings {
        let path = EffectiveSettings.envdir(settings, inherited: inherited)
        envdir = path.map { EnvDir(reading: $0, owners: account.map { [$0.user] } ?? []) } ?? EnvDir()
        let effective = EffectiveSettings(settings, envdir: envdir, inherited: inherited)
        let mistakes = Set(envdir.mistakes + effective.mistakes)
        for mistake in mistakes.subtracting(knownMistakes).sorted() { console.write(mistake) }
        knownMistakes = mistakes
        return effective
    }

    // MARK: MasterHost

    func load() -> Event { .loaded(plan) }

    func spawn(_ child: Supervision.Child) throws(Errno) -> NewProcess {
        let effective = readEnvdir()
        master?.adjust(
            retireDelay: effective.killOldDelay,
            reloadInterval: effective.enableAutoRestart ? effective.autoRestartInterval : nil)
        let address = try notifyAddress(child)
        let variables = environment.entries(
            generation: child.generation, envdir: envdir.variables, notifySocket: address)
        let name = settings.program[0]  // bounded: a program is never empty
        do {
            return try spawn(try Spawn.find(name, path: Self.path(variables)), variables)
        } catch {
            console.write("failed to exec \(name): \(error)")
            notify?.close(child.id)
            throw error
        }
    }

    private func notifyAddress(_ child: Supervision.Child) throws(Errno) -> String? {
        guard settings.readiness == .notify else { return nil }
        do {
            return try notify?.open(for: child.id, account: account)
        } catch {
            console.write("cannot make the notification socket: \(error)")
            throw error
        }
    }

    func cannotExecute(_ failure: SpawnFailure) {
        if let folder = settings.dir, failure.step == .directory {
            console.write("failed to chdir:\(folder):\(failure.errno)")
        } else {
            // bounded: a program is never empty
            console.write("failed to exec \(settings.program[0]): \(failure.errno)")
        }
    }

    func gaveUp(_ pids: [ProcessID]) {
        for pid in pids { console.write("worker \(pid) does not end after KILL, leaving it behind") }
    }

    private func spawn(_ path: String, _ variables: [[UInt8]]) throws(Errno) -> NewProcess {
        var spawn = Spawn(path, Array(settings.program.dropFirst()))
        spawn.name = settings.program[0]  // bounded: a program is never empty
        spawn.environment = variables
        spawn.pidVariable = environment.pidVariable
        spawn.descriptors = zip(BoundSocket.numbers(of: sockets), sockets).map { ($0, $1.descriptor) }
        spawn.directory = settings.dir
        spawn.leadsGroup = settings.stopTimeout != nil
        // As the original leaves it: programs rely on it.
        spawn.ignoresPipe = true
        spawn.account = account
        spawn.runsScripts = true
        return try spawn.begin()
    }

    private static func path(_ variables: [[UInt8]]) -> String? {
        let mark = Array("PATH=".utf8)
        return variables.last { $0.starts(with: mark) }.map {
            String(decoding: $0.dropFirst(mark.count), as: UTF8.self)
        }
    }

    func received(_ signal: Signal) {
        switch signal {
        case .hangup: master?.send(.reload(nil))
        case .user1:
            log?.reopen()
        case .user2: master?.send(.upgrade(nil))
        case .terminate:
            let request = StopRequest(
                .graceful, signal: settings.signalOnTerm.rawValue, cause: signal.rawValue)
            master?.send(.stop(request))
        default: interrupt(signal)
        }
    }

    /// The first asks, and one that comes a while later insists: workers that ignore TERM do not hold the stop for ever.
    private func interrupt(_ signal: Signal) {
        let isAgain = stopAsked.map { MonotonicTime.now - $0 > .seconds(1) } ?? false
        let urgency: StopRequest.Urgency = isAgain ? .now : .graceful
        let number = (isAgain ? Signal.kill : .terminate).rawValue
        master?.send(.stop(StopRequest(urgency, signal: number, cause: signal.rawValue)))
    }

    func answer(_ requester: Requester, _ answer: Answer) {
        requests.removeValue(forKey: requester)?(text(answer))
    }

    /// Hands a request of a control session to the engine, and its answer back.
    func request(
        _ session: ControlSession, _ answer: @escaping (String) -> Void, _ event: (Requester) -> Event
    ) {
        requestCount += 1
        requests[requestCount] = answer
        session.requester = requestCount
        master?.send(event(requestCount))
    }

    /// Whoever made it has gone.
    func forget(_ requester: Requester) { requests[requester] = nil }

    /// A request that was made to an earlier image of this process.
    func expect(_ requester: Requester, _ answer: @escaping (String) -> Void) {
        requestCount = min(max(requestCount, requester), Int.max / 2)
        requests[requester] = answer
    }

    func report(_ report: Report) {
        if let line = line(for: report) { console.write(line) }
        switch report {
        case .accepted: becameReady()
        case .changed: writeStatus()
        case .reloading: manager?.tell(.reloading)
        case .reloaded: manager?.tell(.ready())
        case .stopping:
            stopAsked = stopAsked ?? .now
            manager?.tell(.stopping)
        case .upgradeFailed(let reason): UpgradeAnswer.send("failed \(reason)", pidFile: settings.pidFile)
        case .failedToStart(_, let failure): firstStartFailed(failure)
        default: break
        }
    }

    private func becameReady() {
        guard let report else { return }
        self.report = nil
        // Without its launcher nobody waits for it, but the worker serves.
        try? report.ready()
    }

    /// Somebody waits for the truth about this start: it has failed, and nothing is left behind.
    private func firstStartFailed(_ failure: StartFailure) {
        guard let report else { return }
        self.report = nil
        report.failed(DaemonError("the first worker failed to start (\(text(failure)))"))
        exitCode = 1
        master?.send(.stop(StopRequest(.now, cause: Signal.terminate.rawValue)))
    }

    private func writeStatus() {
        guard let statusFile, let master else { return }
        let serving = master.supervisor.children.values.filter { $0.readyAt != nil }
        do {
            try statusFile.write(serving.map { ($0.generation, $0.pid) }.sorted { $0.0 < $1.0 })
        } catch {
            console.write("cannot write status file \(settings.statusFile ?? ""): \(error)")
        }
    }

    /// The original's code for a stop is 0, however the workers took it.
    func exit(_ code: Int32) -> Never {
        console.write("exiting")
        control?.flushAll()
        for file in sockets.compactMap(\.file) { file.remove() }
        control?.file.remove()
        statusFile?.remove()
        notify?.removeAll()
        manager?.finish()
        log?.finish()
        // Last: whoever waits for its lock finds everything else done.
        pidFile?.remove()
        CurrentProcess.exitNow(exitCode)
    }
}
