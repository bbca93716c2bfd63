import DaemonKit
import DeploymentFiles
import MasterRuntime
import Supervision
import Text
import Unix

/// The start of the superdaemon, in the order of the specification.
enum StartServer {
    static func main() throws(ExitError) -> Never {
        do {
            try Descriptor.fillStandard()
        } catch {
            throw ExitError("cannot open /dev/null", error)
        }
        Signal.resetIgnored()
        let image = MasterImage(arguments: ProgramArguments.all)
        let handed = MasterImage.takeState()
        // After an exec signals wait until there are handlers again.
        if handed == nil { Signal.unblockAll() }
        // Not in the help: for who makes packages.
        if handed == nil, ProgramArguments.all.dropFirst() == ["--help-manual"] { say(Manual.page.text) }
        if handed == nil, let script = Completion.script(ProgramArguments.all.dropFirst()) { say(script) }
        let settings = try parse(proof: handed?.proof)
        if let handed {
            // To read the command line and the state is all that a new executable is asked for before it takes over.
            handed.proof?(MasterImage.understands(handed.state))
            try resume(handed.state, settings, image)
        }
        switch settings.action {
        case .help: say(HelpText.help)
        case .version: say(HelpText.version)
        case .stop: try Remote(settings: settings).stop()
        case .restart: try Remote(settings: settings).restart()
        case .upgrade: try Remote(settings: settings).upgrade()
        case .signal: try Remote(settings: settings).signal()
        case .run: try run(settings, image)
        }
    }

    private static func parse(proof: ((Bool) -> Never)?) throws(ExitError) -> Settings {
        do {
            return try SettingsParser.parse(Array(ProgramArguments.all.dropFirst()))
        } catch {
            proof?(false)
            try? Descriptor.writeAll(2, error.text)
            CurrentProcess.exitNow(error.exitStatus)
        }
    }

    private static func say(_ text: String) -> Never {
        do {
            try Descriptor.writeAll(1, text)
        } catch {
            ExitError("cannot write", error).end()
        }
        CurrentProcess.exitNow(0)
    }

    private static func run(_ settings: Settings, _ image: MasterImage) throws(ExitError) -> Never {
        // What the caller had open, before anything is ours: then none of ours has to be told apart.
        if settings.daemonize { Descriptor.closeInherited(except: []) }
        let account = try account(settings)
        // A name service may take its time: before any signal is caught, so that ^C ends it.
        let addresses = try resolve(settings.ports)
        let manager = ServiceManager.take()
        let pipe = try makePipe()
        let console = Console(settings, account)
        console.write("start_server (pid:\(CurrentProcess.id)) starting now...")
        var pidFile: PidFile?
        var report: ReadinessReport?
        var sockets: [(Listener, Int32?)] = []
        do {
            // First of all: a second start must not touch what the first one made.
            pidFile = try lockPidFile(settings, account)
            if let pidFile {
                Leftovers.end(beside: pidFile.path, of: "start_server") { console.write($0, $1) }
            }
            for (spec, address) in zip(settings.ports, addresses) {
                sockets.append((try bind(spec, at: address, settings), spec.descriptor))
                if let number = spec.descriptor { console.write("socket is duplicated to file descriptor \(number)") }
            }
            for path in settings.paths { sockets.append((try bind(path, settings, console), nil)) }
            let log = try LogTarget(settings, console)
            if settings.daemonize {
                report = try detach(settings, pidFile)
                // The handlers of a start that is detached give way to ours.
                StartAbort.disarm()
                catchSignals(pipe)
            }
            try log.redirect(console)
            if let notice = pidFile?.deathNotice(of: "start_server") { console.write(.warning, notice) }
            try writePidFile(pidFile)
            // From here on nothing of the start is left to be removed by an abort.
            StartAbort.disarm()
            var parts = parts(image, console, manager, pipe, pidFile)
            parts.report = report
            parts.logCommand = log.command
            let source = Starter(settings, console, account, sockets)
            let statusFile = settings.statusFile.map(StatusFile.init(path:))
            try supervise(FrontEnd.starter(source, settings, statusFile: statusFile), parts, settings)
        } catch {
            for (listener, _) in sockets { listener.removeFile() }
            pidFile?.remove()
            report?.failed(DaemonError(error.text, exitStatus: error.exitStatus))
            throw error
        }
    }

    /// What an earlier image of this process has made, it goes on with.
    private static func resume(
        _ state: SavedState, _ settings: Settings, _ image: MasterImage
    ) throws(ExitError) -> Never {
        let account = try account(settings)
        let console = Console(settings, account)
        let head = state.first("master") ?? StateRecord("master")
        var pidFile: PidFile?
        if let number = head[descriptor: "pidFile"], let path = head["pidPath"] {
            pidFile = try? PidFile(path: path, lockedAs: number)
        }
        var parts = parts(image, console, ServiceManager.take(), try makePipe(), pidFile)
        parts.report = head[descriptor: "report"].map { ReadinessReport(pipe: $0) }
        let frontEnd = FrontEnd.starter(
            Starter(settings, console, account, []), settings,
            statusFile: settings.statusFile.map(StatusFile.init(restoring:)))
        try supervise(frontEnd, parts, settings, resuming: state)
    }

    private static func parts(
        _ image: MasterImage, _ console: Console, _ manager: ServiceManager, _ pipe: SignalPipe, _ pidFile: PidFile?
    ) -> SessionParts {
        var parts = SessionParts(image: image, log: console, manager: manager, signals: pipe) { code in
            // Last: whoever waits for its lock finds everything else done.
            pidFile?.remove()
            CurrentProcess.exitNow(code)
        }
        parts.pidFile = pidFile
        return parts
    }

