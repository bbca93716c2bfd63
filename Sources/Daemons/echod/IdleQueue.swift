/// Connections by the time when they might be idle: a binary heap. An entry is looked at only when it is due, so that
/// activity costs nothing.
struct IdleQueue {
    struct Entry {
        let number: Int32
        let serial: Int
        var due: ContinuousClock.Instant
    }

    private var heap: [Entry] = []

    var next: ContinuousClock.Instant? { heap.first?.due }

    mutating func push(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0, heap[child].due < heap[(child - 1) / 2].due {
            heap.swapAt(child, (child - 1) / 2)  // bounded: indices of the heap
            child = (child - 1) / 2
        }
    }

    mutating func popDue(_ now: ContinuousClock.Instant) -> Entry? {
        guard let first = heap.first, first.due <= now else { return nil }
        heap.swapAt(0, heap.count - 1)  // bounded: indices of the heap
        heap.removeLast()
        var parent = 0
        while true {
            let left = 2 * parent + 1  // bounded: indices of the heap
            guard left < heap.count else { return first }
            let right = left + 1
            let least = right < heap.count && heap[right].due < heap[left].due ? right : left
            guard heap[least].due < heap[parent].due else { return first }
            heap.swapAt(least, parent)  // bounded: indices of the heap
            parent = least
        }
    }
}
