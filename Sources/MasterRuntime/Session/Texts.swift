import DaemonCore
import Supervision
import Unix

extension TerminationStatus {
    /// `137 (Killed)`, `0 (Exit)`
    var described: String {
        switch self {
        case .exited(let code): "\(code) (Exit)"
        case .signaled(let signal, _): "\(128 &+ signal) (\(Signal(rawValue: signal).effect))"
        }
    }
}

extension SessionWords {
    /// `cause` is what the child said of its start.
    package func text(of failure: StartFailure, _ cause: SpawnFailure?, _ program: Program?) -> String {
        switch failure {
        case .ended(let ending): return "it ended before it was ready, with code \(ending.described)"
        case .timedOut: return "it was not ready in time"
        case .notSpawned(let errno):
            let tried =
                switch cause?.step {
                case .directory: "change to \(program?.directory ?? "its directory")"
                case .account: "become user \(program?.account.map { "\($0.user)" } ?? "")"
                case .descriptors: "arrange its descriptors"
                case .exec: "execute \(program?.shownExecutable ?? "its program")"
                case .limits: "set its limits"
                case .niceness: "set its niceness"
                case .oomScore: "set its oom-score-adjust"
                case .controlGroup: "enter its control group"
                case nil: "start it"
                }
            return "cannot \(tried): \(Errno(rawValue: errno))"
        }
    }
}

extension Program {
    /// Where there are others to try, no path is the one.
    fileprivate var shownExecutable: String { alternatives.isEmpty ? executable : name }
}

extension Supervision.Failure {
    package var text: String {
        switch self {
        case .stopping: "the master is stopping"
        case .notLoaded(let reason), .notUpgraded(let reason): reason
        case .unknownService(let name): "No service '\(name)' is configured."
        case .gaveUp(let name): "\(name) has failed for good"
        case .requirement(let name, let service): "\(service) requires \(name), which is not ready"
        case .noInstances(let name): "\(name) was stopped meanwhile"
        case .notStarted(let child, _): "\(child.service) \(child.instance + 1) failed to start"
        }
    }
}

extension Session {
    package func text(of failure: Supervision.Failure) -> String {
        if case .notStarted(let child, let failure) = failure {
            return "\(child.service) \(child.instance + 1): \(text(of: failure, child))"
        }
        return failure.text
    }
}