    private static func supervise(
        _ frontEnd: FrontEnd, _ parts: SessionParts, _ settings: Settings, resuming state: SavedState? = nil
    ) throws(ExitError) -> Never {
        var frontEnd = frontEnd
        let session: Session
        do {
            // An earlier image's are in the state.
            if state == nil, let address = settings.controlSocket {
                frontEnd.controls = [try ControlSocketRequest(address)]
            }
            session = try Session(frontEnd, parts, resuming: state)
        } catch {
            throw ExitError(error)
        }
        session.run()
    }

    private static func makePipe() throws(ExitError) -> SignalPipe {
        let pipe: SignalPipe
        do {
            pipe = try SignalPipe()
        } catch {
            throw ExitError("cannot make a pipe", error)
        }
        catchSignals(pipe)
        return pipe
    }

    private static func catchSignals(_ pipe: SignalPipe) {
        // Not ours, and no reason to leave workers without a superdaemon.
        for signal in ["PIPE", "ALRM", "VTALRM", "PROF", "IO", "XCPU", "XFSZ"] { Signal(parsing: signal)?.discard() }
        for signal in FrontEnd.starterSignals + [.child] { pipe.catches(signal) }
        Signal.unblockAll()
    }

    // MARK: Sockets

    private static func bind(
        _ spec: PortSpec, at address: SocketAddress, _ settings: Settings
    ) throws(ExitError) -> Listener {
        let tried = "cannot bind \(spec.kind == .datagram ? "UDP " : "")\(spec.text)"
        do {
            let listener = try Binding.listen(
                spec.kind == .datagram ? .datagram : .stream, at: address, try socket(spec.options, settings),
                name: spec.key)
            // Not before: a UDP port in use would be shared with its owner, who would silently miss his datagrams.
            if spec.kind == .datagram { try Socket.set(.reuseAddress, true, of: listener.fileDescriptor) }
            return try adapted(listener)
        } catch let error as DaemonError {
            throw ExitError(tried, Errno(rawValue: error.systemError ?? 1))
        } catch {
            throw ExitError("\(tried): \(error)", exitStatus: (error as? Errno)?.rawValue ?? 1)
        }
    }

    /// A stale socket is replaced; a live one, and whatever else has the name, stays.
    private static func bind(
        _ optioned: OptionedAddress, _ settings: Settings, _ console: Console
    ) throws(ExitError) -> Listener {
        let path = optioned.text
        do {
            var socket = try socket(optioned.options, settings)
            socket.mode = socket.mode ?? 0o777
            let listener = try Binding.listen(.stream, at: SocketPath.address(path), socket, name: path) {
                console.write("removing existing socket file:\(path)")
            }
            return try adapted(listener)
        } catch let error as DaemonError {
            throw ExitError(error)
        } catch {
            throw ExitError("cannot bind \(path): \(error)", exitStatus: (error as? Errno)?.rawValue ?? 1)
        }
    }

    /// As the original's are: not every program expects a listener that does not wait.
    private static func adapted(_ listener: Listener) throws(Errno) -> Listener {
        try Descriptor.setNonBlocking(listener.fileDescriptor, false)
        return listener
    }

    /// What the options say of all sockets holds where the address itself says nothing.
    private static func socket(_ options: AddressOptions, _ settings: Settings) throws(DaemonError) -> SocketSettings {
        var socket = try SocketSettings(options)
        socket.backlog = socket.backlog ?? settings.backlog
        socket.reuseport = socket.reuseport || settings.reuseport
        return socket
    }

    private static func resolve(_ ports: [PortSpec]) throws(ExitError) -> [SocketAddress] {
        var addresses: [SocketAddress] = []
        for spec in ports {
            do {
                addresses.append(try spec.address())
            } catch {
                throw ExitError("option '--port': cannot resolve '\(spec.text)': \(error)", exitStatus: 255)
            }
        }
        return addresses
    }

    /// Whom the workers run as: the superdaemon keeps its rights, to bind, reopen and remove its files.
    private static func account(_ settings: Settings) throws(ExitError) -> SpawnAccount? {
        do {
            if let group = settings.logGroup { _ = try AccountNames.group(group) }
            return try SpawnAccount.resolve(user: settings.user, group: settings.group)
        } catch {
            throw ExitError(error.description, exitStatus: 255)
        }
    }

    private static func lockPidFile(_ settings: Settings, _ account: SpawnAccount?) throws(ExitError) -> PidFile? {
        guard let path = settings.pidFile else { return nil }
        do {
            return try PidFile.lock(
                path, daemon: "start_server", mode: 0o644, owners: account.map { [$0.user] } ?? [])
        } catch {
            throw ExitError(error)
        }
    }

    private static func writePidFile(_ file: PidFile?) throws(ExitError) {
        do {
            try file?.write(CurrentProcess.id)
        } catch {
            throw ExitError(error)
        }
    }

    /// Returns in the daemon; the caller's process waits for the first worker.
    private static func detach(_ settings: Settings, _ pidFile: PidFile?) throws(ExitError) -> ReadinessReport {
        let patience = settings.readiness == .notify ? settings.startTimeout ?? .seconds(30) : settings.interval
        do {
            return try Detach.detach(
                // bounded: a Duration counts 5 000 000 000 000 years
                Detach.Settings(daemon: "start_server", timeout: patience + .seconds(30), logName: "its log"),
                holding: pidFile)
        } catch {
            throw ExitError(error)
        }
    }
}
