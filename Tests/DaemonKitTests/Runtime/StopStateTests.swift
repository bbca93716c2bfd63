import Synchronization
import Testing
import Unix

@testable import DaemonKit

@Suite("StopState", .timeLimit(.minutes(20)))
struct StopStateTests {
    /// What was called, in order.
    private final class Calls: Sendable {
        private let names = Mutex<[String]>([])
        var all: [String] { names.withLock(\.self) }
        func add(_ name: String) { names.withLock { $0.append(name) } }
    }

    private func enter(_ phase: StopPhase, _ state: StopState) {
        for body in state.enter(phase) { body() }
    }

    private let state = StopState()
    private let calls = Calls()

    private func observe(_ phase: StopPhase, _ name: String) -> Int {
        let calls = calls
        return state.observe(phase) { calls.add(name) }
    }

    @Test("the phases follow each other, and none comes back")
    func phases() {
        #expect(state.phase == .running)
        enter(.stopping, state)
        #expect(state.phase == .stopping)
        enter(.draining, state)
        #expect(state.phase == .draining)
        enter(.stopping, state)
        #expect(state.phase == .draining)
    }

    @Test("observers are called once, in the order of their arrival, each at its phase")
    func observers() {
        for name in ["a", "b", "c"] { _ = observe(.stopping, name) }
        _ = observe(.draining, "late")
        _ = observe(.stopping, "d")
        #expect(calls.all.isEmpty)
        enter(.stopping, state)
        enter(.stopping, state)
        #expect(calls.all == ["a", "b", "c", "d"])
        enter(.draining, state)
        #expect(calls.all == ["a", "b", "c", "d", "late"])
    }

    @Test("a phase that is left out calls its observers too")
    func leftOut() {
        _ = observe(.draining, "draining")
        _ = observe(.stopping, "stopping")
        enter(.draining, state)
        #expect(calls.all == ["draining", "stopping"])
    }

    @Test("an observer that comes late is called at once")
    func late() {
        enter(.stopping, state)
        _ = observe(.stopping, "late")
        _ = observe(.draining, "not yet")
        #expect(calls.all == ["late"])
    }

    @Test("one that is forgotten is not called")
    func forget() {
        let number = observe(.stopping, "forgotten")
        _ = observe(.stopping, "kept")
        state.forget(number)
        state.forget(12345)
        enter(.stopping, state)
        #expect(calls.all == ["kept"])
        state.forget(number)
    }

    @Test("an observer may register another, which is called at once")
    func nested() {
        let (state, calls) = (state, calls)
        state.observe(.stopping) { state.observe(.stopping) { calls.add("inner") } }
        enter(.stopping, state)
        #expect(calls.all == ["inner"])
    }

    @Test("the descriptor is readable from the stop on, and stays so")
    func descriptor() throws {
        let descriptor = try state.descriptor()
        #expect(!Poll.readable(descriptor, timeout: .zero))
        enter(.stopping, state)
        enter(.draining, state)
        for _ in 0..<2 { #expect(Poll.readable(descriptor, timeout: .zero)) }
        #expect(try state.descriptor() == descriptor)
    }

    @Test(
        "a descriptor that is asked for after the stop is readable at once", arguments: [StopPhase.stopping, .draining])
    func lateDescriptor(phase: StopPhase) throws {
        enter(phase, state)
        #expect(Poll.readable(try state.descriptor(), timeout: .zero))
    }

    @Test("without a descriptor to be had it says so, and works without")
    func noDescriptor() async {
        await #expect(processExitsWith: .success) {
            let state = StopState()
            openFilesLimit = (soft: 3, hard: openFilesLimit.hard)
            #expect(throws: Errno.tooManyOpenFiles) { try state.descriptor() }
            for body in state.enter(.stopping) { body() }
            #expect(state.phase == .stopping)
            openFilesLimit = (soft: 100, hard: openFilesLimit.hard)
            let descriptor = try state.descriptor()
            #expect(Poll.readable(descriptor, timeout: .zero))
        }
    }

    @Test("from many threads each observer is called once")
    func threads() throws {
        let (state, count) = (state, calls)
        try inThreads(8) { thread in
            for number in 0..<500 {
                state.observe(number % 2 == 0 ? .stopping : .draining) { count.add("\(thread)/\(number)") }
                if number == 250 { for body in state.enter(thread % 2 == 0 ? .stopping : .draining) { body() } }
            }
        }
        for body in state.enter(.draining) { body() }
        #expect(count.all.count == 4000 && Set(count.all).count == 4000)
    }
}
