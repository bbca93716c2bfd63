import Text
import Unix

/// The steps of a start, in the order in which `genericMain` takes them, and what each has made so far.
struct Start {
    private let daemon: Daemon
    private let values: OptionValues
    private let defaults: DefaultPaths
    private let paths: (pidFile: String, logFile: String)
    private let isForeground: Bool
    private var account: Account?
    private var inherited = InheritedListeners()
    private var manager = ServiceManager.none
    private var generation = 1
    /// This process is a worker of such a daemon's master.
    private var role: WorkerRole?
    /// How to start workers, found before the working folder changes.
    private var image: MasterImage?
    /// It supervises other processes for life, and is no daemon with a main.
    private let isMaster: Bool
    /// A superdaemon starts one generation beside the other.
    private var isSupervised = false
    private var pidFile: PidFile?
    private var report: ReadinessReport?
    private var log: Log?
    private var runtime: Runtime?
    /// With `--chroot`.
    private let keeper: Keeper?

    init(_ daemon: Daemon, _ values: OptionValues, isMaster: Bool = false) {
        self.isMaster = isMaster
        self.daemon = daemon
        self.values = values
        defaults = DefaultPaths(name: daemon.name)
        paths = (
            values[StandardOption.pidFile] ?? defaults.pidFile, values[StandardOption.logFile] ?? defaults.logFile
        )
        isForeground = values[StandardOption.foreground]
        keeper = values[StandardOption.chroot] == nil ? nil : Keeper()
    }

    // MARK: Before anything is made

    /// A fork with a second thread would leave a child whose tasks never run, without a word.
    func refuseSecondThread() throws(DaemonError) {
        let count = CurrentProcess.threadCount
        guard count == 1 else {
            throw DaemonError(
                .threads,
                "genericMain was called with \(count) threads running: call it first, before anything uses Dispatch, a Task "
                    + "or an async main")
        }
    }

