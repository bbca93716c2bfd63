import Synchronization
import Testing
import Unix

@Suite("Threads", .timeLimit(.minutes(20)))
struct ThreadTests {
    @Test("a thread runs its closure, beside the caller")
    func runs() throws {
        let caller = pthread_self()
        let result = Mutex<Bool?>(nil)
        try inThreads(1) { _ in result.withLock { $0 = pthread_self() != caller } }
        #expect(result.withLock { $0 } == true)
    }

    @Test("a thousand threads leave nothing behind")
    func many() throws {
        let count = Atomic(0)
        for _ in 0..<20 { try inThreads(50) { _ in count.add(1, ordering: .relaxed) } }
        #expect(count.load(ordering: .relaxed) == 1000)
    }

    @Test("the stack has the size that was asked for")
    func stackSize() throws {
        let sum = Mutex(0)
        try Thread.start(stackSize: 8 << 20) {
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 6 << 20) { space in
                space.initialize(repeating: 1)
                sum.withLock { $0 = space.count }
            }
        }
        #expect(eventually { sum.withLock { $0 } == 6 << 20 })
    }
}
