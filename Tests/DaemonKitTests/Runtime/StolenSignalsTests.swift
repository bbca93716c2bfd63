import Testing
import Unix

@testable import DaemonKit

@Suite("StolenSignals")
struct StolenSignalsTests {
    @Test("a signal that another handler has taken is told once, and again when it is taken a second time")
    func once() {
        let stolen = StolenSignals(ours: 1)
        #expect(stolen.look { _ in 1 }.isEmpty)
        let texts = stolen.look { $0 == .hangup ? 2 : 1 }
        #expect(texts.count == 1 && texts[0].contains("SIGHUP") && texts[0].contains("onReload()"))
        #expect(stolen.look { $0 == .hangup ? 2 : 1 }.isEmpty)
        #expect(stolen.look { _ in 2 }.count == 2)
        #expect(stolen.look { _ in 1 }.isEmpty)
        #expect(stolen.look { $0 == .hangup ? 2 : 1 }.count == 1)
    }

    @Test("whose a signal is, the system says")
    func ours() async {
        await #expect(processExitsWith: .success) {
            let pipe = try SignalPipe()
            for signal in [Signal.hangup, .terminate, .interrupt] { pipe.catches(signal) }
            let stolen = StolenSignals()
            #expect(stolen.look().isEmpty)
            Signal.hangup.discard()
            #expect(stolen.look().count == 1)
            pipe.catches(.hangup)
            #expect(stolen.look().isEmpty)
        }
    }
}
