import Supervision
import Text
import Unix

/// The engine's reports in the original's words, without time stamps.
extension Superdaemon {
    func line(for report: Report) -> String? {
        switch report {
        case .starting(let child): "starting new worker \(child.pid)"
        case .failedToStart(let child, .ended(let ending)):
            "new worker \(child.pid) seems to have failed to start, exit status:\(ending.waitStatus)"
        case .failedToStart(let child, .timedOut):
            "new worker \(child.pid) seems to have failed to start, it did not say READY=1 in time"
        case .died(let child, let ending, _):
            "worker \(child.pid) died unexpectedly with status:\(ending.waitStatus), restarting"
        case .formerDied(let child, let ending): "old worker \(child.pid) died, status:\(ending.waitStatus)"
        case .ended(let child, let ending): "worker \(child.pid) died, status:\(ending.waitStatus)"
        case .killing(let child): "worker \(child.pid) does not end, sending KILL"
        case .reloading(.request): "received HUP, spawning a new worker"
        case .reloading(.interval(let interval, let isForced)):
            "autorestart triggered (\(isForced ? "forced, " : "")interval=\(DurationText.seconds(interval)))"
        case .succeeded(_, let old, let delay): succeeded(old, delay)
        case .retiring: "killing old workers"
        case .stopping where exitCode != 0: nil
        case .stopping(let request, let pids):
            "received \(Signal(rawValue: request.cause).shortName), sending "
                + "\(Signal(rawValue: request.signal ?? settings.signalOnTerm.rawValue).shortName) to all workers:"
                + Self.list(pids)
        case .upgradeFailed(let reason): "not upgraded: \(reason)"
        case .failedToStart(_, .notSpawned), .accepted, .gaveUp, .missedHeartbeat, .reloaded, .reloadFailed, .changed:
            nil
        }
    }

    private func succeeded(_ old: [ProcessID], _ delay: Duration) -> String {
        // All old ones are named, as ever; those that are draining already get no second signal.
        let draining = master?.supervisor.children.values.filter(\.isRetired).map(\.pid) ?? []
        let list = old.isEmpty && draining.isEmpty ? "none" : Self.list(Set(old + draining).sorted())
        let running = "new worker is now running, sending \(settings.signalOnHup.shortName) to old workers:\(list)"
        guard delay > .zero else { return "\(running)\nkilling old workers" }
        return "\(running)\nsleeping \(DurationText.seconds(delay)) secs before killing old workers"
    }

    private static func list(_ pids: [ProcessID]) -> String { pids.map(String.init).joined(separator: ",") }

    func text(_ failure: StartFailure) -> String {
        switch failure {
        case .ended(let ending): "exit status:\(ending.waitStatus)"
        case .timedOut: "it did not say READY=1 in time"
        // bounded: a program is never empty
        case .notSpawned(let errno): "failed to exec \(settings.program[0]): \(Errno(rawValue: errno))"
        }
    }
}
