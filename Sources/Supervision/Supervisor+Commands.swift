/// A command, and who waits for its answer.
struct Order: Equatable, Sendable {
    var requester: Requester?
    let command: ServiceCommand
}

/// Commands for one service. Each costs as much as the service has slots, whatever else there is.
extension Supervisor {
    /// A round changes who fills the slots: what comes during it is done after it, in the order in which it came.
    mutating func commanded(_ order: Order) {
        if stopRequest != nil { return answer(order, .failed(.stopping)) }
        if round != nil { orders.append(order) } else { follow(order) }
    }

    mutating func followOrders() {
        let due = orders
        orders = []
        for order in due { follow(order) }
    }

    private mutating func follow(_ order: Order) {
        let name = order.command.service
        guard let service = placed[name] else { return answer(order, .failed(.unknownService(name))) }
        criticalSlots -= criticalSlots(of: name)
        var goal = Wait.Goal.service(name)
        switch order.command {
        case .start: fill(service, name, restarting: false)
        case .restart: fill(service, name, restarting: true)
        case .stop: goal = .end(of: hold(service, name))
        case .scale(_, let count): scale(service, name, to: min(max(0, count), 1000))
        }
        criticalSlots += criticalSlots(of: name)
        touched += placed[name]?.slots ?? []
        report(.changed)
        if let requester = order.requester { waits.append(Wait(requester: requester, goal: goal)) }
    }

    private mutating func answer(_ order: Order, _ answer: Answer) {
        if let requester = order.requester { self.answer([requester], answer) }
    }

    /// How many of its slots are not over, and matter.
    func criticalSlots(of name: String) -> Int {
        if disabled.contains(name) { return 0 }
        return placed[name]?.slots.count { slots[$0].map { $0.service.isCritical && !$0.isOver } ?? false } ?? 0
    }

    // MARK: What they do

    private mutating func fill(_ service: ServiceSlots, _ name: String, restarting: Bool) {
        disabled.remove(name)
        for id in service.slots {
            guard var slot = slots[id] else { continue }
            slot.isOver = false
            slot.failures = 0
            slot.restarts = []
            slot.restartAt = nil
            slots[id] = slot
            guard let child = slot.child.flatMap({ children[$0] }) else {
                spawn(in: id)
                continue
            }
            guard restarting || child.isSignalled else { continue }
            children[child.id]?.restarts = true
            if !child.isSignalled { tell(child.id, child.stop) }
        }
    }

    /// The children that are to end.
    private mutating func hold(_ service: ServiceSlots, _ name: String) -> Set<Child.ID> {
        disabled.insert(name)
        failWaits(for: name, .noInstances(name))
        var leaving: Set<Child.ID> = []
        for id in service.slots {
            slots[id]?.restartAt = nil
            guard let child = slots[id]?.child.flatMap({ children[$0] }) else { continue }
            leaving.insert(child.id)
            children[child.id]?.restarts = false
            if !child.isSignalled { tell(child.id, child.stop) }
        }
        return leaving
    }

    private mutating func scale(_ service: ServiceSlots, _ name: String, to count: Int) {
        guard let index = service.index, let plan else { return }
        self.plan?.services[index].instances = count  // bounded: an index of the plan
        var known: Set<Int> = []
        for id in service.slots {
            guard let slot = slots[id] else { continue }
            if slot.instance < count { known.insert(slot.instance) } else { close(slot) }
        }
        placed[name]?.slots.removeAll { slots[$0] == nil }
        boundRetired()
        for instance in 0..<count where !known.contains(instance) {  // bounded: 0 to 1000
            let slot = Slot(
                // bounded: an index of the plan
                id: nextNumber(), service: plan.services[index], instance: instance, stage: service.stage,
                generation: committedGeneration)
            slots[slot.id] = slot
            placed[name]?.slots.append(slot.id)
            if !disabled.contains(name) { spawn(in: slot.id) }
        }
    }

    private mutating func close(_ slot: Slot) {
        count(slot, as: .settled)
        slots[slot.id] = nil
        if let child = slot.child { retire(child) }
    }
}
