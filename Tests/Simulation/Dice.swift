import Supervision

/// Choices from a source of random numbers.
struct Dice<Source: RandomNumberGenerator> {
    var source: Source

    /// 0 ..< count
    mutating func roll(_ count: Int) -> Int { Int(source.next() >> 33) % count }

    mutating func chance(_ percent: Int) -> Bool { roll(100) < percent }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[roll(elements.count)] }
}

// MARK: Plans

extension Dice {
    enum FrontEnd { case startServer, masterWorker, mixed }

    mutating func frontEnd() -> FrontEnd {
        let number = roll(100)
        return number < 45 ? .startServer : number < 94 ? .masterWorker : .mixed
    }

    mutating func plan(_ frontEnd: FrontEnd) -> Plan {
        frontEnd == .startServer ? startServerPlan() : masterWorkerPlan(isMixed: frontEnd == .mixed)
    }

    private mutating func startServerPlan() -> Plan {
        var service = Service(name: "worker", stopSignal: 15)
        switch roll(4) {
        case 0: service.readiness = .notified
        case 1: service.readiness = .alive(.zero)
        default: service.readiness = .alive(.seconds(1))
        }
        if chance(50) { service.startTimeout = .seconds(2) }
        if chance(50) { service.stopTimeout = .milliseconds(pick([500, 3000])) }
        service.leadsGroup = service.stopTimeout != nil
        if chance(15) { service.restart.backoff.jitter = 20 }
        var plan = Plan(services: [service])
        plan.rollout = .persistent
        if chance(50) { plan.retireDelay = .seconds(pick([1, 5])) }
        bounds(&plan)
        return plan
    }

    private mutating func bounds(_ plan: inout Plan) {
        if chance(40) { plan.maximumOldGenerations = roll(3) }
        if chance(30) { plan.maximumOldAge = .seconds(pick([1, 10])) }
        if chance(20) { plan.reloadInterval = .seconds(pick([2, 6])) }
        plan.reloadsAfterUpgrade = chance(50)
    }

    private mutating func masterWorkerPlan(isMixed: Bool) -> Plan {
        var services: [Service] = []
        for index in 0..<1 + roll(4) { services.append(service(index, services)) }
        if chance(3) { services[0].after = [pick(["a", "b", "nobody"])] }
        var plan = Plan(services: services)
        plan.stopsOnFailure = chance(50)
        if isMixed {
            plan.rollout = chance(70) ? .persistent : .allOrNothing
        }
        if chance(20) { plan.retireDelay = .seconds(1) }
        bounds(&plan)
        return plan
    }

    private mutating func service(_ index: Int, _ before: [Service]) -> Service {
        var service = Service(name: ["a", "b", "c", "d"][index], stopSignal: pick([15, 15, 3, 10]))
        service.instances = chance(75) ? 1 : chance(90) ? 2 : 0
        switch roll(8) {
        case 0, 1, 2: service.readiness = .notified
        case 3: service.readiness = .alive(.milliseconds(500))
        case 4, 5: service.readiness = .completed
        default: service.readiness = .none
        }
        if chance(60) { service.startTimeout = .seconds(3) }
        if chance(60) { service.stopTimeout = .milliseconds(pick([0, 500, 4000])) }
        if chance(25) { service.watchdog = .milliseconds(pick([300, 2000])) }
        service.restart.when = pick([.never, .onFailure, .onFailure, .always])
        if chance(20) { service.restart.successCodes = Set([pick([1, 3, 70]), pick([11 + 128, 255, 1])]) }
        if chance(20) { service.restart.finalCodes = Set([pick([0, 1, 70]), pick([11 + 128, 143, 1])]) }
        if chance(40) { service.restart.limit = Restart.Limit(count: roll(3), window: .seconds(5)) }
        if chance(15) { service.restart.backoff.jitter = 20 }
        if chance(40) {
            switch roll(4) {
            case 0: service.onReload = .keep
            case 1: service.onReload = .signal(pick([1, 30]))
            default: service.onReload = .restart
            }
        }
        if !before.isEmpty && chance(40) { service.after = [pick(before).name] }
        if !before.isEmpty && chance(30) { service.requires = [pick(before).name] }
        if before.count > 1 && chance(15) { service.requires = [before[0].name, pick(before).name] }
        service.isCritical = chance(60)
        service.leadsGroup = chance(80)
        return service
    }
}
