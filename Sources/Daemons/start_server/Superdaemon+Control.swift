import DaemonKit
import Supervision
import Unix

/// The control socket's commands.
extension Superdaemon {
    func makeControl(_ listener: Int32, _ file: OwnedFile, _ master: Master) throws(ExitError) -> ControlServer {
        let server: ControlServer
        do {
            server = try ControlServer(listener, file: file, master: master)
        } catch {
            throw ExitError("cannot watch the control socket", error)
        }
        server.abandoned = { [unowned self] in forget($0) }
        server.resume = { [unowned self] in WorkerReport($0, self) }
        server.add([
            ControlCommand("show version", "the version of start_server") { _, _, answer in answer(HelpText.version) },
            ControlCommand(
                "show proc", "the superdaemon and its workers",
                .report { [unowned self] _ throws(ControlMistake) in WorkerReport(self) }),
            ControlCommand("reload", "as HUP, and wait for the new worker", level: .operator) {
                [unowned self] _, session, answer in
                request(session, answer) { .reload($0) }
            },
            ControlCommand("upgrade", "as USR2: another start_server, the same workers", level: .admin) {
                [unowned self] _, session, answer in
                request(session, answer) { .upgrade($0) }
            },
            ControlCommand("stop", "as TERM", level: .admin) { [unowned self] _, session, answer in
                answer("Stopping.\n")
                received(.terminate)
            },
        ])
        return server
    }

    func text(_ answer: Answer) -> String {
        switch answer {
        case .done: "Success=1\n"
        case .failed(let failure): "Success=0\n--\n\(text(failure))\n"
        }
    }

    private func text(_ failure: Supervision.Failure) -> String {
        switch failure {
        case .stopping: "start_server is stopping"
        case .notLoaded(let reason): reason
        case .unknownService(let name), .gaveUp(let name), .noInstances(let name): name
        case .notUpgraded(let reason): "not upgraded: \(reason)"
        case .notStarted(_, let failure): "the new worker failed to start (\(text(failure)))"
        }
    }
}
