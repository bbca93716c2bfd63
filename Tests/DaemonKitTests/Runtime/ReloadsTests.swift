import Synchronization
import TestSupport
import Testing
import Unix

@testable import DaemonKit

@Suite("Reloads", .blocking, .timeLimit(.minutes(20)))
struct ReloadsTests {
    /// What happened, in order.
    private final class Record: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock(\.self) }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private let record = Record()
    private let reloads = Reloads()

    init() {
        let record = record
        reloads.setReport { report in
            switch report {
            case .begins: record.add("begins")
            case .failed(let error): record.add("failed: \(error)")
            case .ended(let failure): record.add("ended: \(failure?.message ?? "well")")
            }
        }
    }

    /// Waits for the answer of one more reload, which comes after all that were asked for.
    private func reload() -> String {
        let reloads = reloads
        let failure = try? Thread.wait {
            await withCheckedContinuation { ended in reloads.request { ended.resume(returning: $0) } }
        }
        return (failure ?? nil)?.message ?? "well"
    }

    @Test("handlers of both kinds run in the order of their registration, one after the other")
    func order() {
        reloads.daemonIsReady()
        let record = record
        reloads.add(
            .asynchronous {
                try await Task.sleep(for: .milliseconds(20))
                record.add("first")
            })
        reloads.add(.synchronous { record.add("second") })
        #expect(reload() == "well")
        #expect(record.all == ["begins", "first", "second", "ended: well"])
    }

    @Test("a handler that throws is told, the others run, and the first error is the answer")
    func failure() {
        reloads.daemonIsReady()
        let record = record
        reloads.add(.synchronous { throw DaemonError("one") })
        reloads.add(.asynchronous { throw DaemonError("two") })
        reloads.add(.synchronous { record.add("three") })
        #expect(reload() == "one")
        #expect(record.all == ["begins", "failed: one", "failed: two", "three", "ended: one"])
    }

    @Test("what is asked for while a reload runs becomes one more, and everybody gets an answer")
    func coalescing() throws {
        reloads.daemonIsReady()
        let (record, reloads) = (record, reloads)
        let gate = try WakePipe()
        reloads.add(
            .synchronous {
                record.add("handler")
                _ = Poll.readable(gate.descriptor, timeout: nil)
            })
        reloads.request { _ in record.add("answer") }
        #expect(eventually { record.all.contains("handler") })
        for _ in 0..<100 { reloads.request { _ in record.add("answer") } }
        gate.wake()
        #expect(eventually { record.all.count { $0 == "answer" } == 101 })
        #expect(record.all.count(where: { $0 == "begins" }) == 2)
    }

    @Test("a request before the daemon is ready is kept until then")
    func held() {
        let record = record
        reloads.add(.synchronous { record.add("handler") })
        reloads.request()
        reloads.request()
        #expect(record.all.isEmpty)
        reloads.daemonIsReady()
        #expect(eventually { record.all.contains("ended: well") })
        #expect(record.all == ["begins", "handler", "ended: well"])
    }
}
