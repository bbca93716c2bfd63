/// Commands for one service. Each costs as much as the service has slots, whatever else there is.
extension Supervisor {
    /// A rollout changes who fills the slots: what comes during it is done after it, in the order in which it came.
    mutating func commanded(_ order: Order) {
        if stopRequest != nil { return answer(order.requester, .failed(.stopping)) }
        if rollout != nil { requests.orders.append(order) } else { follow(order) }
    }

    mutating func followOrders() {
        let due = requests.orders.orders
        requests.orders = OrderQueue()
        for order in due { follow(order) }
    }

    private mutating func follow(_ order: Order) {
        // The one before may have been the end of everything, and so may this one be.
        defer { if stopRequest != nil { answer(order.requester, .failed(.stopping)) } }
        guard stopRequest == nil else { return }
        let name = order.command.service
        guard let service = registry.services[name] else {
            return answer(order.requester, .failed(.unknownService(name)))
        }
        var goal = Waits.Goal.service(name)
        switch order.command {
        case .start: fillAll(service, name, restarting: false)
        case .restart: fillAll(service, name, restarting: true)
        case .stop: goal = .end(of: disable(service, name))
        case .scale(_, let count): scale(service, name, to: min(max(0, count), 1000))
        }
        guard stopRequest == nil else { return }
        report(.changed)
        registry.note(name)
        if let requester = order.requester { requests.waits.append(requester, goal) }
    }

    // MARK: What they do

    private mutating func fillAll(_ service: Registry.ServiceSlots, _ name: String, restarting: Bool) {
        registry.enable(name)
        for id in service.slots {
            registry.update(id) {
                $0.failures = 0
                $0.restarts = []
                if $0.child == nil { $0.filling = .empty }
            }
            guard let child = registry.child(in: id) else {
                fill(id)
                continue
            }
            guard restarting || child.isSignalled else { continue }
            registry.update(child.id) { $0.duty = .restarting(id) }
            if !child.isSignalled { signalToStop(child.id, child.stop) }
        }
    }

    /// The children that are to end.
    private mutating func disable(_ service: Registry.ServiceSlots, _ name: String) -> Set<Child.ID> {
        registry.disable(name)
        failWaits(for: name, .noInstances(name))
        var leaving: Set<Child.ID> = []
        for id in service.slots {
            registry.update(id) { if $0.restartAt != nil || $0.filling == .blocked { $0.filling = .empty } }
            guard let child = registry.child(in: id) else { continue }
            leaving.insert(child.id)
            registry.update(child.id) { $0.duty = .active(id) }
            if !child.isSignalled { signalToStop(child.id, child.stop) }
        }
        return leaving
    }

    private mutating func scale(_ service: Registry.ServiceSlots, _ name: String, to count: Int) {
        guard let index = service.index, let plan else { return }
        self.plan?.services[index].instances = count  // bounded: an index of the plan
        var ids: [SlotID] = []
        var known: Set<Int> = []
        for id in service.slots {
            guard let slot = registry.slots[id] else { continue }
            guard slot.instance >= count else {
                known.insert(slot.instance)
                ids.append(id)
                continue
            }
            if let child = slot.child { retire(child) }
            registry.remove(slot: id)
        }
        boundOldGenerations()
        for instance in 0..<count where !known.contains(instance) {  // bounded: 0 to 1000
            let slot = Slot(
                // bounded: an index of the plan
                id: registry.nextNumber(), service: plan.services[index], instance: instance, stage: service.stage,
                generation: generations.committed)
            registry.insert(slot)
            ids.append(slot.id)
            if !disabled.contains(name) { fill(slot.id) }
        }
        registry.place(ids, of: name)
    }
}
