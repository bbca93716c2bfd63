import Foundation
import Simulation
import Supervision
import TestSupport
import Testing

/// Random histories against every guarantee of the design. The thorough tests live through others each time:
/// `SIMULATION_SEED=N` gives the same ones again, and `SIMULATION_HISTORIES=N` more or fewer of them.
@Suite(.timeLimit(.minutes(20))) struct SimulationTests {
    static let base = number("SIMULATION_SEED") ?? (isThorough ? UInt64.random(in: 0..<1 << 62) : 1)
    private static let parts: UInt64 = 8
    private static let histories = number("SIMULATION_HISTORIES") ?? UInt64(rounds(200_000))

    private static func number(_ variable: String) -> UInt64? {
        ProcessInfo.processInfo.environment[variable].flatMap { UInt64($0) }
    }

    @Test func everyGuaranteeHoldsInEveryHistory() async {
        let clock = ContinuousClock()
        let start = clock.now
        let events = await withTaskGroup(of: Int.self) { group in
            for part in 0..<Self.parts { group.addTask { await Self.live(part) } }
            return await group.reduce(0, +)
        }
        let time = (clock.now - start).components.seconds
        print("simulation: seed \(Self.base), \(Self.histories) histories, \(events) events, \(time) s")
    }

    /// The number of events of one part of the histories. Lets other tests in every now and then.
    private static func live(_ part: UInt64) async -> Int {
        let count = histories / parts
        var events = 0
        for seed in base &+ part &* count..<base &+ (part + 1) &* count {
            if seed % 32 == 0 { await Task.yield() }
            do {
                events += try Simulation.run(Seeded(seed))
            } catch {
                Issue.record(
                    "\(error.violation.rule)\nSIMULATION_SEED=\(seed)\n\(Simulation.shrunk(error.history).source)")
                break
            }
        }
        return events
    }

    @Test func aHistoryCanBeLivedAgain() {
        let history = History(
            plan: Plan(services: [Service(name: "web", stopSignal: 15).with { $0.readiness = .notified }]),
            steps: [.ready(0), .reload(requesters: 2), .ready(1), .exit(0, .signaled(15, dumpedCore: false)), .timer])
        #expect(Simulation.replay(history) == nil)
        #expect(history.source.contains("steps: [\n        .ready(0),\n"))
    }

    /// Found by chance, in one of some hundred thousand histories.
    @Test func whatWasReadyOnceIsNotWaitedForInTheDelay() {
        let named = Service(name: "a", stopSignal: 15).with {
            $0.readiness = .notified
            $0.watchdog = .milliseconds(300)
            $0.isCritical = false
        }
        let history = History(
            plan: Plan(services: [
                named, Service(name: "b", stopSignal: 15).with { $0.after = ["a"] },
                Service(name: "c", stopSignal: 15).with { $0.onReload = .restart },
            ]).with { $0.retireDelay = .seconds(1) },
            steps: [
                .reload(requesters: 1), .ready(0), .advance(100_000_000), .exit(3, .signaled(9, dumpedCore: false)),
                .exit(0, .signaled(9, dumpedCore: false)), .ready(2), .deadline(offset: 0), .deadline(offset: 0),
            ])
        #expect(Simulation.replay(history) == nil)
    }
}
