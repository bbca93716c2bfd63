import Supervision

/// A time that never comes. All times of the model are nanoseconds.
let never = Int64.max

/// What the checker holds a service to.
struct Rules {
    enum Readiness { case none, alive, notified, completed }
    enum Reload: Equatable {
        case replace, keep, restart
        case signal(Int32)
    }

    let name: String
    let instances: Int
    let stage: Int
    let readiness: Readiness
    let aliveFor: Int64
    let startTimeout: Int64
    /// From the fork to the program.
    let executionTimeout: Int64
    let when: Restart.When
    let successes: Set<Int32>
    let finals: Set<Int32>
    let base: Int64
    let maximum: Int64
    let jitter: Int64
    let limit: Int
    let window: Int64
    let stopSignal: Int32
    let stopTimeout: Int64
    let watchdog: Int64
    let onReload: Reload
    let requires: [String]
    let isCritical: Bool
    let leadsGroup: Bool
    /// Another service comes after it.
    let isNamed: Bool

    init(_ service: Service, stage: Int, isNamed: Bool) {
        self.isNamed = isNamed
        requires = service.requires
        name = service.name
        instances = service.instances
        self.stage = stage
        switch service.readiness {
        case .none: (readiness, aliveFor) = (.none, never)
        case .alive(let time): (readiness, aliveFor) = (.alive, time.wholeNanoseconds)
        case .notified: (readiness, aliveFor) = (.notified, never)
        case .completed: (readiness, aliveFor) = (.completed, never)
        }
        executionTimeout = service.startTimeout?.wholeNanoseconds ?? never
        startTimeout = readiness == .notified || readiness == .completed ? executionTimeout : never
        when = service.restart.when
        successes = service.restart.successCodes.union([0])
        finals = service.restart.finalCodes
        base = service.restart.backoff.base.wholeNanoseconds
        maximum = service.restart.backoff.maximum.wholeNanoseconds
        jitter = Int64(service.restart.backoff.jitter)
        limit = service.restart.limit?.count ?? Int.max
        window = service.restart.limit?.window.wholeNanoseconds ?? never
        stopSignal = service.stopSignal
        stopTimeout = service.stopTimeout?.wholeNanoseconds ?? never
        watchdog = service.watchdog?.wholeNanoseconds ?? never
        switch service.onReload {
        case .replace: onReload = .replace
        case .keep: onReload = .keep
        case .restart: onReload = .restart
        case .signal(let signal): onReload = .signal(signal)
        }
        isCritical = service.isCritical
        leadsGroup = service.leadsGroup
    }

    /// The least time from one spawn to the next after so many short lives in a row.
    func pace(failures: Int) -> Int64 {
        var pace = base
        for _ in 0..<failures where pace < maximum { pace *= 2 }
        return min(pace, maximum)
    }

    func restarts(after code: Int32) -> Bool {
        if finals.contains(code) { return false }
        return switch when {
        case .never: false
        case .onFailure: !successes.contains(code)
        case .always: true
        }
    }

    func isGood(_ code: Int32) -> Bool { successes.contains(code) || code == 130 || code == 143 }
}

/// A plan as the checker reads it; made once per configuration.
struct Charter {
    let plan: Plan
    /// nil: it cannot be followed.
    let rules: [Rules]?
    let slots: Int

    init(_ plan: Plan) {
        self.plan = plan
        let stages = Self.stages(plan.services)
        let named = Set(plan.services.flatMap { $0.after + $0.requires })
        rules = stages.map { stages in
            zip(plan.services, stages).map { Rules($0, stage: $1, isNamed: named.contains($0.name)) }
        }
        slots = plan.services.reduce(0) { $0 + $1.instances }
    }

    /// Raised until every service is above those that it comes after; a circle never settles.
    private static func stages(_ services: [Service]) -> [Int]? {
        var stages = Array(repeating: 0, count: services.count)
        guard services.contains(where: { !$0.after.isEmpty || !$0.requires.isEmpty }) else { return stages }
        for _ in 0...services.count {
            var isSettled = true
            for (index, service) in services.enumerated() {
                for name in service.after + service.requires {
                    guard let before = services.firstIndex(where: { $0.name == name }) else { return nil }
                    if stages[index] <= stages[before] {
                        stages[index] = stages[before] + 1
                        isSettled = false
                    }
                }
            }
            if isSettled { return stages }
        }
        return nil
    }
}

/// Nanoseconds from now on; a limit of `never` stays `never`.
func later(_ now: Int64, _ limit: Int64) -> Int64 {
    limit >= never - now ? never : now + limit
}
