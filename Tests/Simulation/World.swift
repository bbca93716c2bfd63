import Supervision

/// A model of everything around a supervisor: processes, pids, a clock, a configuration on disk, requesters. It plays
/// the runtime's part, and holds the engine to its guarantees with a book-keeping of its own.
///
/// The facts are in `World+Facts`, what the engine may do in `World+Actions`, what it must have done in
/// `World+Duties`.
struct World {
    var supervisor = Supervisor(seed: 1)
    /// The original, once it has handed its state to a restored one: both must go on alike.
    var twin: Supervisor?
    var now: Int64 = 1_000_000_000
    var steps = 0
    private(set) var events = 0
    private(set) var violation: Violation?
    /// What happened, to be read by people; nil when nobody asked for it.
    var trace: [String]?

    // The world itself.
    var queue: [Event] = []
    var configuration: Charter
    var isBroken = false
    var failingSpawns = 0
    var spawnTime: Int64 = 0
    private var isSlowToExecute = false
    private var slowSpawns = 0
    var execWorks = true
    var isProofPending = false
    private var nextPID: Int32 = 100
    var lastReaped: Int32 = 0

    // What the checker knows.
    var book: [Rules] = [Rules(Service(name: "", stopSignal: 15), stage: 0, isNamed: false)]
    var living: [Process] = []
    var slots: [SlotModel] = []
    var terms: Terms?
    var rollout: RolloutModel?
    var isWaiting = false
    var waitingIsHard = false
    var disabled: Set<String> = []
    var isFollowing = false
    var orders: [(requester: Requester?, command: ServiceCommand)] = []
    var requests: [Request] = []
    var requesters = 0
    var isUpgrading = false
    var isExecDue = false
    var stopping: StopRequest?
    /// Nobody has been told before, and services end one stage after the other.
    var stopsBackwards = false
    var firstBad: Int32?
    var badBeforeStop: Int32?
    var hasExited = false
    var lastAccepted: Int64 = 0
    var lastFailed: Int64 = 0
    var generation = 0
    var spawnGeneration = 0
    var committed = 0
    var expected = Expectations()

    init(_ history: History, traces: Bool) {
        configuration = Charter(history.plan)
        if traces { trace = [] }
    }

    mutating func require(_ condition: Bool, _ rule: StaticString) {
        if !condition && violation == nil { violation = Violation(rule: "\(rule)", step: steps) }
    }

    mutating func fail(_ rule: StaticString) { require(false, rule) }

    /// Hands an event to the engine, and plays on until nothing is left to do.
    mutating func send(_ event: Event) {
        queue.append(event)
        // Were they all slow, each could be followed by another that has become due meanwhile.
        slowSpawns = 8
        var index = 0
        while index < queue.count, violation == nil, !hasExited {
            if index == 400 { return fail("no busy loop: work goes on although no time passes and nothing happens") }
            let event = queue[index]
            index += 1
            deliver(event, isLast: index == queue.count)
        }
        queue.removeAll(keepingCapacity: true)
        require(!isExecDue, "who has proven himself takes over")
    }

    private mutating func deliver(_ event: Event, isLast: Bool) {
        events += 1
        require(!hasExited, "nothing happens after the exit")
        expected = Expectations()
        learn(event)
        let time = Instant(nanoseconds: now)
        let actions = supervisor.handle(event, at: time)
        if twin != nil { compareTwin(event, actions) }
        if trace != nil { note(event, actions) }
        for action in actions { follow(action, actions) }
        settle()
        guard violation == nil else { return }
        for (index, action) in actions.enumerated() {
            switch action {
            case .load: queue.append(isBroken ? .loadFailed("unreadable") : .loaded(configuration.plan))
            case .spawn(let child): spawn(child)
            case .prove: isProofPending = true
            case .exec:
                require(isLast && index == actions.count - 1, "nothing is left to be done when the image is replaced")
                exec()
            case .exit: hasExited = true
            case .signal, .answer, .report: break
            }
        }
    }

