import Supervision
import Testing

@testable import masterd

@Suite("The plan of a configuration", .timeLimit(.minutes(20)))
struct ConfigurationPlanTests {
    @Test("the specification's example")
    func example() throws {
        let plan = try read(ConfigurationTests.example).plan()
        #expect(plan.services.map(\.name) == ["web", "dataplane-api"])
        #expect(try plan.stages() == [0, 1])
        #expect(plan.maximumOldGenerations == 50 && plan.maximumOldAge == .seconds(30))
        #expect(!plan.stopsOnFailure && plan.reloadsAfterUpgrade && plan.rollout == .allOrNothing)
        #expect(plan.retireDelay == .zero && plan.reloadInterval == nil)
        let (web, program) = (plan.services[0], plan.services[1])
        #expect(web.instances == 4 && web.readiness == .notified && web.startTimeout == .seconds(60))
        #expect(web.restart.when == .onFailure && web.restart.backoff.base == .milliseconds(100))
        #expect(web.restart.backoff.maximum == .seconds(30) && web.restart.limit?.count == 5)
        #expect(web.onReload == .replace && web.isCritical && web.leadsGroup && web.stopSignal == 15)
        #expect(web.stopTimeout == .seconds(30))
        #expect(program.onReload == .keep && !program.isCritical && program.restart.when == .never)
        #expect(program.readiness == .none && program.stopTimeout == .seconds(10) && program.after == ["web"])
    }

    @Test("HAProxy's default: nothing is restarted, and a failure ends everything")
    func defaults() throws {
        let plan = try read(inWorker("")).plan()
        #expect(plan.stopsOnFailure && plan.maximumOldAge == nil && plan.maximumOldGenerations == 50)
        #expect(plan.services[0].restart.when == .never && plan.services[0].isCritical)
        #expect(plan.services[0].stopTimeout == .seconds(90))
    }

    @Test("a section's own times come before the global ones")
    func times() throws {
        let global = "global\n start-timeout 5s\n hard-stop-after 7s\n"
        let plan = try read(global + inWorker("start-timeout 2s\n stop-timeout none") + inProgram("")).plan()
        #expect(plan.services.map(\.startTimeout) == [.seconds(2), .seconds(5)])
        #expect(plan.services.map(\.stopTimeout) == [nil, .seconds(7)])
    }

    @Test("every order that is accepted has its stages", arguments: 1...3)
    func stages(seed: UInt64) throws {
        var random = Seeded(seed)
        var accepted = 0
        for _ in 0..<300 {
            let count = Int.random(in: 1...6, using: &random)
            var text = ""
            for index in 0..<count {
                text += "worker w\(index)\n command x\n"
                for other in 0..<count where Int.random(in: 0..<5, using: &random) == 0 { text += " after w\(other)\n" }
            }
            guard let plan = try? read(text).plan() else {
                #expect(mistakes(text).allSatisfy { $0.contains(": 'after' goes in a circle: ") }, "\(text)")
                continue
            }
            accepted += 1
            #expect(throws: Never.self, "\(text)") { try plan.stages() }
        }
        #expect(accepted > 50)
    }
}
