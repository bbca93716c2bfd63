import Supervision

extension Simulation {
    /// Leaves out and simplifies whatever the failure does not need.
    package static func shrunk(_ history: History) -> History {
        guard let rule = replay(history)?.rule else { return history }
        var best = history
        let stillFails = { (candidate: History) in replay(candidate)?.rule == rule }
        var isBetter = true
        while isBetter {
            isBetter = false
            isBetter = shrinkSteps(&best, stillFails) || isBetter
            isBetter = shrinkValues(&best, stillFails) || isBetter
        }
        return best
    }

    /// Delta debugging: ever smaller pieces are left out.
    private static func shrinkSteps(_ best: inout History, _ stillFails: (History) -> Bool) -> Bool {
        var isBetter = false
        var length = max(1, best.steps.count / 2)
        while true {
            var start = 0
            while start < best.steps.count {
                var candidate = best
                candidate.steps.removeSubrange(start..<min(start + length, best.steps.count))
                if stillFails(candidate) {
                    best = candidate
                    isBetter = true
                } else {
                    start += length
                }
            }
            if length == 1 { return isBetter }
            length /= 2
        }
    }

    private static func shrinkValues(_ best: inout History, _ stillFails: (History) -> Bool) -> Bool {
        var candidates = simpler(best.plan).map { History(plan: $0, steps: best.steps) }
        for index in best.steps.indices {
            for step in simpler(best.steps[index]) {
                var candidate = best
                candidate.steps[index] = step
                candidates.append(candidate)
            }
        }
        guard let better = candidates.first(where: stillFails) else { return false }
        best = better
        return true
    }

    private static func simpler(_ step: Step) -> [Step] {
        switch step {
        case .configure(let plan): simpler(plan).map { .configure($0) }
        case .reload(let count, let isHard) where count > 1 || isHard: [.reload(requesters: 1)]
        case .ready(let which) where which > 0: (0..<min(which, 6)).map { .ready($0) }
        case .exit(let which, let status) where which > 0: (0..<min(which, 6)).map { .exit($0, status) }
        case .deadline(let offset) where offset != 0: [.deadline(offset: 0)]
        case .stop(let request) where request != StopRequest(request.urgency): [.stop(StopRequest(request.urgency))]
        default: []
        }
    }

    private static func simpler(_ plan: Plan) -> [Plan] {
        var plans: [Plan] = []
        func add(_ change: (inout Plan) -> Void) {
            var changed = plan
            change(&changed)
            if changed != plan { plans.append(changed) }
        }
        for index in plan.services.indices where plan.services.count > 1 { add { $0.services.remove(at: index) } }
        add { $0.retireDelay = .zero }
        add { $0.maximumOldGenerations = nil }
        add { $0.maximumOldAge = nil }
        add { $0.reloadInterval = nil }
        add { $0.stopsOnFailure = false }
        add { $0.reloadsAfterUpgrade = false }
        add { $0.rollout = .allOrNothing }
        for index in plan.services.indices {
            let plain = Service(name: "", stopSignal: 15)
            add { $0.services[index].instances = 1 }
            add { $0.services[index].readiness = .none }
            add { $0.services[index].startTimeout = nil }
            add { $0.services[index].stopTimeout = nil }
            add { $0.services[index].watchdog = nil }
            add { $0.services[index].restart = plain.restart }
            add { $0.services[index].restart.limit = nil }
            add { $0.services[index].restart.backoff.jitter = 0 }
            add { $0.services[index].after = [] }
            add { $0.services[index].requires = [] }
            add { $0.services[index].onReload = .replace }
            add { $0.services[index].isCritical = true }
            add { $0.services[index].leadsGroup = true }
            add { $0.services[index].stopSignal = 15 }
        }
        return plans
    }
}
