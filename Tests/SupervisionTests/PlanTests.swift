import Supervision
import Testing

@Suite(.timeLimit(.minutes(20))) struct PlanTests {
    private func stages(_ services: [(String, [String])]) throws(PlanError) -> [Int] {
        try Plan(
            services: services.map { name, after in
                var service = Service(name: name, stopSignal: 15)
                service.after = after
                return service
            }
        ).stages()
    }

    @Test func aServiceIsOneStageAboveThoseItComesAfter() throws {
        #expect(try stages([("c", ["b"]), ("b", ["a"]), ("a", []), ("d", ["a", "c"]), ("e", [])]) == [2, 1, 0, 3, 0])
    }

    @Test func aServiceThatNobodyKnowsIsAnError() {
        #expect(throws: PlanError.unknownService("nobody", after: "a")) { try stages([("a", ["nobody"])]) }
    }

    @Test func aCircleIsAnError() {
        #expect(throws: PlanError.cycle(["a", "a"])) { try stages([("a", ["a"])]) }
        #expect(throws: PlanError.cycle(["a", "b", "c", "a"])) {
            try stages([("a", ["b"]), ("b", ["c"]), ("c", ["a"])])
        }
        #expect(throws: PlanError.cycle(["b", "c", "b"])) {
            try stages([("a", ["b"]), ("b", ["c"]), ("c", ["b"])])
        }
    }

    @Test func manyWaysToTheSameServiceAreNoCircleAndTakeNoTime() throws {
        let services = (0..<60).map { index in
            ("\(index)", index == 0 ? [] : (max(0, index - 5)..<index).map { "\($0)" })
        }
        #expect(try stages(services) == Array(0..<60))
    }

    @Test func aPlanMayBeEmpty() throws {
        #expect(try stages([]) == [])
        var rig = Rig(Plan(services: []))
        #expect(!rig.supervisor.isFirstRollout)
        #expect(rig.stop() == ["exit 0"])
    }

    @Test func codesAreThoseOfAShell() {
        #expect(TerminationStatus.exited(3).code == 3 && TerminationStatus.exited(3).waitStatus == 768)
        #expect(TerminationStatus.signaled(9, dumpedCore: false).code == 137)
        #expect(TerminationStatus.signaled(11, dumpedCore: true).waitStatus == 139)
        let bad = [0, 1, 130, 137, 143].map { TerminationStatus.exited($0).isBad }
        #expect(bad == [false, true, false, true, false])
    }

    @Test func momentsDoNotOverflow() {
        let end = Instant(nanoseconds: .max)
        #expect(end + .seconds(1) == end)
        #expect(Instant(nanoseconds: .min) - end == .nanoseconds(Int64.min))
        #expect(Instant(nanoseconds: 0) + .seconds(Int64.max) == end)
        #expect(Instant(nanoseconds: 5) - Instant(nanoseconds: 3) == .nanoseconds(2))
    }
}
