import Testing
import Unix

@testable import DaemonCore

@Suite("How long a log waits in all", .timeLimit(.minutes(20)))
struct WaitCreditTests {
    /// What a wait is allowed, which then takes that long.
    private func wait(_ credit: inout WaitCredit, _ patience: Duration) -> Duration {
        credit.spend(patience) { limit in
            Poll.pause(limit)
            return limit
        }
    }

    @Test("waits are as long as is left, and what a reader takes is earned back")
    func spends() {
        var credit = WaitCredit()
        #expect(wait(&credit, .milliseconds(500)) == .milliseconds(500))
        #expect(wait(&credit, .seconds(3600)) <= .milliseconds(1500))
        #expect(credit.left == .zero && wait(&credit, .seconds(3600)) == .zero)
        credit.earn(10_000)
        #expect(credit.left == .milliseconds(150))
        credit.earn(.max)
        #expect(credit.left == WaitCredit().left)
    }
}
