import DaemonKit
import Supervision
import Unix

/// The re-exec of start_server itself: same pid, sockets, workers and files.
extension Superdaemon {
    /// A new executable that says nothing for so long is refused.
    private static let proofLimit = Duration.seconds(10)

    func prove() {
        guard let master else { return }
        console.write("upgrading: trying \(image.path)")
        image.prove(StateText(master.supervisor.records + records), in: master, limit: Self.proofLimit) { reason in
            master.send(reason.map(Event.unproven) ?? .proven)
        }
    }

    func exec() -> String {
        guard let master else { return "not running" }
        manager?.finish()
        return master.exec(image, kept: keptDescriptors) { records }
    }

    private var keptDescriptors: [Int32] {
        sockets.map(\.descriptor) + [pidFile?.descriptor].compactMap(\.self)
            + (notify?.descriptors ?? []) + (control?.descriptors ?? [])
            + (log?.descriptors ?? [])
    }

    private var records: [StateText.Record] {
        var records = sockets.map(\.record)
        var files = StateText.Record("files")
        files[number: "pidFile"] = pidFile.map { Int($0.descriptor) }
        files["pidPath"] = pidFile?.path
        files["statusFile"] = settings.statusFile
        files[number: "control"] = control.map { Int($0.listener) }
        files["controlPath"] = control?.file.path
        files["controlIdentity"] = control?.file.identity.text
        records.append(files)
        if let record = log?.record { records.append(record) }
        records.append(console.record)
        if let manager { records.append(manager.record) }
        return records + (notify?.records ?? []) + (control?.records ?? [])
    }

    /// What an earlier image of this process had made.
    static func restore(
        _ state: StateText, _ settings: Settings, _ image: MasterImage, _ console: Console, _ account: SpawnAccount?
    ) throws(ExitError) -> Never {
        var parts = Parts()
        let files = state.first("files") ?? StateText.Record("files")
        parts.sockets = state.all("socket").compactMap(BoundSocket.init)
        if let number = files[number: "pidFile"].flatMap({ Int32(exactly: $0) }), let path = files["pidPath"] {
            parts.pidFile = try? PidFile(path: path, lockedAs: number)
        }
        if let path = files["statusFile"] { parts.statusFile = StatusFile(restoring: path) }
        if let number = files[number: "control"].flatMap({ Int32(exactly: $0) }), let path = files["controlPath"],
            let identity = files["controlIdentity"].flatMap(FileStatus.Identity.init),
            (try? Descriptor.setCloseOnExec(number, true)) != nil
        {
            parts.control = (number, OwnedFile(path: path, identity: identity))
        }
        if let log = settings.log { parts.log = LogOutput(log, console, account, restoring: state.first("log")) }
        parts.account = account
        console.restore(state)
        var supervisor = Supervisor(restoring: state, seed: .random(in: .min ... .max))
        if state.damagedLines > 0 || state.first("supervisor") == nil {
            console.write("the state of the upgrade is damaged (\(state.damagedLines) lines): keeping the workers")
            let command = state.first("log")?[number: "command"].flatMap { ProcessID(exactly: $0) }
            for pid in CurrentProcess.children where pid != command { supervisor.adopt(pid: pid, at: Master.now) }
        }
        let superdaemon = Superdaemon(settings, image, console, ServiceManager.take(), parts)
        let pipe = try makePipe()
        console.write("upgraded start_server (pid:\(CurrentProcess.id))")
        UpgradeAnswer.send("done", pidFile: settings.pidFile)
        try superdaemon.run(supervisor, pipe, .resumed, state: state)
    }

    static func makePipe() throws(ExitError) -> SignalPipe {
        let pipe: SignalPipe
        do {
            pipe = try SignalPipe()
        } catch {
            throw ExitError("cannot make a pipe", error)
        }
        catchSignals(pipe)
        return pipe
    }

    static func catchSignals(_ pipe: SignalPipe) {
        // Not ours, and no reason to leave workers without a superdaemon.
        for signal in ["PIPE", "ALRM", "VTALRM", "PROF", "IO", "XCPU", "XFSZ"] { Signal(parsing: signal)?.discard() }
        for signal in signals + [.child] { pipe.catches(signal) }
        Signal.unblockAll()
    }
}

/// How `--upgrade` learns what became of its USR2: the asking process binds a socket beside the pid file, in a folder
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
