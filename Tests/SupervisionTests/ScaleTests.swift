import TestSupport
import Testing

@testable import Supervision

/// The cost of an event does not grow with the number of children: two thousand of them against a hundred, and ten
/// thousand in the thorough tests.
@Suite(.serialized, .timeLimit(.minutes(20))) struct ScaleTests {
    private static let few = 100
    private static let many = isThorough ? 10_000 : 2000
    /// Caches and a heap that is deeper cost a bit; something linear would cost twenty times more at least.
    private static let bound = 8.0
    /// Events in one attempt, where the children do not give their number.
    private static let turns: Int32 = isThorough ? 20_000 : 2000

    /// The best of several attempts, in seconds per event.
    private func cost(_ children: Int, _ round: (Int) -> (events: Int, time: Duration)) -> Double {
        (0..<(isThorough ? 5 : 3)).map { _ in
            let (events, time) = round(children)
            return time / .seconds(1) / Double(events)
        }.min() ?? 0
    }

    private func ratio(_ name: String, _ round: (Int) -> (events: Int, time: Duration)) -> Double {
        let (few, many) = (cost(Self.few, round), cost(Self.many, round))
        let ratio = many / few
        let figures = [few, many].map { "\(Int($0 * 1e9)) ns" }
        print("scale: \(name): \(figures[0]) an event at \(Self.few) children, \(figures[1]) at \(Self.many)")
        return ratio
    }

    private func crowd(_ count: Int, _ readiness: Readiness) -> Crowd {
        Crowd(
            plain("web") {
                $0.services[0].instances = count
                $0.services[0].readiness = readiness
            })
    }

    @Test func deathsAndRestarts() {
        let ratio = ratio("death and restart") { count in
            var crowd = crowd(count, .none)
            let time = processorTime {
                for turn in 0..<Self.turns {
                    // Long enough a life for a restart at once.
                    crowd.now += 10_000_000_000
                    crowd.send(.exited(pid: 100 + turn % Int32(count), .exited(1)))
                }
            }
            return (Int(Self.turns), time)
        }
        #expect(ratio < Self.bound)
    }

    @Test func readiness() {
        let ratio = ratio("readiness") { count in
            var crowd = crowd(count, .notified)
            let time = processorTime {
                for pid in 0..<Int32(count) { crowd.send(.ready(pid: 100 + pid)) }
            }
            #expect(!crowd.supervisor.isFirstRollout)
            return (count, time)
        }
        #expect(ratio < Self.bound)
    }

    @Test func timers() {
        let ratio = ratio("timer") { count in
            var crowd = crowd(count, .alive(.seconds(1)))
            crowd.now += 1_000_000_000
            crowd.send(.timer)
            crowd.now += 10_000_000_000
            for pid in 0..<Int32(count) {
                crowd.now += 1000
                crowd.send(.exited(pid: 100 + pid, .exited(1)))
            }
            var timers = 0
            let time = processorTime {
                while let due = crowd.supervisor.nextDeadline() {
                    crowd.now = due.nanoseconds
                    crowd.send(.timer)
                    timers += 1
                }
            }
            #expect(timers == count)
            return (count, time)
        }
        #expect(ratio < Self.bound)
    }

    @Test func beats() {
        let ratio = ratio("beat") { count in
            var crowd = watched(count)
            let time = processorTime {
                for turn in 0..<Self.turns {
                    crowd.now += 1000
                    crowd.send(.heartbeat(pid: 100 + turn % Int32(count)))
                }
            }
            #expect(crowd.supervisor.registry.timers.count <= 3 * count + 64)
            return (Int(Self.turns), time)
        }
        #expect(ratio < Self.bound)
    }

    @Test func commands() {
        let ratio = ratio("command") { count in
            var crowd = Crowd(
                plain("a", "b") {
                    $0.services[0].instances = count - 1
                })
            let pid = Int32(100 + count - 1)
            let turns = Int(Self.turns) / 10
            let time = processorTime {
                for turn in 0..<turns {
                    crowd.now += 1_000_000
                    crowd.send(.command(turn, .restart("b")))
                    crowd.send(.exited(pid: pid, .signaled(15, dumpedCore: false)))
                    crowd.send(.command(turn, .stop("b")))
                    crowd.send(.exited(pid: pid, .signaled(15, dumpedCore: false)))
                    crowd.reuse(pid)
                    crowd.send(.command(turn, .start("b")))
                    crowd.send(.waitReady(turn))
                }
            }
            #expect(crowd.supervisor.child(withPID: pid)?.service == "b")
            #expect(crowd.answers == 4 * turns)
            return (6 * turns, time)
        }
        #expect(ratio < Self.bound)
    }

    /// As many wait for everything, for a service that is never ready, and for a child that never goes.
    private func waiting(_ count: Int) -> Crowd {
        var crowd = Crowd(
            plain("a", "b", "c") {
                $0.services[0].instances = 50
                $0.services[1].readiness = .notified
                $0.services[1].isCritical = false
            })
        for requester in 0..<count {
            switch requester % 3 {
            case 0: crowd.send(.waitReady(requester))
            case 1: crowd.send(.command(requester, .start("b")))
            default: crowd.send(.command(requester, .stop("c")))
            }
        }
        return crowd
    }

    @Test func eventsBesideThoseWhoWait() {
        let ratio = ratio("event beside those who wait") { count in
            var crowd = waiting(count)
            let time = processorTime {
                for turn in 0..<Self.turns {
                    crowd.now += 10_000_000_000
                    crowd.send(.exited(pid: 100 + turn % 50, .exited(1)))
                }
            }
            #expect(crowd.answers == 0)
            return (Int(Self.turns), time)
        }
        #expect(ratio < Self.bound)
    }

    @Test func thoseWhoWaitNoLonger() {
        let ratio = ratio("one who waits no longer") { count in
            var crowd = waiting(count)
            let time = processorTime { for requester in 0..<count { crowd.send(.forget(requester)) } }
            #expect(crowd.supervisor.requests.waits.isEmpty)
            return (count, time)
        }
        #expect(ratio < Self.bound)
    }

    /// Each of them is surplus at once.
    @Test func startsThatHang() {
        let ratio = ratio("start that hangs") { count in
            var crowd = Crowd(
                plain("web") {
                    $0.services[0].instances = count
                    $0.services[0].readiness = .notified
                    $0.services[0].startTimeout = .seconds(1)
                    $0.rollout = .persistent
                    $0.maximumOldGenerations = 0
                })
            crowd.now += 1_000_000_000
            let time = processorTime { crowd.send(.timer) }
            #expect(crowd.supervisor.census.phases == [.killed: count, .starting: count])
            return (count, time)
        }
        #expect(ratio < Self.bound)
    }

    private func watched(_ count: Int) -> Crowd {
        Crowd(
            plain("web") {
                $0.services[0].instances = count
                $0.services[0].watchdog = .seconds(1000)
            })
    }

    @Test func beatsDoNotFillTheQueueOfDeadlines() {
        var crowd = watched(10)
        for turn in 0..<20_000 as Range<Int32> {
            crowd.now += 200_000_000
            crowd.send(.heartbeat(pid: 100 + turn % 10))
            if turn % 100 == 0 { crowd.send(.timer) }
        }
        #expect(crowd.supervisor.registry.timers.count < 40)
        #expect(crowd.supervisor.children.values.allSatisfy { $0.phase == .ready })
    }

    @Test func theQueueOfDeadlinesStaysSmall() {
        var crowd = crowd(10, .alive(.seconds(1000)))
        for turn in 0..<10_000 as Range<Int32> {
            crowd.now += 2_000_000_000
            crowd.send(.exited(pid: 100 + turn % 10, .exited(1)))
            crowd.send(.timer)
        }
        #expect(crowd.supervisor.registry.timers.count < 200)
        crowd.now += 1_000_000_000_000
        crowd.send(.timer)
        #expect(crowd.supervisor.children.values.allSatisfy { $0.phase == .ready })
    }
}

/// An engine and just so much world that its children live; a pid is used again by the child that takes the place.
private struct Crowd {
    var supervisor = Supervisor(seed: 1)
    var now: Int64 = 0
    private let plan: Plan
    private var nextPID: Int32 = 100
    private var reaped: Int32?
    private(set) var answers = 0

    init(_ plan: Plan) {
        self.plan = plan
        send(.start)
    }

    mutating func send(_ event: Event) {
        if case .exited(let pid, _) = event { reaped = pid }
        var events = [event]
        var index = 0
        while index < events.count {
            let actions = supervisor.handle(events[index], at: Instant(nanoseconds: now))
            index += 1
            for action in actions {
                switch action {
                case .load: events.append(.loaded(plan))
                case .answer: answers += 1
                case .spawn(let child): events.append(.spawned(child.id, pid: freePID()))
                default: break
                }
            }
        }
    }

    /// The next child has this pid.
    mutating func reuse(_ pid: Int32) { reaped = pid }

    private mutating func freePID() -> Int32 {
        defer { reaped = nil }
        if let reaped { return reaped }
        nextPID += 1
        return nextPID - 1
    }
}
