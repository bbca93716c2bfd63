import Supervision

/// An engine with the least of a runtime around it: loads find `configuration`, spawns succeed with pids from 100 on,
/// and what was done is told in short words.
struct Rig {
    var supervisor = Supervisor(seed: 1)
    var configuration: Plan
    /// Loads fail while it is set.
    var isBroken = false
    /// The errno of the next spawns.
    var failingSpawns: [Int32] = []
    /// Children stay on the way to their programs, until `executed` or `notExecuted`.
    var isSlowToExecute = false
    /// The pid of the next child.
    var nextPID: Int32 = 100
    private(set) var reports: [Report] = []
    /// Milliseconds.
    private(set) var now: Int64 = 0

    init(_ plan: Plan, starts: Bool = true) {
        configuration = plan
        if starts { send(.start) }
    }

    /// Hands an event to the engine and plays on, as the runtime does. Returns what was done, but for the reports.
    @discardableResult
    mutating func send(_ event: Event) -> [String] {
        var done: [String] = []
        var queue = [event]
        while !queue.isEmpty {
            for action in supervisor.handle(queue.removeFirst(), at: instant) {
                perform(action, &queue)
                if let text = Self.text(action, nextPID) { done.append(text) }
            }
        }
        return done
    }

    private mutating func perform(_ action: Action, _ queue: inout [Event]) {
        switch action {
        case .load: queue.append(isBroken ? .loadFailed("unreadable") : .loaded(configuration))
        case .spawn(let child):
            if failingSpawns.isEmpty {
                queue.append(
                    isSlowToExecute ? .forked(child.id, pid: nextPID) : .spawned(child.id, pid: nextPID))
                nextPID += 1
            } else {
                queue.append(.spawnFailed(child.id, errno: failingSpawns.removeFirst()))
            }
        case .report(let report): reports.append(report)
        case .signal, .answer, .prove, .exec, .exit: break
        }
    }

    private static func text(_ action: Action, _ nextPID: Int32) -> String? {
        switch action {
        case .load: "load"
        case .spawn(let child): "spawn \(child.service)"
        case .signal(let pid, let signal, _): "\(names[signal] ?? "\(signal)") \(pid)"
        case .answer(let requester, .done(let generation)): "answer \(requester): done \(generation)"
        case .answer(let requester, .failed(let failure)): "answer \(requester): \(text(failure))"
        case .prove: "prove"
        case .exec: "exec"
        case .report: nil
        case .exit(let code): "exit \(code)"
        }
    }

    private static let names: [Int32: String] = [1: "HUP", 2: "INT", 3: "QUIT", 9: "KILL", 10: "USR1", 15: "TERM"]

    private static func text(_ failure: Failure) -> String {
        switch failure {
        case .stopping: "stopping"
        case .notLoaded: "not loaded"
        case .notStarted(let child, let reason): "\(child.service) \(text(reason))"
        case .notUpgraded(let reason): "not upgraded: \(reason)"
        case .unknownService(let name): "no service \(name)"
        case .gaveUp(let name): "\(name) gave up"
        case .noInstances(let name): "\(name) stopped"
        case .requirement(let name, let service): "\(service) lacks \(name)"
        }
    }

    private static func text(_ failure: StartFailure) -> String {
        switch failure {
        case .ended(let status): "ended with \(status.code)"
        case .timedOut: "timed out"
        case .notSpawned(let errno): "not spawned: \(errno)"
        }
    }

    // MARK: Time

    var instant: Instant { Instant(nanoseconds: now * 1_000_000) }

    /// The timer rings at each deadline on the way; what was done.
    @discardableResult
    mutating func wait(milliseconds: Int64) -> [String] {
        var done: [String] = []
        let end = now + milliseconds
        while let due = nextDeadline, due <= end {
            now = max(now, due)
            done += send(.timer)
        }
        now = end
        return done
    }

    /// Milliseconds from the start of the test: the first at which it has passed.
    var nextDeadline: Int64? {
        mutating get { supervisor.nextDeadline().map { ($0.nanoseconds + 999_999) / 1_000_000 } }
    }

    // MARK: Shorthands

    @discardableResult
    mutating func exit(_ pid: Int32, _ code: Int32 = 0) -> [String] { send(.exited(pid: pid, .exited(code))) }

    @discardableResult
    mutating func die(_ pid: Int32, by signal: Int32) -> [String] {
        send(.exited(pid: pid, .signaled(signal, dumpedCore: false)))
    }

    @discardableResult
    mutating func ready(_ pid: Int32) -> [String] { send(.ready(pid: pid)) }

    @discardableResult
    mutating func reload(_ requester: Requester? = nil) -> [String] { send(.reload(requester)) }

    @discardableResult
    mutating func command(_ command: ServiceCommand, _ requester: Requester? = nil) -> [String] {
        send(.command(requester, command))
    }

    @discardableResult
    mutating func stop(_ urgency: StopRequest.Urgency = .graceful, exitCode: Int32 = 0) -> [String] {
        send(.stop(StopRequest(urgency, exitCode: exitCode)))
    }

    var pids: [Int32] { supervisor.children.values.map(\.pid).sorted() }

    /// What the next image of the process makes of the state.
    mutating func restart(dropping isDropped: (StateRecord) -> Bool = { _ in false }) {
        let records = supervisor.records.filter { !isDropped($0) }
        supervisor = Supervisor(restoring: SavedState(records), seed: 2)
    }
}

// MARK: Plans

/// As start_server has it: one worker, tried until it starts, an interval of a second.
func superdaemon(_ change: (inout Plan) -> Void = { _ in }) -> Plan {
    var service = Service(name: "worker", stopSignal: 15)
    service.readiness = .alive(.seconds(1))
    service.leadsGroup = false
    var plan = Plan(services: [service])
    plan.rollout = .persistent
    change(&plan)
    return plan
}

/// As masterd has it: these services, each of which says when it is ready.
func master(_ names: String..., change: (inout Plan) -> Void = { _ in }) -> Plan {
    var plan = Plan(services: names.map { notified($0) })
    change(&plan)
    return plan
}

/// Programs that serve from their spawn on.
func plain(_ names: String..., change: (inout Plan) -> Void = { _ in }) -> Plan {
    var plan = Plan(services: names.map { Service(name: $0, stopSignal: 15) })
    change(&plan)
    return plan
}

func notified(_ name: String, _ change: (inout Service) -> Void = { _ in }) -> Service {
    var service = Service(name: name, stopSignal: 15)
    service.readiness = .notified
    service.startTimeout = .seconds(60)
    service.stopTimeout = .seconds(10)
    change(&service)
    return service
}
