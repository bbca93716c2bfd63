import Synchronization

final class SendableCounter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .acquiring) }
    private let locked = Mutex(0)
    func addLocked() {
        locked.withLock { $0 += 1 }
        add()
    }
    func add() { count.add(1, ordering: .acquiringAndReleasing) }
}
