import DaemonCore
import Supervision
import Unix

/// What a front end of the engine does for it: start_server's, masterd's, or a daemon's with workers.
package protocol MasterHost: AnyObject {
    /// The answer to `Action.load`: `.loaded` or `.loadFailed`.
    func load() -> Event
    /// Throws what kept it from making the child; nothing in it waits for the child.
    func spawn(_ child: Supervision.Child) throws(Errno) -> NewProcess
    /// A child that `spawn` made did not come to its program; the report of it follows.
    func cannotExecute(_ pid: ProcessID, _ failure: SpawnFailure)
    /// A stop goes on without these, which do not end although they were killed.
    func gaveUp(_ pids: [ProcessID])
    func report(_ report: Report)
    func answer(_ requester: Requester, _ answer: Answer)
    /// The answer comes by `Master.send`: `.proven` or `.unproven`.
    func prove()
    /// Returns when it failed, with the reason.
    func exec() -> String
    /// One of the signals that the master was made for; not SIGCHLD.
    func received(_ signal: Signal)
    /// A SIGHUP that came with the wish that logs are reopened, and nothing else.
    func reopenLogs()
    /// A SIGTERM that does not insist where a stop is under way.
    func stopMildly()
    /// Everything has ended.
    func exit(_ code: Int32) -> Never
}

extension MasterHost {
    package func reopenLogs() { received(.hangup) }
    package func stopMildly() { received(.terminate) }
    package func cannotExecute(_ pid: ProcessID, _ failure: SpawnFailure) {}
    package func gaveUp(_ pids: [ProcessID]) {}
}

/// Work of many sources that is done a moment at a time, so that events do not wait for it.
package protocol BackgroundWork: AnyObject {
    /// Nothing is left to be done.
    var isIdle: Bool { get }
    /// Goes on for a moment.
    func work()
}

