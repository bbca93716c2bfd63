import Supervision

/// Damaged states: whatever became of its records, the engine that reads them lives, forgets no child whose record is
/// whole, reloads and stops. Of a text in which bytes have changed only whole lines are left: that is its reader's care.
package enum Wreck {
    /// Lives a random life up to some moment, damages its state, and goes on with what is left.
    package static func run(_ source: some RandomNumberGenerator) -> String? {
        var dice = Dice(source: source)
        let (state, now) = life(&dice)
        // From values that nobody wrote the engine need not recover, but it must not fall.
        if dice.chance(25) { return check(hostile(state, &dice), at: now, recovers: false) }
        return check(damaged(state, &dice), at: now)
    }

    /// Each record of a random state dropped in turn, then each value made another in turn.
    package static func runEverywhere(_ source: some RandomNumberGenerator) -> String? {
        var dice = Dice(source: source)
        let (state, now) = life(&dice)
        for index in state.indices {
            var rest = state
            rest.remove(at: index)
            if let problem = check(rest, at: now) { return problem }
        }
        for index in state.indices {
            for key in state[index].values.keys.sorted() {
                var records = state
                records[index][key] = dice.chance(15) ? nil : dice.pick(values)
                if let problem = check(records, at: now, recovers: false) { return problem }
            }
        }
        return nil
    }

    private static func life(_ dice: inout Dice<some RandomNumberGenerator>) -> (state: [StateRecord], now: Int64) {
        let frontEnd = dice.frontEnd()
        var world = World(History(plan: dice.plan(frontEnd), steps: []), traces: false)
        world.send(.start)
        for _ in 0..<dice.roll(30) where world.stopping == nil {
            let step = dice.step(in: world, frontEnd)
            if case .stop = step { continue }
            world.apply(step)
        }
        return (world.supervisor.records, world.now)
    }

    // MARK: Damage

    /// Records cut off, lost, doubled and in another order.
    private static func damaged(
        _ state: [StateRecord], _ dice: inout Dice<some RandomNumberGenerator>
    ) -> [StateRecord] {
        if dice.chance(30) { return Array(state.prefix(dice.roll(state.count + 1))) }
        var records = state
        for _ in 0...dice.roll(6) where !records.isEmpty {
            let index = dice.roll(records.count)
            switch dice.roll(4) {
            case 0, 1: records.remove(at: index)
            case 2: records.append(records[index])
            default: records.swapAt(index, dice.roll(records.count))
            }
        }
        return records
    }

    private static let values = [
        "-1", "0", "1", "2", "9223372036854775807", "-9223372036854775808", "4294967297", "x", "",
        "99999999999999999999",
        "ready", "spawning", "starting", "3,3,4,9223372036854775807",
    ]

    /// Whole records with values that nobody wrote.
    private static func hostile(
        _ state: [StateRecord], _ dice: inout Dice<some RandomNumberGenerator>
    ) -> [StateRecord] {
        var records = state
        for _ in 0...dice.roll(6) {
            let index = dice.roll(records.count)
            let keys = records[index].values.keys.sorted()
            if keys.isEmpty { continue }
            let value = dice.pick(values)
            records[index][dice.pick(keys)] = dice.chance(15) ? nil : value
        }
        return records
    }

    // MARK: Going on

    private static func check(_ records: [StateRecord], at now: Int64, recovers: Bool = true) -> String? {
        let state = SavedState(records)
        var survivor = Survivor(Supervisor(restoring: state, seed: 2), at: now)
        for record in state.all("child") where recovers {
            guard let pid = record[number: "pid"], pid > 1, let pid = Int32(exactly: pid) else { continue }
            if survivor.supervisor.child(withPID: pid) == nil { return "a child with a whole record is forgotten" }
        }
        let problem = survivor.problem(recovers)
        return problem.map { "\($0)\n\(records.map { "\($0.name) \($0.values)" }.joined(separator: "\n"))" }
    }
}