    private mutating func spawn(_ child: Child) {
        if slowSpawns > 0 { now = later(now, spawnTime) }
        slowSpawns -= 1
        if failingSpawns > 0 {
            failingSpawns -= 1
            queue.append(.spawnFailed(child.id, errno: 2))
        } else if living.count > 48 {
            queue.append(.spawnFailed(child.id, errno: 11))
        } else {
            let pid = freePID()
            queue.append(isSlowToExecute ? .forked(child.id, pid: pid) : .spawned(child.id, pid: pid))
        }
    }

    /// From a small space; every other time the one that was reaped last, if there is one.
    mutating func freePID() -> Int32 {
        var pid = lastReaped
        lastReaped = 0
        while pid == 0 || living.contains(where: { $0.pid == pid || $0.group == pid }) || promised(pid) {
            pid = nextPID
            nextPID = nextPID == 163 ? 100 : nextPID + 1
        }
        return pid
    }

    private func promised(_ pid: Int32) -> Bool {
        queue.contains {
            switch $0 {
            case .spawned(_, pid), .forked(_, pid): true
            default: false
            }
        }
    }

    // MARK: Upgrade

    private mutating func exec() {
        guard execWorks else { return queue.append(.execFailed("no such file")) }
        let state = SavedState(supervisor.records)
        let restored = Supervisor(restoring: state, seed: 2)
        require(restored.children == supervisor.children, "no child changes over an exec")
        // Of slots and rollouts it may think anew what follows from the rest.
        let anew = ["slot", "round"]
        require(
            restored.records.filter { !anew.contains($0.name) } == state.records.filter { !anew.contains($0.name) },
            "the next image knows all that this one knew")
        twin = supervisor
        supervisor = restored
        queue.append(.resumed)
    }

    private mutating func compareTwin(_ event: Event, _ actions: [Action]) {
        guard let other = twin?.handle(event, at: Instant(nanoseconds: now)) else { return }
        require(other == actions, "the restored one does what the original would have done")
        require(
            twin?.nextDeadline() == supervisor.nextDeadline(), "the restored one wakes when the original would have")
        if trace != nil && other != actions { trace?.append("    // the original: \(other)") }
    }

    // MARK: Steps

    mutating func apply(_ step: Step) {
        steps += 1
        guard !hasExited else { return }
        switch step {
        case .advance(let time): now = later(now, time)
        case .deadline(let offset):
            guard let due = supervisor.nextDeadline()?.nanoseconds else { return }
            now = max(now, offset < 0 ? due + offset : later(due, offset))
            send(.timer)
        case .timer: send(.timer)
        case .ready(let which): if let pid = pid(which) { send(.ready(pid: pid)) }
        case .exit(let which, let status): if let pid = pid(which) { send(.exited(pid: pid, status)) }
        case .stranger(let pid, let isReady):
            guard !living.contains(where: { $0.pid == pid }) else { return }
            send(isReady ? .ready(pid: pid) : .exited(pid: pid, .exited(1)))
        case .reload(let count, let isHard):
            if count == 0 { send(.reload(nil, hard: isHard)) }
            for _ in 0..<count where !hasExited { send(.reload(nextRequester(), hard: isHard)) }
        case .command(let command, let hasRequester):
            send(.command(hasRequester ? nextRequester() : nil, command))
        case .waitReady: send(.waitReady(nextRequester()))
        case .forget(let which):
            if !requests.isEmpty { send(.forget(requests[which % requests.count].requester)) }
        case .heartbeat(let which): if let pid = pid(which) { send(.heartbeat(pid: pid)) }
        case .heartbeatMissed(let which): if let pid = pid(which) { send(.heartbeatMissed(pid: pid)) }
        case .watchdog(let which, let time): if let pid = pid(which) { send(.watchdog(pid: pid, time)) }
        case .extend(let which, let duration): if let pid = pid(which) { send(.extend(pid: pid, duration)) }
        case .mainProcess(let which, let group): changeMainProcess(which, group)
        case .stop(let request): send(.stop(request))
        case .upgrade(let hasRequester): send(.upgrade(hasRequester ? nextRequester() : nil))
        case .proof(let isGood): prove(isGood)
        case .exec(let works): execWorks = works
        case .configure(let plan): configuration = Charter(plan)
        case .configuration(let isBroken): self.isBroken = isBroken
        case .failSpawns(let count): failingSpawns = count
        case .spawnTime(let time): spawnTime = time
        case .slowExecutions(let isOn): isSlowToExecute = isOn
        case .execution(let which, let works): endExecution(which, works)
        case .adopt: adopt()
        case .adjust(let delay, let interval): adjust(delay, interval)
        }
    }

