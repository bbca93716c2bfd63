import DaemonKit
import Supervision
import Unix

/// The start of the superdaemon, in the order of the specification.
enum StartServer {
    static func main() throws(ExitError) -> Never {
        try? Descriptor.fillStandard()
        Signal.resetIgnored()
        let image = MasterImage(arguments: ProgramArguments.all)
        let handed = MasterImage.takeState()
        // After an exec signals wait until there are handlers again.
        if handed == nil { Signal.unblockAll() }
        // Not in the help: for who makes packages.
        if handed == nil, ProgramArguments.all.dropFirst() == ["--help-manual"] { say(Manual.page.text) }
        let settings = try parse(proof: handed?.proof)
        if let handed {
            // To read the command line and the state is all that a new executable is asked for before it takes over.
            handed.proof?(handed.state.damagedLines == 0 && handed.state.first("supervisor") != nil)
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
        let pipe = try Superdaemon.makePipe()
        let console = Console(syslog: settings.syslog)
        console.write("start_server (pid:\(CurrentProcess.id)) starting now...")
        var parts = Superdaemon.Parts()
        parts.account = account
        do {
            // First of all: a second start must not touch what the first one made.
            parts.pidFile = try lockPidFile(settings, account)
            for (spec, address) in zip(settings.ports, addresses) {
                parts.sockets.append(try BoundSocket.bind(spec, at: address, settings))
                if let number = spec.descriptor { console.write("socket is duplicated to file descriptor \(number)") }
            }
            for path in settings.paths { parts.sockets.append(try BoundSocket.bind(path: path, settings, console)) }
            if let target = settings.log {
                parts.log = try LogOutput(target, console, account, keepsOriginal: !settings.daemonize)
            }
            if settings.daemonize {
                parts.report = try detach(settings, parts.pidFile)
                // The handlers of a start that is detached give way to ours.
                StartAbort.disarm()
                Superdaemon.catchSignals(pipe)
            }
            try parts.log?.redirect()
            if settings.daemonize && settings.log == nil { try closeOutput(console) }
            try writePidFile(parts.pidFile)
            if let path = settings.controlSocket { parts.control = try bindControl(path) }
        } catch {
            for file in parts.sockets.compactMap(\.file) { file.remove() }
            parts.control?.file.remove()
            parts.pidFile?.remove()
            parts.report?.failed(DaemonError(error.text, exitStatus: error.exitStatus))
            throw error
        }
        // From here on nothing of the start is left to be removed by an abort.
        StartAbort.disarm()
        parts.statusFile = settings.statusFile.map(StatusFile.init(path:))
        let supervisor = Supervisor(seed: .random(in: .min ... .max))
        try Superdaemon(settings, image, console, manager, parts).run(supervisor, pipe, .start)
    }

    private static func resume(_ state: StateText, _ settings: Settings, _ image: MasterImage) throws(ExitError)
        -> Never
    {
        let console = Console(syslog: settings.syslog)
        try Superdaemon.restore(state, settings, image, console, try account(settings))
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
            return try SpawnAccount.resolve(user: settings.user, group: settings.group)
        } catch {
            throw ExitError(error.description, exitStatus: 255)
        }
    }

    /// Nobody may be kept waiting for the end of our output.
    private static func closeOutput(_ console: Console) throws(ExitError) {
        do {
            let null = try FileDescriptor.open("/dev/null", .readWrite)
            for number: Int32 in 1...2 { try Descriptor.duplicate(null.number, ontoStandard: number) }
        } catch {
            throw ExitError("cannot open /dev/null", error)
        }
        console.reopened()
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

    private static func bindControl(_ path: String) throws(ExitError) -> (descriptor: Int32, file: OwnedFile) {
        do {
            return try ControlServer.bind(path)
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
