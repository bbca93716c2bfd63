import Supervision

/// Commands, and who waits.
extension World {
    mutating func commandGiven(_ requester: Requester?, _ command: ServiceCommand) {
        let state: Request.State = stopping != nil ? .owedStopping : .queued
        if let requester { requests.append(Request(requester: requester, state: state)) }
        guard stopping == nil else { return }
        orders.append((requester, command))
        if round == nil { followOrders() }
    }

    /// One after the other: each ends with a report that the table has changed.
    mutating func followOrders() {
        require(expected.told.isEmpty, "a command tells everyone whom it is for")
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

    private func isCurrent(_ place: Place, _ name: String) -> Bool {
        !place.isCandidate && book[place.rules].name == name
    }

    private func filler(_ place: Place) -> Int? {
        living.firstIndex { $0.label == place.label && $0.role == .current }
    }

    private mutating func fill(_ name: String, restarting: Bool) {
        held.remove(name)
        for index in places.indices where isCurrent(places[index], name) {
            places[index].isOver = false
            places[index].isDone = false
            places[index].isBlocked = false
            places[index].failures = 0
            places[index].restarts = []
            guard let process = filler(places[index]) else {
                places[index].due = now
                places[index].latest = now
                continue
            }
            if restarting && !living[process].isTold && living[process].phase != .asked {
                expected.told.insert(living[process].id)
            }
            if restarting || living[process].isTold { living[process].restarts = true }
        }
    }

    private mutating func hold(_ name: String) -> Set<Child.ID> {
        held.insert(name)
        owe(.service(name), .owedNoInstances(name))
        var leaving: Set<Child.ID> = []
        for index in places.indices where isCurrent(places[index], name) {
            places[index].due = never
            places[index].latest = never
            places[index].isBlocked = false
            guard let process = filler(places[index]) else { continue }
            leaving.insert(living[process].id)
            living[process].restarts = false
            if living[process].phase != .asked && !living[process].isTold { expected.told.insert(living[process].id) }
        }
        return leaving
    }

    private mutating func scale(_ page: Int, _ count: Int) {
        let name = book[page].name
        for place in places where isCurrent(place, name) && place.instance >= count {
            guard let process = filler(place) else { continue }
            living[process].role = .old
            living[process].restarts = false
            if living[process].isTold {
                growsOld(process, terms?.age ?? never)
            } else if living[process].phase != .asked {
                expected.told.insert(living[process].id)
            }
        }
        places = places.filter { !isCurrent($0, name) || $0.instance < count }
        for instance in 0..<count where !places.contains(where: { isCurrent($0, name) && $0.instance == instance }) {
            var place = Place(label: -1, instance: instance, rules: page, isCandidate: false, lastSpawn: now)
            place.isFilled = false
            if !held.contains(name) { (place.due, place.latest) = (now, now) }
            places.append(place)
        }
    }

    // MARK: Places of held services

    /// Makes room for those that are not started; how many.
    mutating func openHeldPlaces(_ terms: Terms) -> Int {
        var count = 0
        for page in terms.base..<terms.base + terms.count where held.contains(book[page].name) {
            for instance in 0..<book[page].instances
            where !places.contains(where: { $0.kept == page && $0.instance == instance }) {
                var place = Place(label: -1, instance: instance, rules: page, isCandidate: true, lastSpawn: now)
                place.isFilled = false
                places.append(place)
                count += 1
            }
        }
        return count
    }

    func isHeld(_ place: Place) -> Bool { held.contains(book[place.rules].name) }

    /// The first child of a place tells what the engine calls it.
    mutating func place(of child: Child) -> Int? {
        if let index = places.firstIndex(where: { $0.label == child.slot }) { return index }
        let index = places.firstIndex {
            $0.label < 0 && !$0.isCandidate && book[$0.rules].name == child.service && $0.instance == child.instance
        }
        if let index { places[index].label = child.slot ?? 0 }
        return index
    }

    // MARK: Who waits

    mutating func forgotten(_ requester: Requester) { requests.removeAll { $0.requester == requester } }

    func isAnswerKnown(_ request: Request) -> Bool { request.isOwed || outcome(of: request) != nil }

    /// What a requester is answered who waits for something to come about.
    func outcome(of request: Request) -> Answer? {
        switch request.state {
        case .everything:
            guard round == nil, terms != nil else { return nil }
            for place in places where !isHeld(place) && !place.isOver && !place.isDone && !isReady(place) { return nil }
        case .service(let name):
            if page(of: name) == nil { return .failed(.unknownService(name)) }
            if !held.contains(name) {
                for place in places where isCurrent(place, name) && place.isOver { return .failed(.gaveUp(name)) }
                for place in places where isCurrent(place, name) && !place.isDone && !isReady(place) { return nil }
            }
        case .end(let children): for process in living where children.contains(process.id) { return nil }
        default: return nil
        }
        return .done(generation: supervisor.generation)
    }
}
