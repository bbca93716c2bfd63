import Supervision
import Unix

/// `--workers N` of any daemon: this process holds the sockets and the pid file, and N processes of the same executable
/// run the daemon's main.
final class Workers: MasterHost {
    private let runtime: Runtime
    private let image: MasterImage
    private let count: Int
    private let notify: NotifySocket
    /// Its other end is closed with this process: so workers notice.
    private let lifeline: Pipe
    /// Where relative paths of the command line count from.
    private let folder: String
    private let report: ReadinessReport?
    private var isStarting = true
    private var startFailure: String?
    private var master: Master?
    private var control: ControlServer?
    private var requests: [Requester: (String) -> Void] = [:]
    private var requestCount = 0
    private var reloads = 0

    /// How long an interrupt waits for workers.
    private static let patience = Duration.seconds(2)

    /// In this order when several came at once.
    private static let signals: [Signal] = [.interrupt, .terminate, .user1, .hangup, .user2]

    init(_ runtime: Runtime, count: Int, image: MasterImage, folder: String, report: ReadinessReport?)
        throws(DaemonError)
    {
        self.runtime = runtime
        self.count = count
        self.image = image
        self.folder = folder
        self.report = report
        notify = try NotifySocket()
        lifeline = try attempt(.process, "cannot make a pipe", FileDescriptor.pipe)
    }

    func run(control socket: String?) throws(DaemonError) -> Never {
        let bound = try socket.map { path throws(DaemonError) in try ControlServer.bind(path) }
        StartAbort.disarm()
        let master = try attempt(.process, "cannot watch descriptors") { () throws(Errno) in
            let master = try Master(Supervisor(), host: self, pipe: runtime.signals, signals: Self.signals)
            try master.watch(notify.descriptor) { [notify, unowned master] in notify.read(for: master) }
            if let bound { control = try ControlServer(bound.descriptor, file: bound.file, master: master) }
            return master
        }
        self.master = master
        control?.add(commands)
        Signal.unblockAll()
        master.run(.start)
    }

    // MARK: MasterHost

    func load() -> Event {
        var worker = Service(name: "worker", stopSignal: Signal.terminate.rawValue)
        worker.instances = count
        worker.readiness = .notified
        worker.startTimeout = runtime.values[StandardOption.startTimeout]
        worker.restart.when = .onFailure
        worker.restart.backoff.maximum = .seconds(30)
        worker.restart.backoff.jitter = 10
        // The worker keeps its own grace period; this is for one that hangs beyond it.
        worker.stopTimeout = runtime.daemon.gracePeriod + .seconds(5)
        return .loaded(Plan(services: [worker]))
    }

    func spawn(_ child: Supervision.Child) throws(Errno) -> ProcessID {
        var spawn = Spawn(image.path, Array(CommandLine.arguments.dropFirst()))
        spawn.name = CommandLine.arguments.first
        let listeners = runtime.listeners
        let last = Int32(3 + listeners.count)
        spawn.descriptors = listeners.enumerated().map { (Int32(3 + $0), $1.fileDescriptor) }
        spawn.descriptors.append((last, lifeline.read.number))
        var variables = [
            "NOTIFY_SOCKET=\(notify.address)", "DAEMONKIT_GENERATION=\(child.generation)",
            "\(WorkerRole.variable)=\(child.instance + 1) \(last)",
        ]
        if !listeners.isEmpty {
            let names = listeners.map { $0.name.contains(":") ? "unknown" : $0.name }.joined(separator: ":")
            variables += ["LISTEN_FDS=\(listeners.count)", "LISTEN_FDNAMES=\(names)"]
            spawn.pidVariable = "LISTEN_PID"
        }
        spawn.environment = Environment.entries + variables.map { Array($0.utf8) }
        spawn.directory = (try? FileStatus(following: folder))?.kind == .directory ? folder : "/"
        return try spawn.start()
    }

    func received(_ signal: Signal) {
        switch signal {
        case .terminate: master?.send(.stop(StopRequest(.graceful, cause: signal.rawValue)))
        case .interrupt:
            let request = StopRequest(
                .now, signal: signal.rawValue, timeout: Self.patience, cause: signal.rawValue, exitCode: 130)
            master?.send(.stop(request))
        case .user1: master?.send(.stop(StopRequest(.soft, signal: Signal.terminate.rawValue, cause: signal.rawValue)))
        case .hangup: reopen()
        default: master?.send(.reload(nil))
        }
    }

