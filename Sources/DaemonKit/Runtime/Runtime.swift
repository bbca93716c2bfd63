import MasterRuntime
import Synchronization
import Unix

/// Everything that lives as long as the daemon: its log, files, handlers, and how it ends.
final class Runtime: Sendable {
    let daemon: Daemon
    let values: OptionValues
    let log: Log
    let manager: ServiceManager
    let wakers = Wakers()
    let stopState: StopState
    let handlers = Handlers()
    let reloads = Reloads()
    /// What this process is of a master; nil where it is no worker.
    let role: WorkerRole?
    /// Apart from the others: a reload handler that hangs holds no stop up.
    let stopHandlers = Handlers()
    let signals: SignalPipe
    let pauseState: PauseState
    let commands = WorkerCommands()
    /// To the master; nil where this process is no worker.
    let channel: WorkerChannel?
    /// 1 for the first, as the superdaemon counts.
    let generation: Int

    private struct State {
        var pidFile: PidFile?
        var listeners: [Listener] = []
        var userHandlers: [Int32: @Sendable () -> Void] = [:]
        var health: (@Sendable () -> Bool)?
        /// Cancels the async main.
        var cancel: (@Sendable () -> Void)?
        var isReadyWhenPrepared = false
        var whenReady: (@Sendable () throws(DaemonError) -> Void)?
        /// To the launcher; nil in the foreground.
        var report: ReadinessReport?
    }

    private let state: Mutex<State>
    private let isEnding = Atomic<Bool>(false)
    private let isCleaned = Atomic<Bool>(false)
    private let isFarewellSaid = Atomic<Bool>(false)
    private let stolenSignals = StolenSignals()
    private let isReminded = Atomic<Bool>(false)
    /// Messages in a row that did not reach the service manager.
    private let unheard = Atomic(0)
    let stopRequested = Atomic<Bool>(false)

    init(
        daemon: Daemon, values: OptionValues, log: Log, manager: ServiceManager, signals: SignalPipe,
        pidFile: PidFile?, report: ReadinessReport?, generation: Int, role: WorkerRole?
    ) {
        self.daemon = daemon
        self.values = values
        self.log = log
        self.signals = signals
        self.generation = generation
        self.role = role
        state = Mutex(State(pidFile: pidFile, report: report))
        stopState = StopState(wakers)
        pauseState = PauseState(isPaused: role?.isPaused ?? false, wakers)
        let channel = role.map { [commands] in WorkerChannel($0.channel, commands: commands, log: log) }
        self.channel = channel
        self.manager = if role?.hearsReports == true, let channel { manager.over(channel) } else { manager }
        reloads.setReport { [weak self] in self?.tell($0) }
        if let role { commands.setBuiltIn(BuiltInCommands(self, worker: role.number).all) }
    }

    // MARK: What the context registers

