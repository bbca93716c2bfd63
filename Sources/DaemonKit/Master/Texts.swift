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

extension StartFailure {
    var text: String {
        switch self {
        case .ended(let ending): "it ended before it was ready, with code \(ending.described)"
        case .timedOut: "it was not ready in time"
        case .notSpawned(let errno): "cannot start it: \(Errno(rawValue: errno))"
        }
    }
}

extension Supervision.Failure {
    var text: String {
        switch self {
        case .stopping: "the master is stopping"
        case .notLoaded(let reason), .notUpgraded(let reason): reason
        case .unknownService(let name): "No service '\(name)' is configured."
        case .gaveUp(let name): "\(name) has failed for good"
        case .noInstances(let name): "\(name) was stopped meanwhile"
        case .notStarted(let child, let failure): "\(child.service) \(child.instance + 1): \(failure.text)"
        }
    }
}
