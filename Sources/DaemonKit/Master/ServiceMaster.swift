import Supervision
import Unix

/// HAProxy's master, for the children of any setup: `--workers` and masterd are this.
final class ServiceMaster: MasterHost {
    let runtime: Runtime
    private let source: any MasterSource
    private let wishes: MasterWishes
    private let notify: NotifySocket
    /// Its other end is closed with this process: so workers notice.
    private let lifeline: Pipe
    private let report: ReadinessReport?
    private(set) var master: Master?
    private var controls: [ControlServer] = []
    /// In force, and being brought up.
    private(set) var current: MasterSetup?
    private var pending: MasterSetup?
    private var isStarting = true
    private var startFailure: String?
    private(set) var reloads = 0
    let startedAt = Master.now
    private var requests: [Requester: (String) -> Void] = [:]
    private var requestCount = 0
    /// Files of children's output, by path.
    private var outputs: [String: Int32] = [:]
    /// What was logged since the last attempt to load began.
    private(set) var attempt: [String] = []
    private var buffer = [UInt8](repeating: 0, count: 16 * 1024)

    /// How long an interrupt waits for children.
    private static let patience = Duration.seconds(2)

    /// In this order when several came at once.
    private static let signals: [Signal] = [.interrupt, .terminate, .user1, .hangup, .user2]

    init(_ runtime: Runtime, _ wishes: MasterWishes, report: ReadinessReport?) throws(DaemonError) {
        self.runtime = runtime
        self.wishes = wishes
        source = wishes.source
        self.report = report
        notify = try NotifySocket()
        lifeline = try DaemonKit.attempt(.process, "cannot make a pipe", FileDescriptor.pipe)
    }

    func run() throws(DaemonError) -> Never {
        StartAbort.disarm()
        let master = try DaemonKit.attempt(.process, "cannot watch descriptors") { () throws(Errno) in
            let master = try Master(Supervisor(), host: self, pipe: runtime.signals, signals: Self.signals)
            try master.watch(notify.descriptor) { [notify, unowned master] in notify.read(for: master) }
            return master
        }
        for request in wishes.controls { controls.append(try open(request, master)) }
        self.master = master
        Signal.unblockAll()
        master.run(.start)
    }

    private func open(_ request: ControlSocketRequest, _ master: Master) throws(DaemonError) -> ControlServer {
        let socket = try ControlServer.bind(request.path, mode: request.mode)
        let server = try DaemonKit.attempt(.listener, "cannot watch \(request.path)") { () throws(Errno) in
            try ControlServer(socket.descriptor, file: socket.file, master: master, level: request.level)
        }
        server.add(commands)
        return server
    }

    // MARK: Children

    func load() -> Event {
        attempt = []
        do {
            let setup = try source.load()
            pending = setup
            return .loaded(setup.plan)
        } catch {
            return .loadFailed(error.message)
        }
    }

    func spawn(_ child: Supervision.Child) throws(Errno) -> ProcessID {
        // A new generation is of the setup that is being brought up; what is restarted meanwhile is not.
        let isNew = pending != nil && child.generation == master?.supervisor.generation
        guard let program = (isNew ? pending : current ?? pending)?.programs[child.service] else { throw .noSuchFile }
        var spawn = Spawn(program.executable, program.arguments)
        spawn.name = program.name
        spawn.directory = program.directory
        spawn.account = program.account
        spawn.descriptors = program.sockets.enumerated().map { (Int32(3 + $0), $1.descriptor) }
        let last = Int32(3 + program.sockets.count)
        if program.hasLifeline { spawn.descriptors.append((last, lifeline.read.number)) }
        spawn.environment = program.environment + variables(child, program, last).map { Array($0.utf8) }
        if !program.sockets.isEmpty { spawn.pidVariable = "LISTEN_PID" }
        spawn.deathSignal = program.deathSignal
        switch program.output {
        case .inherit: return try spawn.start()
        case .prefix(let name):
            return try start(spawn) { [runtime] in runtime.log.info("\(name): \(String(decoding: $0, as: UTF8.self))") }
        case .file(let path):
            let file = try output(at: path)
            return try start(spawn) { line in Self.append(line, to: file) }
        }
    }

    /// The file that children write to, under a number that a reopening keeps.
    private func output(at path: String) throws(Errno) -> Int32 {
        if let file = outputs[path] { return file }
        let file = try Self.open(output: path)
        outputs[path] = file
        return file
    }

    private static func open(output path: String) throws(Errno) -> Int32 {
        try FileDescriptor.open(path, [.writeOnly, .append, .create, .noControllingTerminal], mode: 0o640).release()
    }

    private static func append(_ line: ArraySlice<UInt8>, to file: Int32) {
        let bytes = line + [UInt8(ascii: "\n")]
        _ = try? Descriptor.write(file, bytes.span)
    }

    private func reopenOutputs() {
        for (path, number) in outputs {
            do {
                let fresh = try Self.open(output: path)
                defer { Descriptor.close(fresh) }
                try Descriptor.duplicate(fresh, onto: number)
            } catch {
                runtime.log.warning("cannot reopen \(path), keeping the old file: \(error)")
            }
        }
    }

    private func variables(_ child: Supervision.Child, _ program: Program, _ last: Int32) -> [String] {
        var variables = ["NOTIFY_SOCKET=\(notify.address)", "DAEMONKIT_GENERATION=\(child.generation)"]
        if program.hasLifeline { variables.append("\(WorkerRole.variable)=\(child.instance + 1) \(last)") }
        guard !program.sockets.isEmpty else { return variables }
        let names = program.sockets.map { $0.name.contains(":") ? "unknown" : $0.name }.joined(separator: ":")
        variables += ["LISTEN_FDS=\(program.sockets.count)", "LISTEN_FDNAMES=\(names)"]
        // A daemon of ours reads one protocol; others get the other too.
        guard !program.hasLifeline else { return variables }
        let ports = program.sockets.enumerated().map { "\($1.address)=\(3 + $0)" }.joined(separator: ";")
        return variables + ["SERVER_STARTER_PORT=\(ports)", "SERVER_STARTER_GENERATION=\(child.generation)"]
    }