/// The runtime around the engine: one thread, one loop, which hands in what happens and does what the engine says.
///
/// It runs nobody's code, so it may wait for any child; strangers (as process 1, or before an exec) are reaped silently.
package final class Master {
    package private(set) var supervisor: Supervisor
    /// Set before the first event.
    package var host: (any MasterHost)?
    private let signals: SignalPipe
    private let caught: [Signal]
    /// What is done a moment at a time, between events.
    private var background: [any BackgroundWork] = []
    private var poller: Poller
    private var readers: [Int32: () -> Void] = [:]
    /// The timer that ends the wait for those who were killed.
    var lastWait: Int?
    /// Of the children that are on their way to their programs.
    var executions: [ProcessID: ExecReport] = [:]
    /// Children of the front end itself, which the engine does not know.
    private var helpers: [ProcessID: (TerminationStatus) -> Void] = [:]
    private(set) lazy var mains = MainProcesses(self)
    /// Called before the engine is told of a child's end: what it said last counts.
    package var beforeEnd: ((Supervision.Child) -> Void)?
    /// Called when the child is in the engine's table no more.
    package var afterEnd: ((Supervision.Child) -> Void)?
    /// Called when what came with one wait was handed on: for work of many sources that share a limited time.
    package var afterTurn: (() -> Void)?
    private var timers = DeadlineQueue<Int>()
    private var timerBodies: [Int: () -> Void] = [:]
    private var timerCount = 0
    private var events: [Event] = []
    private var isWorking = false

    /// `signals` are handed on in this order when several came at once; `pipe` may have caught them before.
    package init(
        _ supervisor: Supervisor, host: (any MasterHost)? = nil, pipe: SignalPipe, signals caught: [Signal]
    ) throws(Errno) {
        self.supervisor = supervisor
        self.host = host
        self.caught = caught
        signals = pipe
        poller = try Poller()
        for signal in caught + [.child] { pipe.catches(signal) }
        try watch(pipe.descriptor) { [unowned self] in takeSignals() }
    }

    /// From now on it is done between events; kept for as long as the master lives.
    package func add(_ work: any BackgroundWork) { background.append(work) }

    /// Never returns: ends by the host's `exit`, or by an exec.
    package func run(_ first: Event) -> Never {
        send(first)
        reap()
        while true {
            let due = background.allSatisfy(\.isIdle) ? nextDue() : Self.now
            serve(due.map { $0 - Self.now })
            fireTimers()
            for work in background { work.work() }
            guard let due = supervisor.nextDeadline(), due <= Self.now else { continue }
            // The wait may have been interrupted, or what came out of it may have taken long: what died in its last
            // moment is dead, and who got ready in it is ready.
            serve(.zero)
            send(.timer)
        }
    }

    private func serve(_ timeout: Duration?) {
        let count = (try? poller.wait(timeout)) ?? 0
        // bounded: as many events as were counted
        for index in 0..<count { readers[poller.event(index).descriptor]?() }
        afterTurn?()
    }

    /// Nothing but `timer` meets a deadline: several that have ended are told one after the other.
    private func time(of event: Event) -> Instant {
        let now = Self.now
        guard event != .timer, let due = supervisor.nextDeadline(), due <= now else { return now }
        return due + .nanoseconds(-1)
    }

    package static var now: Instant { Instant(nanoseconds: MonotonicTime.now.nanoseconds) }

    private func nextDue() -> Instant? {
        guard let deadline = supervisor.nextDeadline() else { return timers.next() }
        return timers.next().map { min($0, deadline) } ?? deadline
    }

    /// Changes the engine between two events.
    package func adjust(retireDelay: Duration, reloadInterval: Duration?) {
        supervisor.adjust(retireDelay: retireDelay, reloadInterval: reloadInterval, at: Self.now)
    }

    /// A child of an earlier image that its state did not tell of.
    package func adopt(pid: ProcessID) { supervisor.adopt(pid: pid, at: Self.now) }

    // MARK: Events and actions

    /// Hands an event to the engine, and does what it says; also while it is doing so.
    package func send(_ event: Event) {
        events.append(event)
        guard !isWorking else { return }
        isWorking = true
        var index = 0
        while index < events.count {
            let event = events[index]
            index += 1
            for action in supervisor.handle(event, at: time(of: event)) { perform(action) }
        }
        events.removeAll(keepingCapacity: true)
        isWorking = false
    }

    private func perform(_ action: Action) {
        guard let host else { return }
        switch action {
        case .load: events.append(host.load())
        case .spawn(let child): events.append(begin(child))
        case .signal(let pid, let signal, let group):
            deliver(Signal(rawValue: signal), to: pid, group: group)
            if signal == Signal.kill.rawValue, supervisor.stopRequest != nil { limitStop() }
        case .answer(let requester, let answer): host.answer(requester, answer)
        case .prove: host.prove()
        case .exec: events.append(.execFailed(host.exec()))
        case .report(let report):
            if case .stopping = report { limitStop() }
            host.report(report)
        case .exit(let code): host.exit(code)
        }
    }

    /// To a child, the main process that it named, or the process group of either: nobody else can be meant.
    ///
    /// A zombie that is not reaped yet takes the signal without a word.
    package func deliver(_ signal: Signal, to pid: ProcessID, group: Bool = false) {
        if mains.signal(pid, signal, group: group) { return }
        if !group || Unix.Child.isUnreaped(pid) {
            try? Unix.Child.send(signal, to: pid, group: group)
        } else {
            try? Unix.Child.send(signal, toGroupOf: pid, witnesses: CurrentProcess.children)
        }
    }

    // MARK: Sources of events

    /// Calls `body` whenever the descriptor is readable, or at its end.
    package func watch(_ descriptor: Int32, _ body: @escaping () -> Void) throws(Errno) {
        try poller.add(descriptor, .read)
        readers[descriptor] = body
    }

    /// What is waited for at a descriptor that is watched already; `body` is called for either.
    package func watch(_ descriptor: Int32, reading: Bool, writing: Bool) throws(Errno) {
        try poller.change(descriptor, (reading ? Poller.Interest.read : []).union(writing ? .write : []))
    }

    package func unwatch(_ descriptor: Int32) {
        poller.remove(descriptor)
        readers[descriptor] = nil
    }

    /// Calls `body` once, after `delay`; the number is for `cancel`.
    @discardableResult
    package func after(_ delay: Duration, _ body: @escaping () -> Void) -> Int {
        timerCount += 1
        timers.set(timerCount, Self.now + delay)
        timerBodies[timerCount] = body
        return timerCount
    }

    package func cancel(_ timer: Int) {
        timers.set(timer, nil)
        timerBodies[timer] = nil
    }

    private func fireTimers() {
        let now = Self.now
        // One after the other, since one may cancel the next.
        while let timer = timers.popDue(at: now) { timerBodies.removeValue(forKey: timer)?() }
    }

    /// A child of the front end itself; `ended` is called when it was reaped.
    package func adopt(helper pid: ProcessID, ended: @escaping (TerminationStatus) -> Void) { helpers[pid] = ended }

    func isHelper(_ pid: ProcessID) -> Bool { helpers[pid] != nil }

    private func takeSignals() {
        signals.drain()
        if signals.takeReopenOnly() { host?.reopenLogs() }
        if signals.takeMildStop() { host?.stopMildly() }
        for signal in caught where signals.take(signal) { host?.received(signal) }
        if signals.take(.child) { reap() }
    }

    package func reap() {
        while let (pid, status, raw) = Unix.Child.reapAny() {
            let ending = TerminationStatus(status, raw: raw)
            readExecution(of: pid, isReaped: true)
            if let ended = helpers.removeValue(forKey: pid) {
                ended(ending)
            } else {
                bury(pid, ending)
            }
        }
    }

    /// It has ended: a child of ours that was reaped, or a main process of one.
    func bury(_ pid: ProcessID, _ ending: TerminationStatus) {
        let child = supervisor.child(withPID: pid)
        // What it said last may name its successor.
        if let child { beforeEnd?(child) }
        mains.reaped(pid)
        send(.exited(pid: pid, ending))
        if let child, supervisor.children[child.id] == nil { afterEnd?(child) }
    }

    // MARK: Exec

    /// Replaces this process by `image`, which gets `state` and the descriptors in `kept`; returns why that failed.
    /// No signal is lost: those that wait are in the state, those to come are blocked until the image is ready for them.
    package func exec(_ image: MasterImage, kept: [Int32], state: () -> [StateRecord]) -> String {
        Signal.blockAll()
        defer { Signal.unblockAll() }
        let pending = takePending()
        // What we have raised goes over the exec, too: the next image would take it for the caller's.
        var limits = StateRecord("limits")
        limits[number: "openFiles"] = Limits.openFilesOfCaller
        let records = supervisor.records + state() + executionRecords + [limits, pending]
        let reason = image.execute(SavedState(records), kept: kept + executions.values.map(\.descriptor))
        // Still here: what was taken is not forgotten.
        handle(pending)
        return reason
    }

    private func takePending() -> StateRecord {
        var pending = StateRecord("signals")
        pending[flag: "reopen"] = signals.takeReopenOnly()
        let taken = caught.filter { signals.take($0) }
        // The next image cannot tell whose the hangup was.
        let terminalHasEnded = taken.contains(.hangup) && signals.takeTerminalEnd()
        pending[flag: "mildStop"] = signals.takeMildStop() || terminalHasEnded
        pending[numbers: "pending"] = taken.filter { $0 != .hangup || !terminalHasEnded }.map { Int($0.rawValue) }
        return pending
    }

    private func handle(_ pending: StateRecord) {
        if pending[flag: "reopen"] { host?.reopenLogs() }
        if pending[flag: "mildStop"] { host?.stopMildly() }
        for number in pending[numbers: "pending"] { host?.received(Signal(rawValue: Int32(clamping: number))) }
    }

    /// After an exec: who was on the way to his program, and the signals that the old image had taken, but not handled.
    package func resume(_ state: SavedState) {
        Limits.openFilesOfCaller = state.first("limits")?[number: "openFiles"].map { max(0, $0) }
        restoreExecutions(state)
        if let pending = state.first("signals") { handle(pending) }
    }
}

extension TerminationStatus {
    package init(_ status: ExitStatus, raw: Int32) {
        self =
            switch status {
            case .exited(let code): .exited(code)
            case .signaled(let signal): .signaled(signal.rawValue, dumpedCore: raw & 0x80 != 0)
            }
    }
}
