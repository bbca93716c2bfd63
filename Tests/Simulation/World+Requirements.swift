import Supervision

/// Who is not started before another is ready.
extension World {
    enum Requirement { case met, missing, failed }

    /// As the place sees it: a new one sees the new plan.
    func requirement(of place: Place) -> Requirement {
        if place.isCandidate && round?.terms?.retries == true { return .met }
        var isMissing = false
        for name in book[place.rules].requires {
            if held.contains(name) {
                isMissing = true
                continue
            }
            for other in places where isSeen(other, name, by: place) {
                if other.isOver { return .failed }
                if !other.isDone && !isReady(other) { isMissing = true }
            }
        }
        return isMissing ? .missing : .met
    }

    private func isSeen(_ other: Place, _ name: String, by place: Place) -> Bool {
        guard place.isCandidate else { return !other.isCandidate && book[other.rules].name == name }
        return other.isCandidate && book[other.rules].name == name || other.kept >= 0 && book[other.kept].name == name
    }

    /// An instance is not started, or has failed with what it requires.
    mutating func blocked(_ report: Blocked) {
        require(stopping == nil, "nobody waits in a stop")
        guard let index = places.firstIndex(where: { $0.label == report.slot }) ?? newPlace(report) else {
            return fail("who waits is of the plan")
        }
        let place = places[index]
        let rules = book[place.rules]
        require(rules.requires.contains(report.requirement), "who waits requires something")
        require(!place.isFilled && !place.isOver && !place.isDone, "who waits is not there")
        require(place.isBlocked || place.due <= now, "who waits was to be started")
        let state = requirement(of: place)
        require(state != .met, "who waits lacks something")
        if place.isCandidate && rules.isCritical {
            require(report.hasFailed && !isHeld(place), "a round fails when a critical child cannot be started")
            expected.roundFails = true
            return
        }
        require(report.hasFailed == (state == .failed), "who requires what has failed has failed too")
        if place.isCandidate {
            (places[index].isExcused, places[index].isFollowed, places[index].patience) = (true, false, never)
        }
        // Its pause is over.
        places[index].due = now
        places[index].isBlocked = !report.hasFailed
        guard report.hasFailed else { return }
        if place.isCandidate { places[index].isOver = true } else { over(index, 1, gaveUp: false) }
    }

    /// Of a new plan, or of one that was scaled: nobody was there before.
    private mutating func newPlace(_ report: Blocked) -> Int? {
        let index = places.firstIndex {
            $0.label < 0 && !$0.isCandidate && book[$0.rules].name == report.service && $0.instance == report.instance
        }
        if let index {
            places[index].label = report.slot
            return index
        }
        guard let terms = round?.terms,
            let page = (terms.base..<terms.base + terms.count).first(where: { book[$0].name == report.service })
        else { return nil }
        require(report.instance < book[page].instances, "who waits is an instance of the plan")
        var place = Place(label: report.slot, instance: report.instance, rules: page, isCandidate: true, lastSpawn: now)
        place.isFilled = false
        place.due = now
        places.append(place)
        return places.count - 1
    }

    /// Nobody waits for longer than he must.
    mutating func settleBlocked() {
        guard stopping == nil else { return }
        for place in places where place.isBlocked {
            let state = requirement(of: place)
            require(state != .met, "who waits is started when what he requires is ready")
            require(state != .failed, "who waits for what has failed has failed too")
        }
    }
}