    private func start(_ spawn: Spawn, logging line: @escaping (ArraySlice<UInt8>) -> Void) throws(Errno) -> ProcessID {
        var spawn = spawn
        let output = try ChildLog(line)
        defer { Descriptor.close(output.write) }
        spawn.descriptors += [(1, output.write), (2, output.write)]
        do {
            let pid = try spawn.start()
            try? master?.watch(output.read) { [unowned self] in read(output) }
            return pid
        } catch {
            Descriptor.close(output.read)
            throw error
        }
    }

    private func read(_ output: ChildLog) {
        guard !output.readLines(&buffer) else { return }
        master?.unwatch(output.read)
        Descriptor.close(output.read)
    }

    // MARK: Signals

    func received(_ signal: Signal) {
        switch signal {
        case .terminate: master?.send(.stop(StopRequest(.graceful, cause: signal.rawValue)))
        case .interrupt:
            let request = StopRequest(
                .now, signal: signal.rawValue, timeout: Self.patience, cause: signal.rawValue, exitCode: 130)
            master?.send(.stop(request))
        case .user1: master?.send(.stop(StopRequest(.soft, signal: Signal.terminate.rawValue, cause: signal.rawValue)))
        case .hangup: reopen()
        default: master?.send(.reload(nil))
        }
    }

    /// SIGHUP is for every process of the daemon: each reopens its log and runs its reload handlers.
    private func reopen() {
        _ = runtime.signals.takeReopenOnly()
        runtime.log.reopen()
        reopenOutputs()
        for child in master?.supervisor.children.values.filter({ $0.phase == .ready }) ?? []
        where current?.programs[child.service]?.hasLifeline == true { try? Signal.hangup.send(to: child.pid) }
        if wishes.reloadsOnHangup { master?.send(.reload(nil)) }
    }

    func prove() {
        master?.send(.unproven("this master is replaced by a restart; 'reload' starts its children's new executables"))
    }

    func exec() -> String { "not supported" }

    // MARK: What has happened

    func report(_ report: Report) {
        switch report {
        case .reloading: runtime.manager.reloading()
        case .reloaded:
            if isStarting { try? self.report?.ready() } else { reloads += 1 }
            isStarting = false
            current = pending ?? current
            pending = nil
            source.committed()
            runtime.manager.ready()
        case .reloadFailed(let failure):
            if isStarting { startFailure = failure.text } else { runtime.manager.ready() }
            pending = nil
            source.abandoned()
        case .stopping: runtime.manager.stopping()
        default: break
        }
        guard let (level, text) = line(for: report) else { return }
        if attempt.count < 1000 { attempt.append(text) }
        runtime.log.log(level, text)
    }

    private func kind(_ child: Supervision.Child) -> String {
        (pending?.programs[child.service] ?? current?.programs[child.service])?.kind.rawValue ?? "worker"
    }

    private func line(for report: Report) -> (LogLevel, String)? {
        switch report {
        case .starting(let child): (.notice, "New \(kind(child)) (\(child.pid)) started\(label(child))")
        case .accepted(let child): (.debug, "\(kind(child)) \(child.pid) is ready")
        case .failedToStart(let child, let failure):
            (
                .error,
                "\(kind(child))\(child.pid == 0 ? "" : " (\(child.pid))")\(label(child)) failed to start: \(failure.text)"
            )
        case .died(let child, let ending, let restarts):
            (
                .warning,
                "Current \(kind(child)) (\(child.pid)) exited with code \(ending.described)"
                    + (restarts ? ", restarting it" : "")
            )
        case .formerDied(let child, let ending), .ended(let child, let ending):
            (.notice, "Former \(kind(child)) (\(child.pid)) exited with code \(ending.described)")
        case .gaveUp(let child): (.error, "\(child.service) fails again and again, giving up")
        case .killing(let child): (.warning, "\(kind(child)) \(child.pid) does not end, sending SIGKILL")
        case .reloading: (.notice, "Reloading")
        case .reloaded: (.notice, "Loading success.")
        case .reloadFailed(let failure): (.error, "Loading failure: \(failure.text)")
        case .upgradeFailed(let reason): (.error, "Not upgraded: \(reason)")
        case .succeeded, .retiring, .changed, .stopping: nil
        }
    }

    private func label(_ child: Supervision.Child) -> String {
        child.service == "worker" ? "" : " for \(child.service)"
    }

    func exit(_ code: Int32) -> Never {
        for control in controls { control.file.remove() }
        if isStarting, let startFailure { report?.failed(DaemonError(startFailure)) }
        runtime.end(code, isForced: false)
    }

    // MARK: Control sockets

    func answer(_ requester: Requester, _ answer: Answer) {
        let log = attempt.map { "\($0)\n" }.joined()
        let text =
            switch answer {
            case .done: "Success=1\n--\n\(log)"
            case .failed(.stopping): "Success=0\n--\n\(Supervision.Failure.stopping.text)\n"
            case .failed: "Success=0\n--\n\(log)"
            }
        requests.removeValue(forKey: requester)?(text)
    }

    /// Hands a request of a session to the engine, which answers in the end.
    func request(
        _ session: ControlSession, _ answer: @escaping (String) -> Void, _ event: (Requester) -> Event
    ) {
        requestCount += 1
        requests[requestCount] = answer
        session.requester = requestCount
        master?.send(event(requestCount))
    }
}
