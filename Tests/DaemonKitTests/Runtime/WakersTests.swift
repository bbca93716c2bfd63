import Testing
import Unix

@testable import DaemonKit

@Suite("Wakers")
struct WakersTests {
    @Test("a poll loop is woken by every phase and every pause, and not by what changes nothing")
    func changes() throws {
        let wakers = Wakers()
        let (stop, pause) = (StopState(wakers), PauseState(isPaused: false, wakers))
        let pipe = try WakePipe()
        wakers.add(pipe)
        func isWoken() -> Bool {
            defer { pipe.clear() }
            return Poll.readable(pipe.descriptor, timeout: .zero)
        }
        #expect(!isWoken())
        pause.set(true)
        #expect(isWoken() && !isWoken())
        pause.set(true)
        #expect(!isWoken())
        pause.set(false)
        #expect(isWoken())
        for phase in [StopPhase.stopping, .draining, .closing] {
            _ = stop.enter(phase)
            #expect(isWoken() && !isWoken())
        }
    }

    @Test("one that is gone is not woken")
    func gone() throws {
        let wakers = Wakers()
        do { wakers.add(try WakePipe()) }
        wakers.wake()
        let pipe = try WakePipe()
        wakers.add(pipe)
        wakers.wake()
        #expect(Poll.readable(pipe.descriptor, timeout: .zero))
    }
}
