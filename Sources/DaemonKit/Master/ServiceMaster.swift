import Supervision
import Unix

/// HAProxy's master, for the children of any setup: `--workers` and masterd are this.
final class ServiceMaster: MasterHost {
    let runtime: Runtime
    let source: any MasterSource
    let wishes: MasterWishes
    let image: MasterImage
    /// To the launcher, until the first generation serves.
    let report: ReadinessReport?
    let signals: SignalPipe
    private(set) var master: Master?
    private(set) var notify: NotifySockets?
    private(set) var manager: ManagerReports?
    var outputs: ChildOutputs?
    private var retry: LogRetry?
    var leftovers: Leftovers?
    var controls: [ControlServer] = []
    /// Bound by the load that is not in force yet, and those whose last sessions are still open.
    var freshControls: [ControlServer] = []
    var retiredControls: [ControlServer] = []
    /// In force, and being brought up.
    var current: MasterSetup?
    var pending: MasterSetup?
    /// Whose children the pending setup is for.
    var pendingGeneration = 0
    var isStarting = true
    var startFailure: String?
    /// Good ones, beyond the start.
    var reloads = 0
    var startedAt = Master.now
    /// Workers accept nothing new.
    var isPaused = false
    var requests: [Requester: PendingAnswer] = [:]
    /// The alarms of those that wait for a limited time.
    var limits: [Requester: Int] = [:]
    var requestCount = 0
    /// The load that follows belongs to the upgrade that brought this image.
    var isUpgraded = false
    /// What was logged since the last attempt to load began.
    var attempt: [String] = []
    var notes: [Supervision.Child.ID: ChildNote] = [:]
    var channels: [Supervision.Child.ID: MasterChannel] = [:]
    /// Bytes of answers that have come in part.
    var heldByChannels = 0
    /// The services that have workers, in their order, as they were when one was asked for by its number.
    var workerNames: [String] = []
    var stored = DescriptorStore()
    /// Listeners that the service manager keeps, by the name that it knows.
    var kept: Set<String> = []
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)

    /// In this order when several came at once.
    static let caught: [Signal] = [.interrupt, .terminate, .user1, .hangup, .user2, .terminalOutput, .terminalInput]

    init(_ runtime: Runtime, _ wishes: MasterWishes, image: MasterImage, report: ReadinessReport?) {
        self.runtime = runtime
        self.wishes = wishes
        self.image = image
        self.report = report
        source = wishes.source
        signals = runtime.signals
    }

    /// Begins with the first generation, or goes on with what an earlier image of this process left.
    func run(resuming state: StateText? = nil) throws(DaemonError) -> Never {
        StartAbort.disarm()
        // A main process that a child names (MAINPID) may outlive the child: then its end is ours to see.
        _ = CurrentProcess.becomeSubreaper()
        let seed = UInt64.random(in: .min ... .max)
        let supervisor = state.map { Supervisor(restoring: $0, seed: seed) } ?? Supervisor(seed: seed)
        let master = try DaemonKit.attempt(.process, "cannot watch descriptors") { () throws(Errno) in
            try Master(supervisor, host: self, pipe: signals, signals: Self.caught)
        }
        self.master = master
        manager = ManagerReports(runtime.manager, master) { [runtime] in runtime.log.error($0) }
        notify = NotifySockets(
            master, room: { [unowned self] in stored.room(for: $0.service) },
            complain: { [runtime] in runtime.log.warning($0) },
            take: { [unowned self] in take($0) })
        let hear = master.beforeEnd
        master.beforeEnd = { [unowned self] child in
            hear?(child)
            hearChannel(of: child.id)
        }
        let close = master.afterEnd
        master.afterEnd = { [unowned self, unowned master] child in
            close?(child)
            // The shell that had started the main process waits for it no more.
            guard let origin = master.mains.takeOrigin(of: child.id) else { return }
            leftovers?.adopt(from: origin, isTold: false, limit: .seconds(1))
        }
        outputs = ChildOutputs(runtime.log, master: master)
        retry = LogRetry(
            master, isWaiting: { [unowned self] in isLogWaiting }, flush: { [unowned self] in flushLogs() })
        master.afterTurn = { [unowned self] in
            outputs?.serve()
            retry?.check()
        }
        leftovers = Leftovers(master)
        manager?.beat()
        if let state {
            restore(state, in: master)
        } else {
            for request in wishes.controls { controls.append(try open(request, master)) }
        }
        Signal.unblockAll()
        master.run(state == nil ? .start : .resumed)
    }

    private var isLogWaiting: Bool { runtime.log.isWaiting || outputs?.isWaiting == true }

    private func flushLogs() {
        runtime.log.flush()
        outputs?.flush()
    }

    // MARK: Loading

    func load() -> Event {
        if !isUpgraded { attempt = [] }
        isUpgraded = false
        do {
            let setup = try source.load()
            // What fails here is told by `reloadFailed`, which lets the source go back.
            try openControls(setup)
            pending = setup
            pendingGeneration = (master?.supervisor.generation ?? 0) + 1
            if isStarting, let time = setup.plan.longestStart { manager?.tell(.extendTimeout(time)) }
            return .loaded(setup.plan)
        } catch {
            return .loadFailed(error.message)
        }
    }

    func exit(_ code: Int32) -> Never {
        leftovers?.end(now: master?.supervisor.stopRequest?.urgency == .now)
        outputs?.readRest()
        notify?.removeAll()
        manager?.finish()
        for control in controls + retiredControls { control.flushAll() }
        for control in controls { control.file.remove() }
        for listener in source.listeners { listener.removeFile() }
        if isStarting { report?.failed(DaemonError(startFailure ?? "it was stopped before it was ready")) }
        runtime.end(code, isForced: false)
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