    /// SIGHUP is for every process of the daemon: each reopens its log and runs its reload handlers.
    private func reopen() {
        _ = runtime.signals.takeReopenOnly()
        runtime.log.reopen()
        for child in serving { try? Signal.hangup.send(to: child.pid) }
    }

    private var serving: [Supervision.Child] {
        (master?.supervisor.children.values.filter { $0.phase == .ready } ?? []).sorted { $0.instance < $1.instance }
    }

    func prove() { master?.send(.unproven("a daemon's master is replaced by a restart; 'reload' starts new workers")) }
    func exec() -> String { "not supported" }

    func answer(_ requester: Requester, _ answer: Answer) {
        let text =
            switch answer {
            case .done: "Success=1\n"
            case .failed(let failure): "Success=0\n--\n\(failure.text)\n"
            }
        requests.removeValue(forKey: requester)?(text)
    }

    func report(_ report: Report) {
        let log = runtime.log
        switch report {
        case .starting(let child): log.notice("New worker (\(child.pid)) started")
        case .accepted(let child): log.debug("worker \(child.pid) is ready")
        case .failedToStart(let child, let failure):
            if isStarting { startFailure = "worker \(child.instance + 1): \(failure.text)" }
            log.error("worker \(child.pid == 0 ? "" : "\(child.pid) ")failed to start: \(failure.text)")
        case .died(let child, let ending, let restarts):
            log.warning(
                "Current worker (\(child.pid)) exited with code \(ending.described)\(restarts ? ", restarting it" : "")"
            )
        case .formerDied(let child, let ending), .ended(let child, let ending):
            log.notice("Former worker (\(child.pid)) exited with code \(ending.described)")
        case .gaveUp(let child): log.error("worker \(child.instance + 1) fails again and again, giving up")
        case .killing(let child): log.warning("worker \(child.pid) does not end, sending SIGKILL")
        case .reloading:
            runtime.manager.reloading()
            log.notice("Reloading: starting new workers")
        case .reloaded:
            becameReady()
            runtime.manager.ready()
            log.notice("Loading success.")
        case .reloadFailed(let failure):
            if !isStarting { runtime.manager.ready() }
            log.error("Loading failure: \(failure.text)")
        case .stopping: runtime.manager.stopping()
        case .succeeded, .retiring, .upgradeFailed, .changed: break
        }
    }

    private func becameReady() {
        guard isStarting else {
            reloads += 1
            return
        }
        isStarting = false
        try? report?.ready()
    }

    func exit(_ code: Int32) -> Never {
        control?.file.remove()
        if isStarting && startFailure != nil {
            report?.failed(DaemonError(startFailure ?? "its workers did not start"))
        }
        runtime.end(code, isForced: false)
    }

    // MARK: Control socket

    private var commands: [ControlCommand] {
        [
            ControlCommand("show version", "the version of the daemon") { [runtime] _, _, answer in
                answer("\(runtime.daemon.name) \(runtime.daemon.version)\n")
            },
            ControlCommand("show proc", "the master and its workers") { [unowned self] _, _, answer in
                guard let master else { return answer("") }
                answer(ProcessTable(master.supervisor, reloads: reloads, version: runtime.daemon.version).text)
            },
            ControlCommand("reload", "start new workers, then end the old ones", level: .operator) {
                [unowned self] _, session, answer in
                requestCount += 1
                requests[requestCount] = answer
                session.requester = requestCount
                master?.send(.reload(requestCount))
            },
        ]
    }
}

/// What a worker knows of its master, by an internal variable.
struct WorkerRole {
    static let variable = "DAEMONKIT_WORKER"

    /// From 1 on.
    let number: Int
    /// At its end when the master is gone.
    let lifeline: Int32

    /// Takes the variable out of the environment.
    static func take() -> WorkerRole? {
        let words = (Environment.take(variable) ?? "").split(separator: " ")
        guard words.count == 2, let number = Int(words[0]), let lifeline = Int32(words[1]), Descriptor.isOpen(lifeline)
        else { return nil }
        try? Descriptor.setCloseOnExec(lifeline, true)
        return WorkerRole(number: number, lifeline: lifeline)
    }
}
