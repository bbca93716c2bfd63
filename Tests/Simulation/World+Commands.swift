import Supervision

/// Commands, and who waits.
extension World {
    mutating func commandGiven(_ requester: Requester?, _ command: ServiceCommand) {
        let state: Request.State = stopping != nil ? .owedStopping : .queued
        if let requester { requests.append(Request(requester: requester, state: state)) }
        guard stopping == nil else { return }
        orders.append((requester, command))
        if rollout == nil { followOrders() }
    }

    /// One after the other: each ends with a report that the table has changed.
    mutating func followOrders() {
        require(expected.signalled.isEmpty, "a command tells everyone whom it is for")
        isFollowing = false
        while !orders.isEmpty, !isFollowing {
            let (requester, command) = orders.removeFirst()
            let state = follow(command)
            for index in requests.indices where requests[index].requester == requester { requests[index].state = state }
        }
    }

    /// What its requester waits for.
    private mutating func follow(_ command: ServiceCommand) -> Request.State {
        let name = command.service
        guard let page = page(of: name) else { return .owedUnknown(name) }
        isFollowing = true
        switch command {
        case .start: fill(name, restarting: false)
        case .restart: fill(name, restarting: true)
        case .stop: return .end(of: hold(name))
        case .scale(_, let count): scale(page, count)
        }
        return .service(name)
    }

    private func page(of name: String) -> Int? {
        terms.flatMap { terms in (terms.base..<terms.base + terms.count).first { book[$0].name == name } }
    }

    private func isCurrent(_ slot: SlotModel, _ name: String) -> Bool {
        !slot.isCandidate && book[slot.rules].name == name
    }

    private func filler(_ slot: SlotModel) -> Int? {
        living.firstIndex { $0.label == slot.label && $0.role == .current }
    }

    private mutating func fill(_ name: String, restarting: Bool) {
        disabled.remove(name)
        for index in slots.indices where isCurrent(slots[index], name) {
            slots[index].isOver = false
            slots[index].isDone = false
            slots[index].isBlocked = false
            slots[index].failures = 0
            slots[index].restarts = []
            guard let process = filler(slots[index]) else {
                slots[index].due = now
                slots[index].latest = now
                continue
            }
            if restarting && !living[process].isSignalled && living[process].phase != .asked {
                expected.signalled.insert(living[process].id)
            }
            if restarting || living[process].isSignalled { living[process].restarts = true }
        }
    }

    private mutating func hold(_ name: String) -> Set<Child.ID> {
        disabled.insert(name)
        owe(.service(name), .owedNoInstances(name))
        var leaving: Set<Child.ID> = []
        for index in slots.indices where isCurrent(slots[index], name) {
            slots[index].due = never
            slots[index].latest = never
            slots[index].isBlocked = false
            guard let process = filler(slots[index]) else { continue }
            leaving.insert(living[process].id)
            living[process].restarts = false
            if living[process].phase != .asked && !living[process].isSignalled {
                expected.signalled.insert(living[process].id)
            }
        }
        return leaving
    }

    private mutating func scale(_ page: Int, _ count: Int) {
        let name = book[page].name
        for slot in slots where isCurrent(slot, name) && slot.instance >= count {
            guard let process = filler(slot) else { continue }
            living[process].role = .old
            living[process].restarts = false
            if living[process].isSignalled {
                growsOld(process, terms?.age ?? never)
            } else if living[process].phase != .asked {
                expected.signalled.insert(living[process].id)
            }
        }
        slots = slots.filter { !isCurrent($0, name) || $0.instance < count }
        for instance in 0..<count where !slots.contains(where: { isCurrent($0, name) && $0.instance == instance }) {
            var slot = SlotModel(label: -1, instance: instance, rules: page, isCandidate: false, lastSpawn: now)
            slot.isFilled = false
            if !disabled.contains(name) { (slot.due, slot.latest) = (now, now) }
            slots.append(slot)
        }
    }

    // MARK: Slots of disabled services

    /// Makes room for those that are not started; how many.
    mutating func openDisabledSlots(_ terms: Terms) -> Int {
        var count = 0
        for page in terms.base..<terms.base + terms.count where disabled.contains(book[page].name) {
            for instance in 0..<book[page].instances
            where !slots.contains(where: { $0.kept == page && $0.instance == instance }) {
                var slot = SlotModel(label: -1, instance: instance, rules: page, isCandidate: true, lastSpawn: now)
                slot.isFilled = false
                slots.append(slot)
                count += 1
            }
        }
        return count
    }

    func isDisabled(_ slot: SlotModel) -> Bool { disabled.contains(book[slot.rules].name) }

    /// The first child of a slot tells what the engine calls it.
    mutating func slot(of child: Child) -> Int? {
        if let index = slots.firstIndex(where: { $0.label == child.slot }) { return index }
        let index = slots.firstIndex {
            $0.label < 0 && !$0.isCandidate && book[$0.rules].name == child.service && $0.instance == child.instance
        }
        if let index { slots[index].label = child.slot ?? 0 }
        return index
    }

    // MARK: Who waits

    mutating func forgotten(_ requester: Requester) { requests.removeAll { $0.requester == requester } }

    func isAnswerKnown(_ request: Request) -> Bool { request.isOwed || outcome(of: request) != nil }

    /// What a requester is answered who waits for something to come about.
    func outcome(of request: Request) -> Answer? {
        switch request.state {
        case .everything:
            guard rollout == nil, terms != nil else { return nil }
            for slot in slots where !isDisabled(slot) && !slot.isOver && !slot.isDone && !isReady(slot) { return nil }
        case .service(let name):
            if page(of: name) == nil { return .failed(.unknownService(name)) }
            if !disabled.contains(name) {
                for slot in slots where isCurrent(slot, name) && slot.isOver { return .failed(.gaveUp(name)) }
                for slot in slots where isCurrent(slot, name) && !slot.isDone && !isReady(slot) { return nil }
            }
        case .end(let children): for process in living where children.contains(process.id) { return nil }
        default: return nil
        }
        return .done(generation: supervisor.generation)
    }
}