    func actOnRunningInstance() {
        let instance = RunningInstance(
            daemon: daemon.name, path: paths.pidFile, user: values[StandardOption.user] ?? daemon.user,
            // A master gives its workers a little more than they give themselves.
            // bounded: a Duration counts 5 000 000 000 000 years
            stopLimit: daemon.gracePeriod < .seconds(30) ? .seconds(45) : daemon.gracePeriod + .seconds(15))
        let asks = [StandardOption.status, StandardOption.stop, StandardOption.reload, StandardOption.reopenLogs]
        guard asks.contains(where: { values[$0] }) || values[StandardOption.signal] != nil else { return }
        do {
            try defaults.checkOwner(of: paths.pidFile)
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

    mutating func resolveAccount() throws(DaemonError) { account = try Account.resolve(daemon, values) }

    /// Takes over what was handed down and gets rid of everything else that was inherited. Before `check`, so that what
    /// `check` opens is not taken for an inherited descriptor.
    mutating func takeInheritance() throws(DaemonError) {
        try attempt(.descriptors, "cannot open /dev/null") { () throws(Errno) in try Descriptor.fillStandard() }
        Signal.resetAll()
        inherited = isMaster ? .takeAny() : try InheritedListeners.take(for: daemon.listens)
        role = WorkerRole.take()
        // A pause must not suspend a worker that starts, as it would by default.
        if role != nil { StartAbort.keep(WorkerRole.signals) }
        if isMaster || role == nil && values[StandardOption.workers] > 0 {
            image = MasterImage(arguments: ProgramArguments.all)
        }
        Descriptor.closeInherited(
            except: inherited.listeners.map(\.fileDescriptor) + (role.map { [$0.channel] } ?? []))
        manager = ServiceManager.take()
        let counts = ["SERVER_STARTER_GENERATION", "DAEMONKIT_GENERATION"].compactMap(Environment.take)
        generation = counts.compactMap { DecimalText.parse($0, in: 1...Int.max) }.first ?? 1
        isSupervised = !counts.isEmpty
        if !daemon.listens.isEmpty, inherited.listeners.isEmpty { try requirePort() }
    }

    private func requirePort() throws(DaemonError) {
        let bind = values[StandardOption.bind]
        if case .unix = bind?.address { return }
        guard bind?.namesPort ?? false || values[StandardOption.port] ?? daemon.port != nil else {
            throw DaemonError(.options, "no port: give --port, or a port in --bind", exitStatus: 2)
        }
    }

    // MARK: Becoming the daemon

    func becomeChildOfFirstProcess() throws(DaemonError) {
        guard CurrentProcess.id == 1 else { return }
        guard isForeground else {
            throw DaemonError(.process, "\(daemon.name) is process 1: start it with --foreground")
        }
        try ContainerInit.splitIfFirstProcess()
    }

    /// Before the log is touched: a second start leaves no trace in the running daemon's.
    mutating func lockPidFile() throws(DaemonError) {
        // A report to a launcher that was killed must not kill the daemon too, with its pid file left behind.
        Self.discardWritersSignals()
        try attempt(.process, "cannot catch signals") { () throws(Errno) in try StartAbort.arm() }
        // The superdaemon has the pid file: a worker's own would keep the next generation from starting beside it.
        if role != nil || isForeground && isSupervised && values[StandardOption.pidFile] == nil { return }
        try defaults.checkOwner(of: paths.pidFile, isMade: true)
        pidFile = try PidFile.lock(paths.pidFile, daemon: daemon.name, owners: owners)
    }

    /// A reader that is gone and a file that has reached its limit are errors of a write, and no reason to die.
    private static func discardWritersSignals() {
        for signal in [Signal.pipe, .fileSizeLimit] { signal.discard() }
    }

    mutating func detach() throws(DaemonError) {
        guard !isForeground else { return try stayInForeground() }
        if role != nil { return try settleAsWorker() }
        guard let pidFile else { return }
        let settings = Detach.Settings(
            daemon: daemon.name, timeout: values[StandardOption.startTimeout],
            logName: logsToFile ? "log file \(paths.logFile)" : "its log",
            directory: values[StandardOption.chdir] ?? "/", umask: values[StandardOption.umask] ?? 0o077)
        report = try Detach.detach(settings, holding: pidFile)
    }

    /// The master has detached already: what is left is what each process has of its own.
    private func settleAsWorker() throws(DaemonError) {
        let folder = values[StandardOption.chdir] ?? "/"
        try attempt(.process, "cannot change to \(folder)") { () throws(Errno) in try Files.changeDirectory(folder) }
        Files.setUmask(FileMode(values[StandardOption.umask] ?? 0o077))  // bounded: 0o777 at the most
    }

    private func stayInForeground() throws(DaemonError) {
        if let folder = values[StandardOption.chdir] {
            try attempt(.process, "cannot change to \(folder)") { () throws(Errno) in try Files.changeDirectory(folder)
            }
        }
        if let mask = values[StandardOption.umask] { Files.setUmask(FileMode(mask)) }  // bounded: 0o777 at the most
    }

    /// Whose files may be, beside root's: of whom it becomes.
    private var owners: [UserID] { account.map { [$0.user.id] } ?? [] }

    private var logsToFile: Bool { paths.logFile != "-" && values[StandardOption.syslog] != "only" }

    mutating func openLog(resuming: Bool = false) throws(DaemonError) {
        var targets = Log.Targets()
        if logsToFile {
            try defaults.checkOwner(of: paths.logFile, isMade: true)
            targets.file = LogFile(path: paths.logFile, owners: owners, keeper: keeper)
        }
        if values[StandardOption.syslog] != "no" { targets.syslog = Log.syslog(isMaster: image != nil) }
        targets.standardError = isForeground || paths.logFile == "-"
        let log = try Log(
            name: daemon.name, level: values[StandardOption.debug] ? .debug : .info,
            format: Log.Format(rawValue: values[StandardOption.logFormat]) ?? .text, targets: targets,
            holdsStandardStreams: !isForeground, isMaster: image != nil)
        self.log = log
        // An upgrade goes on with standard error, which still is the old file.
        if resuming { return }
        log.notice("\(daemon.name) daemon startup")
        if let cause = log.fileFailure { throw DaemonError(.logFile, "log file \(paths.logFile)", cause) }
        if !isForeground && paths.logFile != "-" { log.redirectStandardStreams() }
        if let account, let descriptor = log.descriptor, account.user.id != 0 {
            try attempt(.logFile, "cannot give log file \(paths.logFile) to user \(account.user.id)") {
                () throws(Errno) in
                try giveLog(descriptor, to: account)
            }
        }
    }

    /// The daemon must be able to open it again when it has become another user.
    private func giveLog(_ descriptor: Int32, to account: Account) throws(Errno) {
        let status = try FileStatus(descriptor: descriptor)
        guard status.kind == .regular, status.owner != account.user.id else { return }
        try Descriptor.setOwner(descriptor, account.user.id, account.group)
    }

    func writePidFile() throws(DaemonError) { try pidFile?.write(CurrentProcess.id) }

    // MARK: Getting ready

    mutating func makeContext() throws(DaemonError) -> Context {
        guard let log else { throw DaemonError(.process, "start-up steps out of order") }
        let signals = try attempt(.process, "cannot make a pipe") { () throws(Errno) in try SignalPipe() }
        let runtime = Runtime(
            daemon: daemon, values: values, log: log, manager: manager, signals: signals, pidFile: pidFile,
            report: report, generation: generation, role: role)
        let report = report
        runtime.setWhenReady { () throws(DaemonError) in
            try runtime.tellReady()
            try attempt(.process, "the launcher is gone") { () throws(Errno) in try report?.ready() }
        }
        AtExit.run { runtime.cleanUp() }
        self.runtime = runtime
        return Context(runtime: runtime)
    }

    /// Binds what was not handed down, while privileges last.
    func listen() throws(DaemonError) {
        guard let runtime, !daemon.listens.isEmpty else { return }
        if inherited.listeners.isEmpty {
            let port = values[StandardOption.port] ?? daemon.port
            runtime.add(
                try Binding.bind(values[StandardOption.bind], port: port, kinds: daemon.listens, keeper: keeper))
        } else {
            runtime.add(inherited.listeners)
        }
        for listener in runtime.listeners {
            let origin = inherited.listeners.isEmpty ? "" : " (\(inherited.source))"
            let protocolName = listener.kind == .datagram ? "UDP " : ""
            runtime.log.info("listening on \(protocolName)\(listener.address)\(origin)")
        }
    }

    /// With `--workers` this process becomes their master, and never returns.
    func superviseWorkers() throws(DaemonError) {
        guard role == nil, let image, let runtime else { return }
        try supervise(workerWishes(runtime, image))
    }

    private func workerWishes(_ runtime: Runtime, _ image: MasterImage) -> MasterWishes {
        let workers = Workers(runtime, count: values[StandardOption.workers], image: image)
        var wishes = MasterWishes(source: workers)
        wishes.softStop = .user1
        if let path = values[StandardOption.controlSocket] { wishes.controls = [ControlSocketRequest(path)] }
        return wishes
    }

    /// What a master was handed down.
    mutating func handDown() -> HandedDown {
        defer { inherited = InheritedListeners() }
        return HandedDown(inherited.listeners)
    }

    func supervise(_ wishes: MasterWishes) throws(DaemonError) -> Never {
        guard let runtime, let image else { throw DaemonError(.process, "start-up steps out of order") }
        try ServiceMaster(runtime, wishes, image: image, report: report).run()
    }

    // MARK: Going on after an exec

    /// Takes over what an earlier image of this process left; nothing of a start is done again.
    mutating func resume(_ resumption: Resumption) throws(DaemonError) -> Context {
        Self.discardWritersSignals()
        _ = InheritedListeners.takeAny()
        for name in ["SERVER_STARTER_PORT", "SERVER_STARTER_GENERATION", "DAEMONKIT_GENERATION"] {
            _ = Environment.take(name)
        }
        image = MasterImage(
            arguments: ProgramArguments.all, path: resumption.head["path"], folder: resumption.folder)
        manager = ServiceManager.take()
        pidFile = resumption.pidFile
        report = resumption.head[descriptor: "report"].map { ReadinessReport(pipe: $0) }
        // Whose the log may be. That nobody is found must not end what runs.
        account = (try? Account.resolve(daemon, values)) ?? nil
        try openLog(resuming: true)
        return try makeContext()
    }

    /// `--workers` goes on.
    func resumeWorkers(_ resumption: Resumption) throws(DaemonError) -> Never {
        guard let runtime, let image else { throw DaemonError(.process, "start-up steps out of order") }
        try supervise(workerWishes(runtime, image), resuming: resumption)
    }

    func supervise(_ wishes: MasterWishes, resuming resumption: Resumption) throws(DaemonError) -> Never {
        guard let runtime, let image else { throw DaemonError(.process, "start-up steps out of order") }
        try ServiceMaster(runtime, wishes, image: image, report: report).run(resuming: resumption.state)
    }

    mutating func dropPrivileges() throws(DaemonError) {
        if let account {
            for file in (runtime?.listeners ?? []).compactMap(\.file) {
                try attempt(.privileges, "cannot give \(file.path) to user \(account.user.id)") {
                    () throws(FileRefusal) in
                    try file.setOwner(account.user.id, account.group)
                }
            }
        }
        if let folder = values[StandardOption.chroot] {
            try keepFilesWithinReach()
            _ = WallTime.now.local  // the time zone's file is out of reach afterwards
            do throws(DaemonError) {
                try attempt(.privileges, "cannot change the root folder to \(folder)") { () throws(Errno) in
                    try Files.changeRoot(folder)
                }
            } catch {
                keeper?.dismiss()
                throw error
            }
        }
        try account?.drop()
    }

    /// The log is reopened and files are removed from outside: no folder out there stays open in here.
    private mutating func keepFilesWithinReach() throws(DaemonError) {
        guard let keeper else { return }
        try refuseSecondThread()
        if let kept = pidFile?.kept(by: keeper) {
            pidFile = kept
            runtime?.replace(kept)
        }
        let files = [pidFile?.owned] + (runtime?.listeners ?? []).map(\.file)
        let log = logsToFile ? LogFile(path: paths.logFile, owners: owners) : nil
        try keeper.start(log: log, files: files.compactMap(\.self), account: account)
    }

    /// Signals are taken by their thread from here on; then whoever waits is told.
    func goLive() throws(DaemonError) {
        guard let runtime else { return }
        StartAbort.disarm()
        try SignalThread(runtime: runtime).start()
        keeper?.serves()
        if daemon.readiness == .prepared { try runtime.ready() }
    }

    // MARK: Failing

    /// One line for the caller and one for the log, and nothing left behind.
    func fail(_ error: DaemonError) -> Never {
        let message = error.message
        StartAbort.removeFiles()
        guard let log else {
            pidFile?.remove()
            if let report {
                report.failed(error)
            } else if !message.isEmpty {
                LogWriter.say("\(daemon.name): \(VisibleText.lines(message))")
            }
            CurrentProcess.exitNow(error.exitStatus)
        }
        log.error("\(Launcher.message(error))")
        if let runtime {
            runtime.cleanUp()
        } else {
            pidFile?.remove()
        }
        report?.failed(error)
        CurrentProcess.exitNow(error.exitStatus == 0 ? 1 : error.exitStatus)
    }
}
