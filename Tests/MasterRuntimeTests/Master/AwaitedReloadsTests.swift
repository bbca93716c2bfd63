import DaemonCore
import TestSupport
import Testing
import Unix

@testable import MasterRuntime

@Suite("Reloads of workers that a service manager waits for", .timeLimit(.minutes(20)))
struct AwaitedReloadsTests {
    private let now = MonotonicTime.now
    private func begins(_ microseconds: Int64) -> NotifyMessage {
        let moment = now.nanoseconds / 1000 + microseconds
        return NotifyMessage(Array("RELOADING=1\nMONOTONIC_USEC=\(moment)".utf8)[...])
    }

    private func ends(_ status: String = "Ready.") -> NotifyMessage {
        NotifyMessage(Array("READY=1\nSTATUS=\(status)".utf8)[...])
    }

    private func awaiting(_ children: Int...) -> AwaitedReloads {
        var reloads = AwaitedReloads()
        reloads.begin()
        for child in children { reloads.signalled(child, at: now) }
        return reloads
    }

    @Test("they are over when each worker has begun and ended one")
    func each() {
        var reloads = awaiting(1, 2)
        for (message, child) in [(begins(5), 1), (begins(5), 2), (ends(), 1)] {
            reloads.take(message, from: child)
            #expect(!reloads.isEmpty)
        }
        reloads.take(ends(), from: 2)
        #expect(reloads.isEmpty && !reloads.hasFailed)
    }

    @Test("the end of a reload that had begun before the signal is not the end of this one")
    func earlier() {
        var reloads = awaiting(1)
        reloads.take(begins(-1), from: 1)
        reloads.take(ends(), from: 1)
        #expect(!reloads.isEmpty)
        reloads.take(begins(0), from: 1)
        reloads.take(ends(), from: 1)
        #expect(reloads.isEmpty)
    }

    @Test("a second signal begins anew, and what others say counts for nothing")
    func again() {
        var reloads = awaiting(1)
        reloads.take(begins(1), from: 1)
        reloads.signalled(1, at: now + .seconds(1))
        reloads.take(ends(), from: 1)
        reloads.take(ends(), from: 7)
        #expect(!reloads.isEmpty)
        reloads.take(begins(1_000_001), from: 1)
        reloads.take(ends(), from: 1)
        #expect(reloads.isEmpty)
    }

    @Test("a worker that ends keeps nobody waiting; one that fails is told, until the next time")
    func failures() {
        var reloads = awaiting(1, 2)
        reloads.forget(1)
        reloads.take(begins(1), from: 2)
        reloads.take(ends("Reload failed: no such file"), from: 2)
        #expect(reloads.isEmpty && reloads.hasFailed)
        reloads.begin()
        #expect(!reloads.hasFailed)
    }
}
