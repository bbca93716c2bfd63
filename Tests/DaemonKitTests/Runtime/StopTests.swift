import Testing
import Unix

@testable import DaemonKit

@Suite("Stop")
struct StopTests {
    @Test("phases have an order and names")
    func order() {
        let phases = [StopPhase.running, .stopping, .draining, .closing]
        #expect(phases.sorted() == phases)
        #expect(phases.map(\.description) == ["running", "stopping", "draining", "closing"])
    }

    @Test(
        "an async main is cancelled when a tenth of its grace period is left, 100 ms at least and 3 s at most",
        arguments: [
            (Duration.seconds(30), Duration.seconds(27)), (.seconds(10), .seconds(9)), (.seconds(300), .seconds(297)),
            (.milliseconds(600), .milliseconds(500)), (.milliseconds(50), .zero), (.zero, .zero),
        ])
    func cancellation(grace: Duration, delay: Duration) {
        #expect(MainCancellation.delay(within: grace) == delay)
    }
}