    var listeners: [Listener] { state.withLock(\.listeners) }
    func add(_ listeners: [Listener]) { state.withLock { $0.listeners += listeners } }
    var pidFile: PidFile? { state.withLock(\.pidFile) }
    func replace(_ pidFile: PidFile) { state.withLock { $0.pidFile = pidFile } }
    func setHealth(_ body: @escaping @Sendable () -> Bool) { state.withLock { $0.health = body } }
    var isHealthy: Bool { state.withLock(\.health)?() ?? true }
    func setCancel(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.cancel = body } }
    func cancelMain() { state.withLock(\.cancel)?() }

    func onUserSignal(_ signal: Signal, _ body: @escaping @Sendable () -> Void) {
        // A master's word for a soft stop.
        if signal == .user1 && channel != nil { return }
        state.withLock { $0.userHandlers[signal.rawValue] = body }
        signals.catches(signal)
    }

    func runUserHandler(_ signal: Signal) {
        guard let body = state.withLock({ $0.userHandlers[signal.rawValue] }) else {
            return log.warning("received \(signal), for which this daemon has no handler")
        }
        handlers.run(body)
    }

    // MARK: Readiness

    /// Keeps what tells the launcher and the service manager, until somebody calls `ready`.
    func setWhenReady(_ body: @escaping @Sendable () throws(DaemonError) -> Void) {
        state.withLock { $0.whenReady = body }
    }

    /// The first call tells; the others are nothing.
    func ready() throws(DaemonError) {
        let body = state.withLock { state in
            defer { state.whenReady = nil }
            return state.whenReady
        }
        try body?()
        if body != nil { reloads.daemonIsReady() }
    }

    /// The service manager must hear of it, or this start has failed; but where there is no manager nobody waits.
    func tellReady() throws(DaemonError) {
        do throws(ServiceManager.Failure) {
            try manager.tell(.ready(version: daemon.version))
        } catch {
            guard case .unreachable = error else { throw DaemonError("\(error)") }
            log.warning("\(error)")
        }
    }

    /// The service manager is told, or the log.
    func tell(_ message: ManagerMessage) {
        do {
            try manager.tell(message)
            unheard.store(0, ordering: .relaxed)
        } catch {
            // One that hears nothing for long is told of less and less.
            let count = unheard.add(1, ordering: .relaxed).newValue
            if count & (count - 1) == 0 { log.warning("\(error)\(count > 1 ? " (\(count) messages lost)" : "")") }
        }
    }

    /// Whether nobody has been told yet.
    var isStarting: Bool { state.withLock { $0.whenReady != nil } }

    /// Who says that the daemon serves, where it leaves that open.
    func decideReadiness(hasPrepare: Bool) {
        let isPrepared = daemon.readiness == .prepared || daemon.readiness == .automatic && hasPrepare
        state.withLock { $0.isReadyWhenPrepared = isPrepared }
    }

    /// Signals are taken by their thread from here on; then whoever waits is told.
    func goLive(_ keeper: Keeper?) throws(DaemonError) {
        StartAbort.disarm()
        try SignalThread(runtime: self).start()
        keeper?.serves()
        if state.withLock(\.isReadyWhenPrepared) { try ready() }
    }

    /// Says which signals somebody else has taken.
    func lookAtSignals() {
        guard signals.isConnected else { return }
        for text in stolenSignals.look() { log.warning("\(text)") }
    }

    /// Main waits for its end. Where it has not said that it serves, this may be forgotten: a start that takes its
    /// time-out long is told at once what it lacks.
    func mainWaits() {
        lookAtSignals()
        guard isStarting, daemon.readiness == .automatic, !isReminded.exchange(true, ordering: .relaxed) else { return }
        log.notice("main waits, and has not called ready() yet: until then this start is not over")
    }

    private func tell(_ report: Reloads.Report) {
        switch report {
        case .begins: tell(.reloading)
        case .failed(let error): log.error("reload: \(error)")
        case .ended(let failure):
            guard !isAskedToStop else { return }
            // READY=1 ends every reload, sd_notify(3): only the status can say that it failed.
            tell(failure.map { .ready(status: "Reload failed: \($0)") } ?? .ready())
        }
    }

    // MARK: The end

    /// The phase is entered at once; handlers run beside the caller, and the async main is cancelled after them.
    func enter(_ phase: StopPhase) {
        stopHandlers.enqueue { [self] in
            let due = stopState.enter(phase)
            return { [self] in
                for body in due { body() }
                let cancels = daemon.cancelsMain
                if phase == .stopping && cancels == .atStop || phase == .draining && cancels == .atDrain {
                    cancelMain()
                }
            }
        }
    }

    /// Once, the last line of the log.
    func sayFarewell() {
        guard !isFarewellSaid.exchange(true, ordering: .relaxed) else { return }
        log.notice("\(daemon.name) daemon shutdown")
    }

    /// Removes what the start made and says good-bye, once; safe to call from any thread and from exit(3).
    func cleanUp() {
        guard !isCleaned.exchange(true, ordering: .relaxed) else { return }
        for listener in listeners { listener.removeFile() }
        sayFarewell()
        log.finish()
        state.withLock(\.pidFile)?.remove()
    }

    /// The one end of the process; a second caller waits for the first one's. `isForced` ends beside a running main,
    /// whose exit handlers could then trip over it.
    func end(_ code: Int32, isForced: Bool) -> Never {
        // What the author registered for the stop is done before the end; the grace period still limits it.
        if !isForced { stopHandlers.waitUntilIdle() }
        guard !isEnding.exchange(true, ordering: .relaxed) else { waitForEnd() }
        cleanUp()
        if isForced { CurrentProcess.exitNow(code) }
        CurrentProcess.exit(code)
    }

    private func waitForEnd() -> Never {
        while true { Poll.pause(.seconds(3600)) }
    }

    /// What `main` ends with.
    func mainEnded(_ error: (any Error)?) -> Never {
        let code = stopCode.load(ordering: .relaxed)
        // A cancelled async main throws CancellationError: that is a graceful stop.
        if let error, !(code >= 0 && error is CancellationError) {
            let wrapped = DaemonError(wrapping: error)
            log.error("\(wrapped)")
            failStart(wrapped)
            end(wrapped.exitStatus == 0 ? 1 : wrapped.exitStatus, isForced: false)
        }
        if isStarting { failStart(DaemonError(.process, "main returned, and had not called ready()")) }
        end(max(0, code), isForced: false)
    }

    /// What `prepare` has thrown, or what came after it: one line for the caller and one for the log, and nothing is left.
    func endStart(_ error: DaemonError) -> Never {
        StandardStreams.flush()
        StartAbort.removeFiles()
        log.error("\(Launcher.message(error))")
        cleanUp()
        state.withLock(\.report)?.failed(error)
        CurrentProcess.exitNow(error.exitStatus == 0 ? 1 : error.exitStatus)
    }

    private func failStart(_ error: DaemonError) {
        guard isStarting else { return }
        state.withLock(\.report)?.failed(error)
    }

    var isAskedToStop: Bool { stopCode.load(ordering: .relaxed) >= 0 }

    /// -1 while nobody asked to stop; then 0, or 130 for an interrupt.
    let stopCode = Atomic<Int32>(-1)
}
