import DaemonCore
import Supervision
import Unix

/// The messages of a front end.
package protocol SessionWords {
    /// nil where a report is not worth a line.
    func line(for report: Report, in session: Session) -> (LogLevel, String)?
    func line(for event: SessionEvent) -> (LogLevel, String)?
    /// Why a child did not start; `cause` is what it said itself.
    func text(of failure: StartFailure, _ cause: SpawnFailure?, _ program: Program?) -> String
}

/// What a session says besides the engine's reports.
package enum SessionEvent {
    case upgrading(path: String)
    case upgraded(from: String?, to: String)
    /// The state of an earlier image has lines that cannot be read.
    case damaged(lines: Int)
    /// A stop goes on without a process that does not end although it was killed.
    case leftBehind(ProcessID)
    case ending
}

extension SessionWords {
    package func line(for event: SessionEvent) -> (LogLevel, String)? {
        switch event {
        case .upgrading(let path): (.notice, "Upgrading: trying \(path)")
        case .upgraded(let old, let version):
            (.notice, "Upgraded\(old.map { " from version \($0)" } ?? "") to \(version)")
        case .damaged(let lines): (.error, "The state is damaged (\(lines) lines): keeping the children")
        case .leftBehind(let pid): (.error, "process \(pid) does not end after SIGKILL, leaving it behind")
        case .ending: nil
        }
    }
}

/// HAProxy's words.
struct MasterWords: SessionWords {
    func line(for report: Report, in session: Session) -> (LogLevel, String)? {
        func name(_ child: Supervision.Child) -> String { "\(session.kind(of: child)) (\(child.pid))" }
        func failure(_ child: Supervision.Child, _ name: String, _ failure: StartFailure) -> (LogLevel, String) {
            (.error, "\(name)\(Self.label(child)) failed to start: \(session.text(of: failure, child))")
        }
        return switch report {
        case .starting(let child): (.notice, "New \(name(child)) started\(Self.label(child))")
        case .accepted(let child): (.debug, "\(session.kind(of: child)) \(child.pid) is ready")
        case .failedToStart(let child, .notSpawned(let errno)):
            failure(child, session.kind(of: child).rawValue, .notSpawned(errno))
        case .failedToStart(let child, let reason): failure(child, name(child), reason)
        case .died(let child, let ending, let restarts):
            (
                .warning,
                "Current \(name(child)) exited with code \(ending.described)" + (restarts ? ", restarting it" : "")
            )
        case .formerDied(let child, let ending), .ended(let child, let ending):
            (.notice, "Former \(name(child)) exited with code \(ending.described)")
        case .completed(let child, let ending):
            (.notice, "One-shot \(name(child))\(Self.label(child)) exited with code \(ending.described)")
        case .blocked(let blocked):
            blocked.hasFailed
                ? (.error, "\(blocked.service) requires \(blocked.requirement), which has failed or is not ready")
                : (.notice, "\(blocked.service) waits for \(blocked.requirement), which it requires")
        case .nothingLeft: (.notice, "All workers and programs have ended")
        case .gaveUp(let child): (.error, "\(child.service) fails again and again, giving up")
        case .killing(let child):
            (.warning, "\(session.kind(of: child)) \(child.pid) does not end, sending SIGKILL")
        case .missedHeartbeat(let child):
            (.error, "\(session.kind(of: child)) \(child.pid) missed its watchdog, sending SIGKILL")
        case .reloading: (.notice, "Reloading")
        case .reloaded: (.notice, "Loading success.")
        case .reloadFailed(let failure): (.error, "Loading failure: \(session.text(of: failure))")
        case .upgradeFailed(let reason): (.error, "Not upgraded: \(reason)")
        case .succeeded, .retiring, .changed, .stopping: nil
        }
    }

    private static func label(_ child: Supervision.Child) -> String {
        child.service == "worker" ? "" : " for \(child.service)"
    }
}