/// A kind world around an engine that read a damaged state: loads find a good plan, children get ready and obey.
private struct Survivor {
    var supervisor: Supervisor
    private var now: Int64
    private var living: Set<Int32>
    private var signalled: Set<Int32> = []
    private var starting: Set<Int32> = []
    private var answers = 0
    private var hasExited = false
    private var isBroken = false
    private var loads = 0
    private var trouble: String?
    private var nextPID: Int32 = 1000

    init(_ supervisor: Supervisor, at now: Int64) {
        self.supervisor = supervisor
        self.now = now
        living = Set(supervisor.children.values.map(\.pid))
        for child in supervisor.children.values {
            if child.phase == .starting || child.phase == .executing { starting.insert(child.pid) }
            if child.isSignalled { signalled.insert(child.pid) }
        }
    }

    mutating func problem(_ recovers: Bool) -> String? {
        let before = living
        let isServing = !living.isSubset(of: signalled)
        isBroken = isServing
        send(.resumed)
        if recovers && isServing && loads > 0 && supervisor.stopRequest != nil {
            return "a load that fails after a damaged state ends what serves"
        }
        isBroken = false
        // All that was left had ended well.
        if hasExited && !isServing { return trouble }
        send(.reload(-7))
        live { $0.answers > 0 }
        if recovers && trouble == nil && answers != 1 { return "a reload is never answered after a damaged state" }
        if recovers && trouble == nil && !living.isDisjoint(with: before) {
            return "an old child outlives the reload that replaces all"
        }
        send(.stop(StopRequest(.graceful)))
        live { $0.hasExited }
        return trouble ?? (hasExited || !recovers ? nil : "a stop never ends after a damaged state")
    }

    private mutating func live(until isDone: (Self) -> Bool) {
        for _ in 0..<300 where !(isDone(self) && signalled.isEmpty) && !hasExited && trouble == nil {
            if let pid = signalled.min() {
                signalled.remove(pid)
                starting.remove(pid)
                living.remove(pid)
                send(.exited(pid: pid, .exited(0)))
            } else if let pid = starting.min() {
                starting.remove(pid)
                send(.ready(pid: pid))
                // A one-shot is ready when it has ended.
                guard supervisor.child(withPID: pid)?.phase == .starting else { continue }
                signalled.remove(pid)
                living.remove(pid)
                send(.exited(pid: pid, .exited(0)))
            } else if let due = supervisor.nextDeadline() {
                // Every watchdog gets its beat in time.
                now = max(now, due.nanoseconds &- 1)
                for pid in living.sorted() { send(.heartbeat(pid: pid)) }
                now = max(now, due.nanoseconds)
                send(.timer)
            } else {
                return
            }
        }
    }

    private mutating func send(_ first: Event) {
        var queue = [first]
        var index = 0
        while index < queue.count, trouble == nil, !hasExited {
            if index == 2000 { trouble = "a busy loop after a damaged state" }
            let event = queue[index]
            index += 1
            for action in supervisor.handle(event, at: Instant(nanoseconds: now)) {
                switch action {
                case .load:
                    loads += 1
                    queue.append(isBroken ? .loadFailed("unreadable") : .loaded(Self.plan))
                case .spawn(let child):
                    nextPID += 1
                    living.insert(nextPID)
                    starting.insert(nextPID)
                    queue.append(.spawned(child.id, pid: nextPID))
                case .signal(let number, _, let isGroup):
                    let child = supervisor.children.values.first { $0.group == number }
                    let pid = isGroup ? child?.pid ?? number : number
                    if !living.contains(pid) { trouble = "a signal to \(pid), which is not alive" }
                    signalled.insert(pid)
                case .answer(-7, _): answers += 1
                case .exit: hasExited = true
                case .answer, .prove, .exec, .report: break
                }
            }
        }
    }

    private static let plan: Plan = {
        var service = Service(name: "new", stopSignal: 15)
        service.readiness = .notified
        return Plan(services: [service])
    }()
}
