import DaemonCore
import Unix

/// What the control sockets of a master share: how many sessions each user has and what these keep in memory, and whose
/// turn it is. A stranger is whoever is neither root nor the master's own user: he gets what is left by these.
package final class ControlAccounts: BackgroundWork {
    private struct Account {
        var sessions = 0
        /// Bytes that they keep.
        var held = 0
        var idle = IdleSessions()
    }

    enum Admission {
        case yes
        /// All sessions wait for answers: what the master needs itself is not for more of them.
        case last
        case no
    }

    private var accounts: [UserID: Account] = [:]
    private var turns = ControlTurns()
    private let own = CurrentProcess.userID
    private var sessions = 0
    /// Beyond this the session that was silent for longest makes room.
    private var mostSessions = 16

    /// What those of a user may keep together: commands, answers that are not read, and reports under way.
    private static let (mostHeld, mostHeldByStranger) = (64 << 20, 16 << 20)

    init() {}

    /// Those of all control sockets of a master, which does their work between its events.
    package convenience init(_ master: Master) {
        self.init()
        master.add(self)
    }

    package func limit(sessions most: Int) { mostSessions = most }

    private func isStranger(_ user: UserID) -> Bool { user != 0 && user != own }

    // MARK: Sessions

    /// Whether one more of this user is served; an idle one may be ended for it.
    func admit(_ user: UserID) -> Admission {
        guard isStranger(user) else { return sessions < mostSessions || makeRoom() ? .yes : .last }
        // So many are for those who may stop the strangers.
        let most = mostSessions - max(2, min(64, mostSessions / 4))
        let mostOfOne = min(1024, most)
        let count = accounts[user]?.sessions ?? 0
        guard count < mostOfOne || endIdlest(of: [user]) else { return .no }
        return sessions < most || endIdlest(of: accounts.keys.filter(isStranger)) ? .yes : .no
    }

    /// Ends the idlest session of whoever has the most, a stranger's first; false where nobody is idle.
    func makeRoom() -> Bool {
        endIdlest(of: accounts.keys.filter(isStranger)) || endIdlest(of: Array(accounts.keys))
    }

    private func endIdlest(of users: [UserID]) -> Bool {
        let candidates = users.filter { accounts[$0]?.idle.first != nil }
        guard let user = candidates.max(by: { count($0) < count($1) }), let idlest = accounts[user]?.idle.first,
            let server = idlest.server
        else { return false }
        server.end(idlest)
        return true
    }

    private func count(_ user: UserID) -> Int { accounts[user]?.sessions ?? 0 }

    package func add(_ session: ControlSession) {
        sessions += 1
        accounts[session.user, default: Account()].sessions += 1
        becameIdle(session)
    }

    package func remove(_ session: ControlSession) {
        sessions -= 1
        accounts[session.user]?.held -= session.held
        session.held = 0
        accounts[session.user]?.idle.remove(session)
        accounts[session.user]?.sessions -= 1
        if accounts[session.user]?.sessions == 0 { accounts[session.user] = nil }
    }

    /// It was used now, and waits for nothing.
    func becameIdle(_ session: ControlSession) { accounts[session.user]?.idle.append(session) }

    /// It waits for an answer, and makes room for nobody.
    func becameBusy(_ session: ControlSession) { accounts[session.user]?.idle.remove(session) }

    // MARK: Memory

    /// Notes what the session keeps; false where those of its user keep too much.
    @discardableResult
    package func account(for session: ControlSession) -> Bool {
        let size = session.size
        accounts[session.user]?.held += size - session.held
        session.held = size
        return hasRoom(for: 0, of: session.user)
    }

    func hasRoom(for count: Int, of user: UserID) -> Bool {
        (accounts[user]?.held ?? 0) <= (isStranger(user) ? Self.mostHeldByStranger : Self.mostHeld) - count
    }

    // MARK: Turns

    package var isIdle: Bool { turns.isEmpty }

    package func queue(_ session: ControlSession) { turns.append(session) }

    /// Goes on with what is to be done, for a moment.
    package func work() {
        guard !turns.isEmpty else { return }
        let end = MonotonicTime.now + ControlTurns.length
        repeat {
            guard let session = turns.popFirst() else { return }
            guard session.server?.step(session) == true else { continue }
            session.isLong = true
            turns.append(session)
        } while MonotonicTime.now < end
    }
}
