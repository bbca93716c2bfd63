/// The children, the slots that they fill, and what follows from them: the census, the timers, the pids. A child or a
/// slot is changed here only, so that none of these can be forgotten.
///
/// Invariants:
/// - a slot is filled by a child exactly when the child's duty names the slot
/// - a child with a process is found by its pid
/// - the census counts what stands here; a timer is set exactly for what has a deadline
struct Registry: Sendable {
    private(set) var children: [Child.ID: Child] = [:]
    private(set) var slots: [SlotID: Slot] = [:]
    /// The slots of the plan in force.
    private(set) var services: [String: ServiceSlots] = [:]
    /// Services that were stopped by hand: nothing fills their slots until they are started.
    private(set) var disabled: Set<String> = []
    private(set) var census = Census()
    private(set) var timers = DeadlineQueue<TimerTarget>()
    /// Slots that wait for what their services require.
    private(set) var blocked: Set<SlotID> = []
    /// Services whose slots stand otherwise than before.
    private(set) var changed: Set<String> = []
    private var identifiers: [Int32: Child.ID] = [:]
    /// The last number that was given to a child, a slot or a rollout.
    private(set) var counter = 0

    /// The slots of one service of the plan in force.
    struct ServiceSlots: Sendable {
        /// Of the service in the plan; nil when a damaged state has lost it.
        var index: Int?
        var stage = 0
        var slots: [SlotID] = []
    }

    func child(withPID pid: Int32) -> Child.ID? { identifiers[pid] }
    func child(in id: SlotID) -> Child? { slots[id]?.child.flatMap { children[$0] } }
    func slot(of child: Child) -> Slot? { child.slot.flatMap { slots[$0] } }

    /// The slots of the plan in force.
    var current: [SlotID] { services.values.flatMap(\.slots).sorted() }

    mutating func nextNumber() -> Int {
        counter += 1
        return counter
    }

    /// This number and those below it are taken.
    mutating func reserve(_ number: Int) { counter = max(counter, number) }

    // MARK: Children

    /// The child fills the slot that its duty names.
    mutating func insert(_ child: Child) {
        if let slot = child.slot { update(slot) { $0.filling = .child(child.id) } }
        replaceChild(child.id, child)
    }

    mutating func update(_ id: Child.ID, _ edit: (inout Child) -> Void) {
        guard var child = children[id] else { return }
        edit(&child)
        replaceChild(id, child)
    }

    /// It fills no slot from now on.
    mutating func dismiss(_ id: Child.ID, as duty: Duty) {
        vacate(id)
        update(id) { $0.duty = duty }
    }

    mutating func remove(_ id: Child.ID) {
        vacate(id)
        replaceChild(id, nil)
    }

    private mutating func vacate(_ id: Child.ID) {
        guard let slot = children[id]?.slot, slots[slot]?.child == id else { return }
        update(slot) { $0.filling = .empty }
    }

    private mutating func replaceChild(_ id: Child.ID, _ child: Child?) {
        let before = children[id]
        recounting((child ?? before)?.slot) { registry in
            registry.children[id] = child
            if let before { registry.census.remove(before) }
            if let child { registry.census.add(child) }
            if let pid = before?.pid, pid != child?.pid { registry.identifiers[pid] = nil }
            if let pid = child?.pid, pid > 0 { registry.identifiers[pid] = id }
            registry.timers.set(.child(id), child?.life.deadline)
        }
    }

    // MARK: Slots

    mutating func insert(_ slot: Slot) { replaceSlot(slot.id, slot) }

    mutating func update(_ id: SlotID, _ edit: (inout Slot) -> Void) {
        guard var slot = slots[id] else { return }
        edit(&slot)
        replaceSlot(id, slot)
    }

    /// Its child was dismissed before.
    mutating func remove(slot id: SlotID) { replaceSlot(id, nil) }

    private mutating func replaceSlot(_ id: SlotID, _ slot: Slot?) {
        recounting(id) { registry in
            registry.slots[id] = slot
            registry.timers.set(.slot(id), slot?.restartAt)
            registry.timers.set(.patience(id), slot?.patience)
            if slot?.filling == .blocked { registry.blocked.insert(id) } else { registry.blocked.remove(id) }
        }
    }

    // MARK: Services

    /// From now on these are the slots of the plan in force.
    mutating func place(_ ids: [SlotID], _ plan: Plan?) {
        let plannedServices = plan?.services ?? []
        let stages = (try? plan?.stages()) ?? []
        services = [:]
        for (index, service) in plannedServices.enumerated() {
            services[service.name] = ServiceSlots(index: index, stage: index < stages.count ? stages[index] : 0)
        }
        for id in ids {
            if let slot = slots[id] { services[slot.service.name, default: ServiceSlots()].slots.append(id) }
        }
    }

    /// One more instance, or a few less, of a service of the plan in force.
    mutating func place(_ ids: [SlotID], of name: String) {
        services[name]?.slots = ids
        changed.insert(name)
    }

    mutating func disable(_ name: String) { recounting(service: name) { $0.disabled.insert(name) } }
    mutating func enable(_ name: String) { recounting(service: name) { $0.disabled.remove(name) } }

    private mutating func recounting(service name: String, _ change: (inout Self) -> Void) {
        let ids = services[name]?.slots ?? []
        let before = ids.compactMap(entry)
        change(&self)
        for entry in before { census.remove(entry) }
        for id in ids { if let entry = entry(id) { census.add(entry) } }
        changed.insert(name)
    }

    // MARK: Counting

    /// Counts the slot anew when the change has made another of it.
    private mutating func recounting(_ id: SlotID?, _ change: (inout Self) -> Void) {
        let before = id.flatMap(entry)
        change(&self)
        let after = id.flatMap(entry)
        guard before != after else { return }
        if let before { census.remove(before) }
        if let after { census.add(after) }
        if let name = (after ?? before)?.service { changed.insert(name) }
    }

    private func entry(_ id: SlotID) -> Census.SlotEntry? {
        guard let slot = slots[id] else { return nil }
        let isDisabled = disabled.contains(slot.service.name)
        let isReady = slot.child.flatMap { children[$0] }?.phase == .ready
        let standing: Census.SlotEntry.Standing =
            switch slot.membership {
            case .current:
                isDisabled || isReady
                    ? .settled : slot.hasFailed ? .failed : slot.filling == .finished ? .finished : .awaited
            case .candidate(.followed): isReady || slot.isOver ? .settled : .awaited
            case .candidate(.awaited): isReady || slot.filling == .finished ? .settled : .awaited
            case .candidate(.pending), .candidate(.excused): .settled
            }
        return Census.SlotEntry(
            service: slot.service.name, isCurrent: !slot.isCandidate, standing: standing,
            isDisabled: isDisabled, stage: slot.child == nil ? nil : slot.stage)
    }

    /// Whoever waits for the service looks at it again.
    mutating func note(_ name: String) { changed.insert(name) }

    /// The services that stand otherwise since the last time.
    mutating func takeChanged() -> Set<String> {
        defer { changed.removeAll(keepingCapacity: true) }
        return changed
    }

    // MARK: Timers

    mutating func setTimer(_ target: TimerTarget, _ due: Instant?) { timers.set(target, due) }
    mutating func nextDeadline() -> Instant? { timers.next() }
    mutating func popDue(at now: Instant) -> TimerTarget? { timers.popDue(at: now) }
}
