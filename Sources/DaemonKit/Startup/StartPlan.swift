import MasterRuntime
import Text
import Unix

/// What a start is to do, as the command line says; nothing of it changes.
struct StartPlan {
    let daemon: Daemon
    let values: OptionValues
    /// The program is a master's front end, and no daemon with a main.
    let isFrontEnd: Bool
    /// nil with `--pid-file none`.
    let pidFile: String?
    let logFile: String
    /// Reads what goes to standard error, which then is the only log.
    let logCommand: String?
    let defaults: DefaultPaths
    let isForeground: Bool
    /// With `--chroot`.
    let keeper: Keeper?

    init(_ daemon: Daemon, _ values: OptionValues, isFrontEnd: Bool) {
        self.daemon = daemon
        self.values = values
        self.isFrontEnd = isFrontEnd
        defaults = DefaultPaths(name: daemon.name)
        let path = values[StandardOption.pidFile] ?? defaults.pidFile
        pidFile = path == StandardOption.noPidFile ? nil : path
        let log = values[StandardOption.logFile] ?? defaults.logFile
        logCommand = StandardOption.logCommand(log)
        logFile = logCommand == nil ? log : "-"
        isForeground = values[StandardOption.foreground]
        keeper = values[StandardOption.chroot] == nil ? nil : Keeper()
    }

    var syslogOrigin: Syslog.Origin {
        Syslog.Origin(
            facility: Syslog.Facility(rawValue: values[StandardOption.syslogFacility]) ?? .daemon,
            tag: values[StandardOption.syslogTag])
    }

    var logAccess: LogFile.Access {
        get throws(DaemonError) {
            LogFile.Access(
                mode: values[StandardOption.logMode].map { FileMode($0) },  // bounded: 0o777 at the most
                group: try values[StandardOption.logGroup].map(AccountNames.group))
        }
    }

    /// The options of the addresses, looked up while the databases of users are within reach.
    func sockets(of account: Account?) throws(DaemonError) -> [SocketSettings] {
        let owner = account.map { FileOwner($0) }
        var settings: [SocketSettings] = []
        for bind in values[StandardOption.bind] {
            let isFile = bind.file != nil
            settings.append(try SocketSettings(bind.options).defaulting(to: isFile ? owner : nil))
        }
        return settings
    }

    var control: ControlSocketRequest? {
        get throws(DaemonError) {
            guard let text = values[StandardOption.controlSocket], let address = try? ControlAddress(parsing: text)
            else { return nil }
            return try ControlSocketRequest(address)
        }
    }

    var logsToFile: Bool { logFile != "-" && values[StandardOption.syslog] != "only" }

    /// Where `--status`, `--stop` and the like end the process.
    func actOnRunningInstance() {
        let asks = [StandardOption.status, StandardOption.stop, StandardOption.reload, StandardOption.reopenLogs]
        guard asks.contains(where: { values[$0] }) || values[StandardOption.signal] != nil else { return }
        guard let pidFile else {
            RunningInstance.Answer(
                "with --pid-file none there is no pid file to find the running daemon by: ask its service manager, or "
                    + "signal the process", exitStatus: 4, isFailure: true
            ).end(daemon.name)
        }
        let instance = RunningInstance(
            daemon: daemon.name, path: pidFile, user: values[StandardOption.user] ?? daemon.user,
            // A master gives its workers a little more than they give themselves.
            // bounded: a Duration counts 5 000 000 000 000 years
            stopLimit: daemon.gracePeriod < .seconds(30) ? .seconds(45) : daemon.gracePeriod + .seconds(15))
        do {
            try defaults.checkOwner(of: pidFile)
        } catch {
            // LSB's "status is unknown", and "insufficient privilege".
            RunningInstance.Answer(error.message, exitStatus: 4, isFailure: true).end(daemon.name)
        }
        if values[StandardOption.status] { instance.status().end(daemon.name) }
        if values[StandardOption.stop] { instance.stop().end(daemon.name) }
        if values[StandardOption.reload] { instance.reload().end(daemon.name) }
        if values[StandardOption.reopenLogs] { instance.reopenLogs().end(daemon.name) }
        if let signal = values[StandardOption.signal] { instance.signal(Signal(rawValue: signal)).end(daemon.name) }
    }

    func requirePort() throws(DaemonError) {
        let binds = values[StandardOption.bind]
        if !binds.isEmpty, binds.allSatisfy({ $0.namesPort || $0.path != nil }) { return }
        guard values[StandardOption.port] ?? daemon.port != nil else {
            throw DaemonError(.options, "no port", cure: "give --port, or a port in --bind", exitStatus: 2)
        }
    }

    /// While there is neither a log nor a launcher.
    func say(_ error: DaemonError) -> Never {
        if !error.message.isEmpty { LogWriter.say("\(daemon.name): \(VisibleText.lines(error.message))") }
        CurrentProcess.exitNow(error.exitStatus)
    }
}

/// What a start has found out before it makes anything; nothing of it changes.
struct StartFacts {
    let plan: StartPlan
    let role: Role
    /// Whom the process becomes; nil where it stays what it is.
    let account: Account?
    /// Of the addresses of `--bind`, in their order.
    let sockets: [SocketSettings]
    /// Of `--control-socket`.
    let control: ControlSocketRequest?
    let manager: ServiceManager
    /// 1 for the first, as the superdaemon counts.
    let generation: Int
    /// This process goes on after an exec.
    var isResumed = false
    /// Of `plan.logCommand`, in a master; it is started when there is a session.
    var logCommand: LogCommand?

    /// Whose files may be, beside root's: of whom it becomes.
    var owners: [UserID] { account.map { [$0.user.id] } ?? [] }
    var owner: (user: UserID, group: GroupID)? { account.map { ($0.user.id, $0.group) } }

    /// A second thread would not be there in what is forked.
    var forks: Bool {
        if CurrentProcess.id == 1 || plan.keeper != nil { return true }
        return switch role {
        case .alone, .supervised: !plan.isForeground
        case .worker: false
        case .master: true
        }
    }

    /// A worker's own pid file would keep the next generation from starting beside it, and so would a generation's.
    var hasPidFile: Bool {
        if case .worker = role { return false }
        if plan.pidFile == nil { return false }
        return !(plan.isForeground && role.isSupervised && plan.values[StandardOption.pidFile] == nil)
    }

    /// A daemon that has given up root's rights leaves root's file in root's directory at every end.
    var canRemovePidFile: Bool {
        guard let account, account.user.id != 0, let path = plan.pidFile else { return true }
        let directory = split(path: path).directory
        return (try? FileStatus(following: directory))?.owner == account.user.id
    }
}
