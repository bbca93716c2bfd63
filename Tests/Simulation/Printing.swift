import Supervision

extension History {
    /// As Swift, to be pasted into a test; below it what happens in it.
    package var source: String {
        let world = Simulation.replay(self, traces: true)
        let steps = steps.map { "        .\($0),\n" }.joined()
        return """
            // \(world.violation?.rule ?? "nothing is wrong")
            let history = History(
                plan: \(plan.source),
                steps: [
            \(steps)    ])
            #expect(Simulation.replay(history) == nil)

            """ + (world.trace ?? []).prefix(120).map { "// \($0)\n" }.joined()
    }
}

extension Step: CustomStringConvertible {
    /// Without the dot.
    package var description: String {
        switch self {
        case .advance(let time): "advance(\(time))"
        case .deadline(let offset): "deadline(offset: \(offset))"
        case .timer: "timer"
        case .ready(let which): "ready(\(which))"
        case .exit(let which, let status): "exit(\(which), .\(status))"
        case .stranger(let pid, let isReady): "stranger(pid: \(pid), isReady: \(isReady))"
        case .reload(let count, let isHard): "reload(requesters: \(count)\(isHard ? ", hard: true" : ""))"
        case .command(let command, let hasRequester): "command(.\(command), hasRequester: \(hasRequester))"
        case .waitReady: "waitReady"
        case .forget(let which): "forget(\(which))"
        case .heartbeat(let which): "heartbeat(\(which))"
        case .heartbeatMissed(let which): "heartbeatMissed(\(which))"
        case .watchdog(let which, .every(let time)): "watchdog(\(which), .every(\(time.source)))"
        case .watchdog(let which, .none): "watchdog(\(which), .none)"
        case .extend(let which, let time): "extend(\(which), \(time.source))"
        case .mainProcess(let which, let group): "mainProcess(\(which), .\(group))"
        case .stop(let request): "stop(\(request.source))"
        case .upgrade(let hasRequester): "upgrade(hasRequester: \(hasRequester))"
        case .proof(let isGood): "proof(isGood: \(isGood))"
        case .exec(let works): "exec(works: \(works))"
        case .configure(let plan): "configure(\(plan.source))"
        case .configuration(let isBroken): "configuration(isBroken: \(isBroken))"
        case .failSpawns(let count): "failSpawns(\(count))"
        case .spawnTime(let time): "spawnTime(\(time))"
        case .slowExecutions(let isOn): "slowExecutions(\(isOn))"
        case .execution(let which, let works): "execution(\(which), works: \(works))"
        case .adopt: "adopt"
        case .adjust(let delay, let interval):
            "adjust(retireDelay: \(delay.source), reloadInterval: \(interval?.source ?? "nil"))"
        }
    }
}

extension StopRequest {
    fileprivate var source: String {
        let signal = signal.map { ", signal: \($0)" } ?? ""
        let timeout = timeout.map { ", timeout: \($0.source)" } ?? ""
        return "StopRequest(.\(urgency)\(signal)\(timeout)" + (exitCode == 0 ? ")" : ", exitCode: \(exitCode))")
    }
}

extension Duration {
    fileprivate var source: String { ".nanoseconds(\(wholeNanoseconds))" }
}

extension Plan {
    fileprivate var source: String {
        let plain = Plan(services: [])
        var text = "Plan(services: [" + services.map(\.source).joined(separator: ", ") + "])"
        func set(_ name: String, _ value: String) { text += ".with { $0.\(name) = \(value) }" }
        if rollout == .persistent { set("rollout", ".persistent") }
        if retireDelay != plain.retireDelay { set("retireDelay", retireDelay.source) }
        if let bound = maximumOldGenerations { set("maximumOldGenerations", "\(bound)") }
        if let age = maximumOldAge { set("maximumOldAge", age.source) }
        if stopsOnFailure { set("stopsOnFailure", "true") }
        if let interval = reloadInterval { set("reloadInterval", interval.source) }
        if reloadsAfterUpgrade { set("reloadsAfterUpgrade", "true") }
        return text
    }

