import TestSupport
import Testing

@testable import Supervision

@Suite(.timeLimit(.minutes(20))) struct DeadlineQueueTests {
    private func instant(_ nanoseconds: Int) -> Instant { Instant(nanoseconds: Int64(nanoseconds)) }

    /// Against a plain dictionary: whatever is set, put off, brought forward and withdrawn.
    @Test(arguments: 0..<200) func itIsAListOfWhatIsDue(seed: UInt64) {
        var random = Seeded(seed)
        var queue = DeadlineQueue<TimerTarget>()
        var list: [TimerTarget: Instant] = [:]
        for _ in 0..<400 {
            let target = TimerTarget.child(Int(random.next() % 20))
            let due = random.next() % 4 == 0 ? nil : instant(Int(random.next() % 100))
            queue.set(target, due)
            list[target] = due
            let next = queue.next()
            #expect(next == list.values.min())
            guard random.next() % 5 == 0 else { continue }
            let now = instant(Int(random.next() % 100))
            while let popped = queue.popDue(at: now) {
                #expect(list[popped] == list.values.min())
                list[popped] = nil
            }
            #expect(list.values.allSatisfy { $0 > now })
        }
    }

    @Test func whatIsDueTogetherComesOutInOneOrder() {
        var queue = DeadlineQueue<TimerTarget>()
        let targets: [TimerTarget] = [.child(1), .child(2), .slot(1), .rollout, .reload]
        for target in targets.reversed() { queue.set(target, instant(7)) }
        let popped = (0..<6).map { _ in queue.popDue(at: instant(7)) }
        #expect(popped == targets + [nil])
    }

    /// The work, not the time: entries that are put off stay where they are.
    @Test func puttingOffMakesNoEntries() {
        var queue = DeadlineQueue<TimerTarget>()
        for child in 0..<10 { queue.set(.child(child), instant(1)) }
        for due in 2..<100_000 { queue.set(.child(due % 10), instant(due)) }
        #expect(queue.count == 10)
    }
}
