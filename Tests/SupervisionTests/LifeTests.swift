import Testing

@testable import Supervision

/// The table of states and events at the head of `Life`, row by row.
@Suite(.timeLimit(.minutes(20))) struct LifeTests {
    private static let identity = Life.Identity(pid: 100, group: 100)
    private static let now = Instant(nanoseconds: 7)
    private static let lives: [Life] = [
        .spawning(leadsGroup: true), .executing(identity, failsAt: nil, reloadSignal: nil),
        .starting(identity, .none, reloadSignal: nil), .ready(identity, since: now, heartbeatBy: nil),
        .stopping(identity, Life.Stopping(signal: 15, killAt: nil, latest: nil, readySince: nil)),
        .killed(identity, readySince: nil),
    ]

    /// The phase after the event in each state, in the order of the table; nil where nothing changes.
    private func column(_ event: (inout Life) -> Bool) -> [Child.Phase?] {
        Self.lives.map { before in
            var life = before
            let isTaken = event(&life)
            #expect(isTaken || life == before)
            return isTaken ? life.phase : nil
        }
    }

    @Test func everyFieldOfTheTable() {
        #expect(column { $0.forked(100) } == [.executing, nil, nil, nil, nil, nil])
        #expect(column { $0.executed(.none) } == [nil, .starting, nil, nil, nil, nil])
        #expect(column { $0.becameReady(at: Self.now, heartbeatBy: nil) } == [nil, nil, .ready, nil, nil, nil])
        #expect(
            column { $0.stopped(by: 15, killAt: nil, latest: nil) }
                == [nil, .stopping, .stopping, .stopping, .stopping, nil])
        #expect(column { $0.killed() } == [nil, .killed, .killed, .killed, .killed, nil])
    }

    @Test func aProcessThatLeadsAGroupIsItsGroup() {
        var (leader, other) = (Life.spawning(leadsGroup: true), Life.spawning(leadsGroup: false))
        _ = (leader.forked(100), other.forked(101))
        #expect(leader.identity?.group == 100 && other.identity == Life.Identity(pid: 101, group: nil))
    }

    @Test func readinessIsRememberedToTheEnd() {
        var life = Life.starting(Self.identity, .none, reloadSignal: nil)
        #expect(life.readySince == nil)
        _ = life.becameReady(at: Self.now, heartbeatBy: nil)
        #expect(life.readySince == Self.now)
        _ = (life.stopped(by: 15, killAt: nil, latest: nil), life.killed())
        #expect(life.readySince == Self.now)
    }

    @Test func aTimerRingsOnce() {
        let due = Instant(nanoseconds: 9)
        var lives: [Life] = [
            .executing(Self.identity, failsAt: due, reloadSignal: 1),
            .starting(Self.identity, .fails(at: due), reloadSignal: 1),
            .starting(Self.identity, .succeeds(at: due), reloadSignal: nil),
            .ready(Self.identity, since: Self.now, heartbeatBy: due),
            .stopping(Self.identity, Life.Stopping(signal: 15, killAt: due, latest: due, readySince: nil)),
        ]
        for index in lives.indices {
            let owed = lives[index].owedSignal
            #expect(lives[index].deadline == due)
            lives[index].timerRang()
            #expect(lives[index].deadline == nil && lives[index].owedSignal == owed)
        }
    }

    @Test func anExtensionNeverShortensAndNeverOutlivesTheAge() {
        let (early, due, late) = (Instant(nanoseconds: 5), Instant(nanoseconds: 9), Instant(nanoseconds: 20))
        var start = Life.starting(Self.identity, .fails(at: due), reloadSignal: nil)
        start.extend(to: early)
        #expect(start.deadline == due)
        start.extend(to: late)
        #expect(start.deadline == late)
        var accepted = Life.starting(Self.identity, .succeeds(at: due), reloadSignal: nil)
        accepted.extend(to: late)
        #expect(accepted.deadline == due)
        let latest = Instant(nanoseconds: 12)
        var stop = Life.stopping(
            Self.identity, Life.Stopping(signal: 15, killAt: due, latest: latest, readySince: nil))
        stop.extend(to: late)
        #expect(stop.deadline == latest)
    }
}
