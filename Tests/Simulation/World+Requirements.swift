import Supervision

/// Who is not started before another is ready.
extension World {
    enum Requirement { case met, missing, failed }

    /// As the slot sees it: a new one sees the new plan.
    func requirement(of slot: SlotModel) -> Requirement {
        if slot.isCandidate && rollout?.terms?.retries == true { return .met }
        var isMissing = false
        for name in book[slot.rules].requires {
            if disabled.contains(name) {
                isMissing = true
                continue
            }
            for other in slots where isSeen(other, name, by: slot) {
                if other.isOver { return .failed }
                if !other.isDone && !isReady(other) { isMissing = true }
            }
        }
        return isMissing ? .missing : .met
    }

    private func isSeen(_ other: SlotModel, _ name: String, by slot: SlotModel) -> Bool {
        guard slot.isCandidate else { return !other.isCandidate && book[other.rules].name == name }
        return other.isCandidate && book[other.rules].name == name || other.kept >= 0 && book[other.kept].name == name
    }

    /// An instance is not started, or has failed with what it requires.
    mutating func blocked(_ report: Blocked) {
        require(stopping == nil, "nobody waits in a stop")
        guard let index = slots.firstIndex(where: { $0.label == report.slot }) ?? newSlot(report) else {
            return fail("who waits is of the plan")
        }
        let slot = slots[index]
        let rules = book[slot.rules]
        require(rules.requires.contains(report.requirement), "who waits requires something")
        require(!slot.isFilled && !slot.isOver && !slot.isDone, "who waits is not there")
        require(slot.isBlocked || slot.due <= now, "who waits was to be started")
        let state = requirement(of: slot)
        require(state != .met, "who waits lacks something")
        if slot.isCandidate && rules.isCritical {
            require(report.hasFailed && !isDisabled(slot), "a rollout fails when a critical child cannot be started")
            expected.rolloutFails = true
            return
        }
        require(report.hasFailed == (state == .failed), "who requires what has failed has failed too")
        if slot.isCandidate {
            (slots[index].isExcused, slots[index].isFollowed, slots[index].patience) = (true, false, never)
        }
        // Its pause is over.
        slots[index].due = now
        slots[index].isBlocked = !report.hasFailed
        guard report.hasFailed else { return }
        if slot.isCandidate { slots[index].isOver = true } else { over(index, 1, gaveUp: false) }
    }

    /// Of a new plan, or of one that was scaled: nobody was there before.
    private mutating func newSlot(_ report: Blocked) -> Int? {
        let index = slots.firstIndex {
            $0.label < 0 && !$0.isCandidate && book[$0.rules].name == report.service && $0.instance == report.instance
        }
        if let index {
            slots[index].label = report.slot
            return index
        }
        guard let terms = rollout?.terms,
            let page = (terms.base..<terms.base + terms.count).first(where: { book[$0].name == report.service })
        else { return nil }
        require(report.instance < book[page].instances, "who waits is an instance of the plan")
        var slot = SlotModel(
            label: report.slot, instance: report.instance, rules: page, isCandidate: true, lastSpawn: now)
        slot.isFilled = false
        slot.due = now
        slots.append(slot)
        return slots.count - 1
    }

    /// Nobody waits for longer than he must.
    mutating func settleBlocked() {
        guard stopping == nil else { return }
        for slot in slots where slot.isBlocked {
            let state = requirement(of: slot)
            require(state != .met, "who waits is started when what he requires is ready")
            require(state != .failed, "who waits for what has failed has failed too")
        }
    }
}
