import DaemonKit
import DeploymentFiles
import MasterRuntime
import Supervision
import Text
import Unix

/// The original's messages, without time stamps.
struct StarterWords: SessionWords {
    let settings: Settings

    func line(for report: Report, in session: Session) -> (LogLevel, String)? {
        text(report, session).map { (.notice, $0) }
    }

    func line(for event: SessionEvent) -> (LogLevel, String)? {
        switch event {
        case .upgrading(let path): (.notice, "upgrading: trying \(path)")
        case .upgraded: (.notice, "upgraded start_server (pid:\(CurrentProcess.id))")
        case .damaged(let lines):
            (.error, "the state of the upgrade is damaged (\(lines) lines): keeping the workers")
        case .leftBehind(let pid): (.error, "worker \(pid) does not end after KILL, leaving it behind")
        case .ending: (.notice, "exiting")
        }
    }

    func text(of failure: StartFailure, _ cause: SpawnFailure?, _ program: Program?) -> String {
        switch failure {
        case .ended(let ending): return "exit status:\(ending.waitStatus)"
        case .timedOut: return "it did not say READY=1 in time"
        case .notSpawned(let errno):
            let reason = Errno(rawValue: errno)
            if cause?.step == .directory { return "failed to chdir:\(settings.dir ?? ""):\(reason)" }
            return "failed to exec \(settings.program[0]): \(reason)"  // bounded: a program is never empty
        }
    }

    private func text(_ report: Report, _ session: Session) -> String? {
        switch report {
        case .starting(let child): "starting new worker \(child.pid)"
        case .failedToStart(let child, .notSpawned(let errno)): session.text(of: .notSpawned(errno), child)
        case .failedToStart(let child, let failure):
            "new worker \(child.pid) seems to have failed to start, \(session.text(of: failure, child))"
        case .died(let child, let ending, _):
            "worker \(child.pid) died unexpectedly with status:\(ending.waitStatus), restarting"
        case .formerDied(let child, let ending): "old worker \(child.pid) died, status:\(ending.waitStatus)"
        case .ended(let child, let ending): "worker \(child.pid) died, status:\(ending.waitStatus)"
        case .killing(let child): "worker \(child.pid) does not end, sending KILL"
        case .missedHeartbeat(let child): "worker \(child.pid) missed its watchdog, sending KILL"
        case .reloading(.request): "received HUP, spawning a new worker"
        case .reloading(.interval(let interval, let isForced)):
            "autorestart triggered (\(isForced ? "forced, " : "")interval=\(DurationText.seconds(interval)))"
        case .succeeded(_, let old, let delay): succeeded(old, delay, session)
        case .retiring: "killing old workers"
        case .stopping where session.hasFailedStart: nil
        case .stopping(let request, let pids):
            "received \(Signal(rawValue: request.cause).shortName), sending "
                + "\(Signal(rawValue: request.signal ?? settings.signalOnTerm.rawValue).shortName) to all workers:"
                + Self.list(pids)
        case .upgradeFailed(let reason): "not upgraded: \(reason)"
        case .accepted, .blocked, .completed, .gaveUp, .nothingLeft, .reloaded, .reloadFailed, .changed: nil
        }
    }

    private func succeeded(_ old: [ProcessID], _ delay: Duration, _ session: Session) -> String {
        // All old ones are named, as ever; those that are draining already get no second signal.
        let draining = session.children.values.filter(\.isRetired).map(\.pid)
        let list = old.isEmpty && draining.isEmpty ? "none" : Self.list(Set(old + draining).sorted())
        let running = "new worker is now running, sending \(settings.signalOnHup.shortName) to old workers:\(list)"
        guard delay > .zero else { return "\(running)\nkilling old workers" }
        return "\(running)\nsleeping \(DurationText.seconds(delay)) secs before killing old workers"
    }

    private static func list(_ pids: [ProcessID]) -> String { pids.map(String.init).joined(separator: ",") }
}

extension FrontEnd {
    /// In this order when several came at once: a stop goes before anything else.
    static let starterSignals: [Signal] = [.terminate, .interrupt, .quit, .user1, .hangup, .user2]

    /// Server::Starter's superdaemon. `statusFile` is the one that an earlier image wrote, if there was one.
    static func starter(_ source: Starter, _ settings: Settings, statusFile: StatusFile?) -> FrontEnd {
        let term = StopRequest(
            .graceful, signal: settings.signalOnTerm.rawValue, cause: Signal.terminate.rawValue)
        let meanings: [SignalMeaning] = [.stop(term), .interrupt, .interrupt, .reopenLogs, .reload, .upgrade]
        var frontEnd = FrontEnd(
            source: source, version: releaseVersion, signals: zip(starterSignals, meanings).map { ($0, $1) })
        frontEnd.words = StarterWords(settings: settings)
        frontEnd.dialect = .serverStarter
        frontEnd.omittedCommands = ["start", "restart", "scale"]
        frontEnd.commands = { session in
            [
                ControlCommand("show version", "the version of start_server") { _, _, answer in
                    answer(HelpText.version)
                },
                ControlCommand("stop", "as TERM", level: .admin) { [unowned session] _, _, answer in
                    answer("Stopping.\n")
                    session.received(.terminate)
                },
            ]
        }
        frontEnd.statusFile = statusFile
        // Nothing takes them over: the next start would find its addresses in use.
        frontEnd.storesListeners = false
        frontEnd.endsWithFailedStart = true
        // The original's code for a stop, however the workers took it.
        frontEnd.exitCode = { _ in 0 }
        frontEnd.upgradeEnded = { reason in
            UpgradeAnswer.send(reason.map { "failed \($0)" } ?? "done", pidFile: settings.pidFile)
        }
        return frontEnd
    }
}

/// How `--upgrade` learns what became of its USR2: the asking process binds a socket beside the pid file, in a directory
/// where only those can make files who could make the pid file. Both know the other by its pid or owner.
enum UpgradeAnswer {
    static func path(_ pidFile: String) -> String {
        let path = "\(pidFile).upgrade"
        return path.hasPrefix("@") ? "./\(path)" : path
    }

    /// Nobody may be there: then nobody asked.
    static func send(_ text: String, pidFile: String?) {
        guard let path = pidFile.map(path), let status = try? FileStatus(path: path), status.kind == .socket,
            [0, CurrentProcess.userID].contains(status.owner),
            let socket = try? Socket.open(SocketAddress.unix(path).family, .datagram),
            (try? Socket.connect(socket.number, to: .unix(path))) != nil
        else { return }
        _ = try? Socket.send(socket.number, Array(text.utf8).span)
    }
}
