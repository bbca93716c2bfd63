import Synchronization
import Testing

@testable import DaemonKit

@Suite("PauseState", .timeLimit(.minutes(20)))
struct PauseStateTests {
    private let state = PauseState()
    private let calls = Calls()

    private final class Calls: Sendable {
        private let names = Mutex<[String]>([])
        var all: [String] { names.withLock(\.self) }
        func add(_ name: String) { names.withLock { $0.append(name) } }
    }

    private func observe() {
        let calls = calls
        for name in ["a", "b"] {
            state.onPause { calls.add("pause \(name)") }
            state.onResume { calls.add("resume \(name)") }
        }
    }

    @Test("Handlers are called in the order of their registration, at each change and not otherwise")
    func changes() {
        observe()
        for isPaused in [false, true, true, false, false, true] { state.set(isPaused) }
        state.waitUntilIdle()
        #expect(calls.all == ["pause a", "pause b", "resume a", "resume b", "pause a", "pause b"])
        #expect(state.isPaused)
    }

    @Test("One that comes during a pause is told of it; a resumption that was is not told")
    func late() {
        state.set(true)
        observe()
        state.waitUntilIdle()
        #expect(calls.all == ["pause a", "pause b"])
        state.set(false)
        observe()
        state.waitUntilIdle()
        #expect(calls.all == ["pause a", "pause b", "resume a", "resume b"])
    }

    @Test("While handlers are registered and the state changes, a pause that lasts is heard last")
    func last() throws {
        for _ in 0..<200 {
            let (state, calls) = (PauseState(), Calls())
            try inThreads(2) { thread in
                if thread == 0 {
                    for number in 0..<11 { state.set(number % 2 == 0) }
                } else {
                    state.onResume { calls.add("resume") }
                    state.onPause { calls.add("pause") }
                }
            }
            state.waitUntilIdle()
            #expect(state.isPaused && calls.all.last == "pause")
        }
    }
}
