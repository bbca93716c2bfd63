import DaemonCore
import Unix

/// Where commands go that are not for the master.
package protocol ControlRouter: AnyObject {
    /// The child that a prefix without its "@" means: "2", "web", "!1234"; nil when there is none.
    func target(_ prefix: String) -> ProcessID?

    /// Hands one command to it; the answer comes once, whenever it comes (a child that is gone or understands no commands
    /// answers an error text). What is to go on after an exec sets the session's `requester`.
    func forward(
        _ request: ControlRequest, to pid: ProcessID, _ session: ControlSession, _ answer: @escaping (String) -> Void)
}

extension ControlServer {
    /// What becomes of a request.
    enum Route {
        case here(ControlRequest)
        case child(ProcessID, ControlRequest)
        /// It was the choice of a target, which has no answer.
        case chosen
        case lost(prefix: String)
    }

    /// These are of the session, wherever its other commands go.
    private static let ownWords = ["prompt", "quit", "operator", "user"]

    func route(_ request: ControlRequest, _ session: ControlSession) -> Route {
        guard let first = request.words.first, first.utf8.first == UInt8(ascii: "@") else {
            guard let target = session.target, !Self.ownWords.contains(request.words.first ?? "") else {
                return .here(request)
            }
            guard router?.target("!\(target)") == target else {
                return .lost(prefix: session.targetPrefix ?? "@!\(target)")
            }
            return .child(target, request)
        }
        let prefix = String(decoding: first.utf8.dropFirst(), as: UTF8.self)
        let pid = ["", "0", "master"].contains(prefix) ? nil : router?.target(prefix)
        let isLost = pid == nil && !["", "0", "master"].contains(prefix)
        guard request.words.count > 1 else {
            if isLost {
                // What stands behind it was not meant for whoever is the target now.
                session.commands = ControlCommands()
                return .lost(prefix: first)
            }
            session.target = pid
            session.targetPrefix = first
            return .chosen
        }
        if isLost { return .lost(prefix: first) }
        let rest = ControlRequest(Array(request.words.dropFirst()), payload: request.payload)
        return pid.map { .child($0, rest) } ?? .here(rest)
    }

    package func prompt(of session: ControlSession) -> String {
        if let target = session.target { return "\(target)> " }
        return state.isEmpty ? "master> " : "master[\(state)]> "
    }
}
