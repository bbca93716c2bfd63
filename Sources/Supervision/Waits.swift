/// Who is answered when something has come about. What one of them costs does not grow with the others: each waits at
/// what he waits for.
struct Waits: Sendable {
    enum Goal: Equatable, Sendable {
        /// No rollout runs, and everything is ready.
        case everything
        /// Each slot of the service is ready.
        case service(String)
        /// These have gone.
        case end(of: Set<Child.ID>)
    }

    struct Wait: Equatable, Sendable {
        let requester: Requester
        let goal: Goal
    }

    /// Children that are to go, and the requesters who wait for the last of them.
    private struct Departure {
        var children: Set<Child.ID>
        var requesters: Set<Requester> = []
    }

    private enum Post: Hashable {
        case everything
        case service(String)
        case departure(Int)
    }

    /// Where each waits, and since when.
    private var posts: [Requester: (post: Post, number: Int)] = [:]
    private var everything: Set<Requester> = []
    private var services: [String: Set<Requester>] = [:]
    private var departures: [Int: Departure] = [:]
    /// The departures of each child. They differ from each other: whoever waits for the same, waits at the same.
    private var leaving: [Child.ID: [Int]] = [:]
    /// Departures whose last child has gone.
    private var departed: [Int] = []
    private var count = 0

    var isEmpty: Bool { posts.isEmpty }

    /// In the order in which they came.
    var all: [Wait] {
        posts.sorted { $0.value.number < $1.value.number }.map { requester, entry in
            let goal: Goal =
                switch entry.post {
                case .everything: .everything
                case .service(let name): .service(name)
                case .departure(let number): .end(of: departures[number]?.children ?? [])
                }
            return Wait(requester: requester, goal: goal)
        }
    }

    mutating func append(_ requester: Requester, _ goal: Goal) {
        remove(requester)
        count += 1
        let post = open(goal)
        posts[requester] = (post, count)
        switch post {
        case .everything: everything.insert(requester)
        case .service(let name): services[name, default: []].insert(requester)
        case .departure(let number): departures[number]?.requesters.insert(requester)
        }
    }

    private mutating func open(_ goal: Goal) -> Post {
        switch goal {
        case .everything: return .everything
        case .service(let name): return .service(name)
        case .end(let children):
            let known = children.first.flatMap { leaving[$0] } ?? []
            if let same = known.first(where: { departures[$0]?.children == children }) { return .departure(same) }
            count += 1
            departures[count] = Departure(children: children)
            for child in children { leaving[child, default: []].append(count) }
            if children.isEmpty { departed.append(count) }
            return .departure(count)
        }
    }

    mutating func remove(_ requester: Requester) {
        guard let (post, _) = posts.removeValue(forKey: requester) else { return }
        switch post {
        case .everything: everything.remove(requester)
        case .service(let name):
            services[name]?.remove(requester)
            if services[name]?.isEmpty == true { services[name] = nil }
        // It stays until its children have gone.
        case .departure(let number): departures[number]?.requesters.remove(requester)
        }
    }

    mutating func hasGone(_ child: Child.ID) {
        for number in leaving.removeValue(forKey: child) ?? [] {
            departures[number]?.children.remove(child)
            if departures[number]?.children.isEmpty == true { departed.append(number) }
        }
    }

    // MARK: Answers

    /// Those who wait for any service.
    var awaitedServices: [String] { Array(services.keys) }
    func isAwaited(_ service: String) -> Bool { services[service] != nil }

    /// Somebody who waits no longer.
    struct Waiter {
        /// The later he came, the larger.
        let number: Int
        let requester: Requester
    }

    mutating func takeEverything() -> [Waiter] { take(everything) }
    mutating func take(service name: String) -> [Waiter] { take(services[name] ?? []) }

    /// Those whose children have gone.
    mutating func takeDeparted() -> [Waiter] {
        guard !departed.isEmpty else { return [] }
        var requesters: Set<Requester> = []
        for number in departed { requesters.formUnion(departures[number]?.requesters ?? []) }
        let taken = take(requesters)
        for number in departed { departures[number] = nil }
        departed = []
        return taken
    }

    mutating func takeAll() -> [Waiter] {
        let all = take(Set(posts.keys))
        self = Waits()
        return all
    }

    /// In the order in which they came.
    private mutating func take(_ requesters: Set<Requester>) -> [Waiter] {
        let waiters = requesters.map { Waiter(number: posts[$0]?.number ?? 0, requester: $0) }
        for requester in requesters { remove(requester) }
        return waiters.sorted { $0.number < $1.number }
    }
}
