/// What is due when: a binary heap. Setting a deadline costs no more than the depth of the heap, and putting one off
/// costs nothing but a note: its entry stays where it is, and moves when it surfaces.
///
/// Invariants: every target with a deadline has an entry that is due no later; `armed` knows its soonest one.
package struct DeadlineQueue<Target: Hashable & Comparable & Sendable>: Sendable {
    private var deadlines: [Target: Instant] = [:]
    private var armed: [Target: Instant] = [:]
    private var heap: [Entry] = []

    package init() {}

    /// Whatever the order in which they were inserted, they come out in the same one.
    private struct Entry: Comparable {
        let due: Instant
        let target: Target

        static func < (left: Self, right: Self) -> Bool {
            left.due == right.due ? left.target < right.target : left.due < right.due
        }
    }

    /// Entries, those that are no longer meant among them.
    var count: Int { heap.count }

    package subscript(target: Target) -> Instant? { deadlines[target] }

    /// The target's only deadline; nil for none.
    package mutating func set(_ target: Target, _ due: Instant?) {
        guard deadlines[target] != due else { return }
        deadlines[target] = due
        guard let due, armed[target].map({ due < $0 }) ?? true else { return }
        push(due, target)
        // bounded: counts of what lies in memory
        if heap.count > 2 * deadlines.count + 64 { compact() }
    }

    /// When the next one is due.
    package mutating func next() -> Instant? {
        surface()
        return heap.first?.due
    }

    /// Takes the first that is due, in the order of their deadlines.
    package mutating func popDue(at now: Instant) -> Target? {
        surface()
        guard let first = heap.first, first.due <= now else { return nil }
        pop()
        armed[first.target] = nil
        deadlines[first.target] = nil
        return first.target
    }

    // MARK: The heap

    /// Drops what is no longer meant, and moves what was put off, until the first entry is true.
    private mutating func surface() {
        while let first = heap.first, deadlines[first.target] != first.due || armed[first.target] != first.due {
            pop()
            guard armed[first.target] == first.due else { continue }
            armed[first.target] = nil
            if let due = deadlines[first.target] { push(due, first.target) }
        }
    }

    private mutating func push(_ due: Instant, _ target: Target) {
        armed[target] = due
        heap.append(Entry(due: due, target: target))
        var index = heap.count - 1
        while index > 0, case let parent = (index - 1) / 2, heap[index] < heap[parent] {
            heap.swapAt(index, parent)  // bounded: indices of the heap
            index = parent
        }
    }

    private mutating func pop() {
        guard let last = heap.popLast(), !heap.isEmpty else { return }
        heap[0] = last
        sink(0)
    }

    /// Leaves one entry for each deadline.
    private mutating func compact() {
        armed = deadlines
        heap = deadlines.map { Entry(due: $0.value, target: $0.key) }
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
