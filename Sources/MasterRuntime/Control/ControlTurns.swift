import DaemonCore
import Unix

/// Whose turn it is: the users of the control sockets one after the other, and of each user the sessions that have
/// something to do. One user's thousand commands hold up another's by a slice for each of his own, and those of the same
/// user by little more: who has used up a slice comes after those who have just asked, three times of four.
struct ControlTurns {
    /// Between two looks at signals, children and descriptors.
    static let length = Duration.milliseconds(2)
    /// Of one session.
    static let slice = Duration.microseconds(250)

    private struct Queue {
        private var sessions: [ControlSession] = []
        private var first = 0

        var isEmpty: Bool { first == sessions.count }

        mutating func append(_ session: ControlSession) { sessions.append(session) }

        mutating func popFirst() -> ControlSession? {
            guard !isEmpty else { return nil }
            let session = sessions[first]  // bounded: `first` is below the count
            first += 1
            // As many were taken as are moved now.
            if first >= 64 && first * 2 >= sessions.count {  // bounded: `first` is below the count
                sessions.removeFirst(first)
                first = 0
            }
            return session
        }
    }

    private struct Line {
        private var short = Queue()
        private var long = Queue()
        private var count = 0

        var isEmpty: Bool { short.isEmpty && long.isEmpty }

        mutating func append(_ session: ControlSession) {
            if session.isLong { long.append(session) } else { short.append(session) }
        }

        mutating func popFirst() -> ControlSession? {
            count = (count + 1) % 4
            return count == 0 ? long.popFirst() ?? short.popFirst() : short.popFirst() ?? long.popFirst()
        }
    }

    private var lines: [UserID: Line] = [:]
    /// Those who have something to do; the next one first.
    private var users: [UserID] = []

    var isEmpty: Bool { users.isEmpty }

    /// Nothing where it waits already.
    mutating func append(_ session: ControlSession) {
        guard !session.isQueued else { return }
        session.isQueued = true
        if lines[session.user] == nil { users.append(session.user) }
        lines[session.user, default: Line()].append(session)
    }

    mutating func popFirst() -> ControlSession? {
        guard let user = users.first else { return nil }
        users.removeFirst()
        let session = lines[user, default: Line()].popFirst()
        if lines[user]?.isEmpty == false { users.append(user) } else { lines[user] = nil }
        session?.isQueued = false
        return session
    }
}
