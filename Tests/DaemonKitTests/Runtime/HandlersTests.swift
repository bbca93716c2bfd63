import Synchronization
import Testing
import Unix

@testable import DaemonKit

@Suite("Handlers", .timeLimit(.minutes(20)))
struct HandlersTests {
    private let handlers = Handlers()

    @Test("they run in the order of their registration")
    func order() {
        let numbers = Mutex<[Int]>([])
        for number in 0..<1000 { handlers.run { numbers.withLock { $0.append(number) } } }
        handlers.waitUntilIdle()
        #expect(numbers.withLock { $0 } == Array(0..<1000))
    }

    @Test("they run beside the caller: one that hangs holds nobody up")
    func hanging() throws {
        let ends = try FileDescriptor.pipe()
        let gate = ends.read.number
        let done = Atomic(0)
        let caller = pthread_self()
        handlers.run {
            if pthread_self() != caller { _ = Poll.readable(gate, timeout: .seconds(20)) }
            done.add(1, ordering: .relaxed)
        }
        handlers.run { done.add(1, ordering: .relaxed) }
        #expect(done.load(ordering: .relaxed) == 0)
        try Descriptor.writeAll(ends.write.number, ".")
        handlers.waitUntilIdle()
        #expect(done.load(ordering: .relaxed) == 2)
    }

    @Test("never two at once, whoever registers them, and none is lost")
    func oneAtATime() throws {
        let (running, count, together) = (Counter(), Counter(), Counter())
        let handlers = handlers
        try inThreads(8) { _ in
            for _ in 0..<200 {
                handlers.run {
                    if running.add(1) != 1 { _ = together.add(1) }
                    _ = count.add(1)
                    _ = running.add(-1)
                }
            }
        }
        handlers.waitUntilIdle()
        #expect(count.value == 1600 && together.value == 0)
    }

    @Test("a handler may register another, which comes after those that wait already")
    func nested() {
        let names = Mutex<[String]>([])
        let handlers = handlers
        handlers.run {
            handlers.run { names.withLock { $0.append("inner") } }
            names.withLock { $0.append("outer") }
        }
        handlers.waitUntilIdle()
        #expect(names.withLock { $0 } == ["outer", "inner"])
    }

    @Test("where there is nothing to run, nobody waits")
    func idle() { handlers.waitUntilIdle() }
}

private final class Counter: Sendable {
    private let number = Atomic(0)
    var value: Int { number.load(ordering: .sequentiallyConsistent) }
    func add(_ change: Int) -> Int { number.add(change, ordering: .sequentiallyConsistent).newValue }
}
