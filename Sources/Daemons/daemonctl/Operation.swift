import DaemonKit
import Unix

/// What is done with one daemon: by systemd where it manages the daemon, else directly.
struct Operation {
    let daemon: ConfiguredDaemon
    /// nil where there is none, or it is not to be asked.
    let systemctl: Systemctl?
    let patience: Patience

    private var name: String { daemon.name }

    // MARK: Who is asked

    /// systemd's unit of the daemon, unless the daemon runs outside of it.
    func unit(_ finding: RunningInstance.Finding) -> Systemctl.Unit? {
        guard let systemctl, let known = daemon.unit, let unit = systemctl.unit(known) else { return nil }
        guard case .running(let process) = finding, process.pid != unit.mainPID else { return unit }
        warn("\(name) runs (pid \(process.pid)), but not under \(unit.name): acting directly")
        return nil
    }

    private func warn(_ text: String) { try? Output.write("daemonctl: \(text)\n", to: 2) }

    // MARK: Start

    func start() -> Answer {
        let finding = daemon.instance.look()
        switch finding {
        case .running, .unseen: return Answer("\(name) is already running (pid \(finding.pid ?? 0))")
        case .starting: return waitForOther()
        case .unknown(let why): return .failed("cannot start \(name): \(why)", .noPrivilege)
        case .dead, .notRunning: break
        }
        guard let unit = unit(finding), let systemctl else { return Launch(daemon, patience).run(waitForOther) }
        if let failure = systemctl.act("start", unit.name, patience) { return failure }
        return started("by systemd as \(unit.name)")
    }

    private func started(_ how: String) -> Answer {
        guard case .running(let process) = daemon.instance.look() else {
            return .failed("\(name) was started \(how), but nobody holds pid file \(daemon.pidFile)")
        }
        return Answer("\(name) was started \(how) (pid \(process.pid))")
    }

    /// Somebody else starts it at this moment.
    private func waitForOther() -> Answer {
        let finding = patience.wait(daemon.startLimit, "\(name), which somebody else starts") {
            let finding = daemon.instance.look()
            if case .starting = finding { return nil as RunningInstance.Finding? }
            return finding
        }
        guard case .running(let process)? = finding else {
            return .failed("\(name) was being started by somebody else, and does not run")
        }
        return Answer("\(name) is already running (pid \(process.pid))")
    }

    // MARK: Stop

    func stop() -> Answer {
        let finding = daemon.instance.look()
        guard let unit = unit(finding), unit.isUp, let systemctl else { return stopDirectly() }
        if let failure = systemctl.act("stop", unit.name, patience) { return failure }
        if case .running(let process) = daemon.instance.look() {
            return .failed("systemd stopped \(unit.name), but \(name) still runs (pid \(process.pid))")
        }
        return Answer("\(name) was stopped by systemd as \(unit.name)")
    }

    private func stopDirectly() -> Answer {
        daemon.instance.stop { process, limit in
            patience.wait(for: process, limit, "\(name) (pid \(process.pid)) to end")
        }
    }

    func restart() -> Answer {
        if let failure = check() { return failure }
        let finding = daemon.instance.look()
        if let unit = unit(finding), let systemctl {
            if let failure = systemctl.act("restart", unit.name, patience) { return failure }
            return started("anew by systemd as \(unit.name)")
        }
        let stopped = stopDirectly()
        if stopped.isFailure { return stopped }
        var answer = start()
        answer.text = "\(stopped.text); \(answer.text)"
        return answer
    }

    /// What is wrong with the daemon's options and configuration, found while it still serves. LSB: 6, the program is not
    /// configured.
    private func check() -> Answer? {
        guard daemon.isCheckable else { return nil }
        let launch = Launch(daemon, patience)
        if let failure = launch.missing { return failure }
        do {
            let status = try patience.run(launch.program(["--check"]), daemon.startLimit, "the check of \(name)")
            if status == .exited(0) { return nil }
            let how = status.map { "\($0)" } ?? "no answer"
            return .failed("\(name) could not start again: its --check says no (\(how))", .notConfigured)
        } catch {
            return .failed("cannot check \(name): \(error)")
        }
    }

    // MARK: Ask

    func checkAndStart() -> Answer {
        switch daemon.instance.look() {
        case .running, .unseen, .starting: Answer("")
        case .dead, .notRunning, .unknown: start()
        }
    }

    /// Says nothing, where there is nothing wrong.
    func isRunning() -> Answer {
        switch daemon.instance.look() {
        case .running, .unseen, .starting: Answer("")
        case .dead, .notRunning, .unknown: Answer("", exitStatus: 1)
        }
    }

    func reload() -> Answer {
        let finding = daemon.instance.look()
        guard case .running = finding else { return daemon.instance.reload() }
        if let failure = check() { return failure }
        if let unit = unit(finding), let systemctl {
            if let failure = systemctl.act("reload", unit.name, patience) { return failure }
            return Answer("\(name) was reloaded by systemd as \(unit.name)")
        }
        guard let path = daemon.controlSocket else { return daemon.instance.reload() }
        do {
            return try reload(over: path)
        } catch .absent {
            return daemon.instance.reload()
        } catch {
            return .failed("cannot reload \(name) by \(path): \(error)", error == .denied ? .noPrivilege : .failure)
        }
    }

    private func reload(over path: String) throws(ControlClient.Failure) -> Answer {
        let client = try ControlClient(path)
        let reply = try client.ask("reload", within: daemon.startLimit) {
            patience.tell("\(name) to reload")
        }
        return Answer(withoutLastEnd(reply), exitStatus: reply.hasPrefix("Success=1") ? 0 : 1)
    }

    func reopenLogs() -> Answer { daemon.instance.reopenLogs() }

    func pidFile() -> Answer { Answer(daemon.pidFile) }
}
