/// Requesters in the order in which they came. Nothing but the answer itself costs more when there are many.
struct RequesterQueue: Equatable, Sendable {
    private var places: [Requester: Int] = [:]
    private var last = 0

    init(_ requesters: [Requester] = []) { for requester in requesters { append(requester) } }

    var isEmpty: Bool { places.isEmpty }
    var inOrder: [Requester] { places.sorted { $0.value < $1.value }.map(\.key) }

    static func == (left: Self, right: Self) -> Bool { left.inOrder == right.inOrder }

    mutating func append(_ requester: Requester?) {
        guard let requester else { return }
        last += 1
        places[requester] = last
    }

    mutating func append(_ others: Self) { for requester in others.inOrder { append(requester) } }
    mutating func remove(_ requester: Requester) { places[requester] = nil }
}

/// A command, and who waits for its answer.
struct Order: Equatable, Sendable {
    var requester: Requester?
    let command: ServiceCommand
}

/// Commands that came during a rollout: done after it.
struct OrderQueue: Sendable {
    private var commands: [Order] = []
    private var requesters: Set<Requester> = []

    /// A requester who was forgotten is none.
    var orders: [Order] {
        commands.map { order in
            Order(requester: order.requester.flatMap { requesters.contains($0) ? $0 : nil }, command: order.command)
        }
    }

    mutating func append(_ order: Order) {
        commands.append(order)
        if let requester = order.requester { requesters.insert(requester) }
    }

    mutating func forget(_ requester: Requester) { requesters.remove(requester) }
}

/// Everyone who waits for an answer, but for those of the rollout and of the upgrade.
struct Requests: Sendable {
    var next: NextRollout?
    var orders = OrderQueue()
    var waits = Waits()
}
