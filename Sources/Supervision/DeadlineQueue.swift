/// What is due when: a binary heap. A deadline that was moved stays inside until it surfaces, and is judged then.
struct DeadlineQueue: Sendable {
    enum Target: Hashable, Sendable {
        case child(Child.ID)
        case slot(SlotID)
        /// The delay of a round, by its number.
        case round(Int)
        case reload

        var rank: (Int, Int) {
            switch self {
            case .child(let id): (0, id)
            case .slot(let id): (1, id)
            case .round(let number): (2, number)
            case .reload: (3, 0)
            }
        }
    }

    private var heap: [Entry] = []

    /// Whatever the order in which they were inserted, they come out in the same one.
    private struct Entry: Comparable {
        let due: Instant
        let target: Target

        static func < (left: Self, right: Self) -> Bool {
            left.due == right.due ? left.target.rank < right.target.rank : left.due < right.due
        }
    }

    var count: Int { heap.count }
    var first: (due: Instant, target: Target)? { heap.first.map { ($0.due, $0.target) } }

    mutating func insert(_ due: Instant, _ target: Target) {
        heap.append(Entry(due: due, target: target))
        var index = heap.count - 1
        while index > 0, case let parent = (index - 1) / 2, heap[index] < heap[parent] {
            heap.swapAt(index, parent)  // bounded: indices of the heap
            index = parent
        }
    }

    mutating func removeFirst() {
        guard let last = heap.popLast(), !heap.isEmpty else { return }
        heap[0] = last
        sink(0)
    }

    /// Drops what is no longer meant.
    mutating func compact(isCurrent: (Instant, Target) -> Bool) {
        heap.removeAll { !isCurrent($0.due, $0.target) }
        for index in (0..<heap.count / 2).reversed() { sink(index) }
    }

    private mutating func sink(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2]  // bounded: indices of the heap
            where child < heap.count && heap[child] < heap[least] { least = child }
            if least == index { return }
            heap.swapAt(index, least)  // bounded: indices of the heap
            index = least
        }
    }
}