    private func pid(_ which: Int) -> Int32? { living.isEmpty ? nil : living[which % living.count].pid }

    /// Of one that was told meanwhile, too: it may have come so far.
    private mutating func endExecution(_ which: Int, _ works: Bool) {
        guard !living.isEmpty else { return }
        let process = living[which % living.count]
        guard process.isOnItsWay else { return }
        living[which % living.count].isOnItsWay = false
        send(works ? .executed(pid: process.pid) : .notExecuted(pid: process.pid, errno: 2))
    }

    private mutating func changeMainProcess(_ which: Int, _ group: MainGroup) {
        guard !living.isEmpty else { return }
        let before = living[which % living.count]
        let pid = freePID()
        let number: Int32? =
            switch group {
            case .none: nil
            case .own: pid
            case .same: before.group > 0 ? before.group : nil
            }
        send(.mainProcess(pid: before.pid, is: pid, group: number))
    }

    private mutating func nextRequester() -> Int {
        requesters += 1
        return requesters
    }

    private mutating func prove(_ isGood: Bool) {
        guard isProofPending else { return }
        isProofPending = false
        send(isGood ? .proven : .unproven("does not understand"))
    }

    private mutating func adopt() {
        guard stopping == nil, living.count < 48 else { return }
        let pid = freePID()
        supervisor.adopt(pid: pid, at: Instant(nanoseconds: now))
        twin?.adopt(pid: pid, at: Instant(nanoseconds: now))
        guard let child = supervisor.child(withPID: pid) else { return fail("an adopted child is in the table") }
        living.append(Process(adopted: child))
    }

    private mutating func adjust(_ delay: Duration, _ interval: Duration?) {
        let time = Instant(nanoseconds: now)
        supervisor.adjust(retireDelay: delay, reloadInterval: interval, at: time)
        twin?.adjust(retireDelay: delay, reloadInterval: interval, at: time)
        terms?.delay = delay.wholeNanoseconds
        terms?.interval = interval?.wholeNanoseconds ?? never
        rollout?.terms?.delay = delay.wholeNanoseconds
        rollout?.terms?.interval = interval?.wholeNanoseconds ?? never
    }

    /// Everything must come to an end once children obey and someone says stop.
    mutating func finish() {
        if isProofPending && !hasExited { prove(steps % 2 == 0) }
        if violation == nil && !hasExited && stopping == nil { send(.stop(StopRequest(.graceful))) }
        var turns = 0
        while !hasExited, violation == nil {
            turns += 1
            if turns > 100 { return fail("a stop ends when the children obey or their time is up") }
            // The obedient end at once; who may be killed waits for that.
            if let one = living.first(where: { $0.phase == .killed }) {
                send(.exited(pid: one.pid, .signaled(9, dumpedCore: false)))
            } else if let one = living.first(where: { $0.phase == .stopping && ($0.killDue == never || $0.id % 2 == 0) }
            ) {
                send(.exited(pid: one.pid, .signaled(one.signal, dumpedCore: false)))
            } else if let due = supervisor.nextDeadline()?.nanoseconds {
                now = max(now, due)
                send(.timer)
            } else {
                return fail("a stop goes on: somebody is told, or somebody's time runs")
            }
        }
        require(requests.isEmpty, "every requester has its answer at the exit")
    }
}