    package func with(_ change: (inout Plan) -> Void) -> Plan {
        var plan = self
        change(&plan)
        return plan
    }
}

extension Service {
    fileprivate var source: String {
        var text = "Service(name: \"\(name)\", stopSignal: \(stopSignal))"
        func set(_ name: String, _ value: String) { text += ".with { $0.\(name) = \(value) }" }
        if instances != 1 { set("instances", "\(instances)") }
        switch readiness {
        case .none: break
        case .notified: set("readiness", ".notified")
        case .alive(let time): set("readiness", ".alive(\(time.source))")
        case .completed: set("readiness", ".completed")
        }
        if let limit = startTimeout { set("startTimeout", limit.source) }
        if restart.when != .always { set("restart.when", ".\(restart.when)") }
        if !restart.successCodes.isEmpty { set("restart.successCodes", "\(restart.successCodes.sorted())") }
        if !restart.finalCodes.isEmpty { set("restart.finalCodes", "\(restart.finalCodes.sorted())") }
        if restart.backoff.jitter != 0 { set("restart.backoff.jitter", "\(restart.backoff.jitter)") }
        if let limit = restart.limit {
            set("restart.limit", "Restart.Limit(count: \(limit.count), window: \(limit.window.source))")
        }
        if let limit = stopTimeout { set("stopTimeout", limit.source) }
        if let time = watchdog { set("watchdog", time.source) }
        if onReload != .replace { set("onReload", ".\(onReload)") }
        if !after.isEmpty { set("after", "\(after)") }
        if !requires.isEmpty { set("requires", "\(requires)") }
        if !isCritical { set("isCritical", "false") }
        if !leadsGroup { set("leadsGroup", "false") }
        return text
    }

    package func with(_ change: (inout Service) -> Void) -> Service {
        var service = self
        change(&service)
        return service
    }
}

extension World {
    /// The event and what it led to.
    mutating func note(_ event: Event, _ actions: [Action]) {
        let seconds = Double(now) / 1e9
        let text =
            switch event {
            case .loaded(let plan): "loaded(\(plan.services.map(\.name)))"
            default: "\(event)"
            }
        trace?.append("\(seconds) s: \(text)")
        for action in actions { trace?.append("    → \(World.brief(action))") }
    }

    private static func brief(_ action: Action) -> String {
        switch action {
        case .spawn(let child): "spawn \(brief(child))"
        case .signal(let pid, let signal, let group): "signal \(signal) to \(group ? "group " : "")\(pid)"
        case .report(.starting(let child)): "report starting \(brief(child))"
        case .report(.accepted(let child)): "report accepted \(brief(child))"
        case .report(.failedToStart(let child, let failure)): "report failedToStart \(brief(child)) \(failure)"
        case .report(.died(let child, let status, let restarts)):
            "report died \(brief(child)) \(status) restarts: \(restarts)"
        case .report(.formerDied(let child, let status)): "report formerDied \(brief(child)) \(status)"
        case .report(.ended(let child, let status)): "report ended \(brief(child)) \(status)"
        case .report(.gaveUp(let child)): "report gaveUp \(brief(child))"
        case .report(.killing(let child)): "report killing \(brief(child))"
        case .report(.missedHeartbeat(let child)): "report missedHeartbeat \(brief(child))"
        case .report(.reloadFailed(.notStarted(let child, let failure))):
            "report reloadFailed \(brief(child)) \(failure)"
        case .report(let report): "report \(report)"
        case .answer(let requester, .failed(.notStarted(let child, let failure))):
            "answer \(requester) notStarted \(brief(child)) \(failure)"
        default: "\(action)"
        }
    }

    private static func brief(_ child: Child) -> String {
        "\(child.service)/\(child.instance) id \(child.id) pid \(child.pid) generation \(child.generation)"
    }
}
