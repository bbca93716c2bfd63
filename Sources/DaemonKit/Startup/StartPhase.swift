import MasterRuntime
import Text
import Unix

/// A part of the start that is done. It owns what the start has made so far: the next phase takes that over, or the
/// process ends here and it is given back.
protocol StartPhase: ~Copyable {
    /// One line for the caller and one for the log, and nothing left behind.
    borrowing func fail(_ error: DaemonError) -> Never
}

extension StartPhase where Self: ~Copyable {
    /// The next phase, or the end of the process.
    consuming func then<Next: ~Copyable>(_ step: (borrowing Self) throws -> Next) -> Next {
        do { return try step(self) } catch { fail(DaemonError(wrapping: error)) }
    }
}

/// The command line was read, and nothing is made.
struct Invoked: ~Copyable, StartPhase {
    let plan: StartPlan

    init(_ plan: StartPlan) { self.plan = plan }

    func fail(_ error: DaemonError) -> Never { plan.say(error) }

    /// Acts on the running daemon where that is what was asked for. Otherwise takes over what was handed down, and gets
    /// rid of everything else that was inherited: before `check`, so that what `check` opens is not taken for that.
    consuming func takeInheritance() -> Inherited {
        then { phase in
            try OnlyThread.require { count in
                "genericMain was called with \(count) threads running: call it first, before anything uses Dispatch, a "
                    + "Task or an async main"
            }
            let plan = phase.plan
            plan.actOnRunningInstance()
            let account = try Account.resolve(plan.daemon, plan.values)
            try attempt(.descriptors, "cannot open /dev/null") { () throws(Errno) in try Descriptor.fillStandard() }
            Signal.resetInherited()
            let listeners = plan.isFrontEnd ? .takeAny() : try InheritedListeners.take(for: plan.daemon.listens)
            let worker = WorkerRole.take()
            // A pause must not suspend a worker that starts, as it would by default.
            if worker != nil { StartAbort.keep(WorkerRole.signals) }
            // How to start workers is found before the working directory changes.
            let isMaster = plan.isFrontEnd || worker == nil && plan.values[StandardOption.workers] > 0
            let image = isMaster ? MasterImage(arguments: ProgramArguments.all) : nil
            Descriptor.closeInherited(
                except: listeners.listeners.map(\.fileDescriptor) + (worker.map { [$0.channel] } ?? []))
            let manager = ServiceManager.take()
            let counts = ["SERVER_STARTER_GENERATION", "DAEMONKIT_GENERATION"].compactMap(Environment.take)
            let role: Role =
                if let image {
                    .master(image, isSupervised: !counts.isEmpty)
                } else if let worker {
                    .worker(worker)
                } else {
                    counts.isEmpty ? .alone : .supervised
                }
            if plan.logCommand != nil, !isMaster, worker == nil {
                throw DaemonError(
                    .options, tried: "option '--log-file': only a master can start a command again that reads its log",
                    cure: "give --workers, or a file")
            }
            if !plan.daemon.listens.isEmpty, listeners.listeners.isEmpty { try plan.requirePort() }
            // A master stays root, and its socket files root's.
            let facts = StartFacts(
                plan: plan, role: role, account: account,
                sockets: worker == nil ? try plan.sockets(of: isMaster ? nil : account) : [],
                control: worker == nil ? try plan.control : nil, manager: manager,
                generation: counts.compactMap { DecimalText.parse($0, in: 1...Int.max) }.first ?? 1)
            return Inherited(facts: facts, listeners: listeners)
        }
    }
}

/// What was handed down is ours, and everything else that was inherited is closed.
struct Inherited: ~Copyable, StartPhase {
    let facts: StartFacts
    let listeners: InheritedListeners

    func fail(_ error: DaemonError) -> Never { facts.plan.say(error) }

    /// The author's check, in the caller's terminal.
    borrowing func check<Checked>(_ check: (OptionValues) throws -> Checked) -> Checked {
        do {
            StandardStreams.bufferLines()
            let checked = try check(facts.plan.values)
            StandardStreams.flush()
            if facts.plan.values[StandardOption.check] { CurrentProcess.exit(0) }
            if facts.forks {
                try OnlyThread.require { count in
                    "check has left \(count) threads running: the process is forked now, and a Task, a queue or an event "
                        + "loop would not go on in its child; start them in prepare or in main"
                }
            }
            return checked
        } catch {
            fail(DaemonError(wrapping: error))
        }
    }

    /// Before the log is touched: a second start leaves no trace in the running daemon's.
    consuming func lockPidFile() -> Locked {
        then { phase in
            let plan = phase.facts.plan
            try phase.becomeChildOfFirstProcess()
            // A report to a launcher that was killed must not kill the daemon too, with its pid file left behind.
            discardWritersSignals()
            try attempt(.process, "cannot catch signals") { () throws(Errno) in try StartAbort.arm() }
            var pidFile: PidFile?
            if phase.facts.hasPidFile, let path = plan.pidFile {
                try plan.defaults.checkOwner(of: path, isMade: true)
                pidFile = try PidFile.lock(path, daemon: plan.daemon.name, owners: phase.facts.owners)
                plan.defaults.keepFromCleaners(path)
            }
            return Locked(facts: phase.facts, listeners: phase.listeners, pidFile: pidFile)
        }
    }

    private func becomeChildOfFirstProcess() throws(DaemonError) {
        guard CurrentProcess.id == 1 else { return }
        guard facts.plan.isForeground else {
            throw DaemonError(.process, "\(facts.plan.daemon.name) is process 1: start it with --foreground")
        }
        try ContainerInit.splitIfFirstProcess()
    }
}

/// A reader that is gone and a file that has reached its limit are errors of a write, and no reason to die.
private func discardWritersSignals() {
    for signal in [Signal.pipe, .fileSizeLimit] { signal.discard() }
}

/// No other process of this daemon runs. A worker has no pid file, and a generation in the foreground has none.
struct Locked: ~Copyable, StartPhase {
    let facts: StartFacts
    let listeners: InheritedListeners
    let pidFile: PidFile?

    func fail(_ error: DaemonError) -> Never {
        StartAbort.removeFiles()
        pidFile?.remove()
        facts.plan.say(error)
    }

    /// Returns in the daemon; a launcher waits for its report.
    consuming func detach() -> Detached {
        then { phase in
            let (plan, values) = (phase.facts.plan, phase.facts.plan.values)
            var report: ReadinessReport?
            if plan.isForeground {
                try settle(in: values[StandardOption.chdir], umask: values[StandardOption.umask])
            } else if phase.facts.role.worker != nil {
                // The master has detached already: what is left is what each process has of its own.
                try settle(in: values[StandardOption.chdir] ?? "/", umask: values[StandardOption.umask] ?? 0o077)
            } else {
                let settings = Detach.Settings(
                    daemon: plan.daemon.name, timeout: values[StandardOption.startTimeout],
                    logName: plan.logsToFile ? "log file \(plan.logFile)" : "its log",
                    directory: values[StandardOption.chdir] ?? "/", umask: values[StandardOption.umask] ?? 0o077)
                report = try Detach.detach(settings, holding: phase.pidFile)
            }
            return Detached(facts: phase.facts, listeners: phase.listeners, pidFile: phase.pidFile, report: report)
        }
    }
}

/// nil stays as the caller has it.
private func settle(in directory: String?, umask: UInt32?) throws(DaemonError) {
    if let directory {
        try attempt(.process, "cannot change to \(directory)") { () throws(Errno) in
            try Files.changeDirectory(directory)
        }
    }
    if let umask { Files.setUmask(FileMode(umask)) }  // bounded: 0o777 at the most
}

/// This process is the daemon, or a worker of it. `report` is nil where no launcher waits.
struct Detached: ~Copyable, StartPhase {
    let facts: StartFacts
    let listeners: InheritedListeners
    let pidFile: PidFile?
    let report: ReadinessReport?

    func fail(_ error: DaemonError) -> Never {
        StartAbort.removeFiles()
        pidFile?.remove()
        guard let report else { facts.plan.say(error) }
        report.failed(error)
        CurrentProcess.exitNow(error.exitStatus)
    }

    consuming func openLog() -> Logging {
        then { phase in
            var facts = phase.facts
            let plan = facts.plan
            if let command = plan.logCommand, facts.role.isMaster, !facts.isResumed {
                facts.logCommand = try openLogCommand(command, isForeground: plan.isForeground)
            }
            var targets = Log.Targets()
            if plan.logsToFile {
                try plan.defaults.checkOwner(of: plan.logFile, isMade: true)
                targets.file = LogFile(
                    path: plan.logFile, owner: facts.owner, access: try plan.logAccess, keeper: plan.keeper)
            }
            let isMaster = facts.role.isMaster
            if plan.values[StandardOption.syslog] != "no" {
                targets.syslog = Log.syslog(plan.syslogOrigin, isMaster: isMaster, keeper: plan.keeper)
            }
            targets.standardError = plan.isForeground || plan.logFile == "-"
            let log = try Log(
                name: plan.daemon.name, level: plan.values[StandardOption.debug] ? .debug : .info,
                format: Log.Format(rawValue: plan.values[StandardOption.logFormat]) ?? .text, targets: targets,
                holdsStandardStreams: !plan.isForeground, isMaster: isMaster)
            return Logging(
                facts: facts, listeners: phase.listeners, pidFile: phase.pidFile, report: phase.report, log: log)
        }
    }
}

/// Standard output and error lead to the command from here on, of the children too.
private func openLogCommand(_ text: String, isForeground: Bool) throws(DaemonError) -> LogCommand {
    try attempt(.logFile, "log file '|\(text)'") { () throws(Errno) in
        // It may write where we did; not when the caller waits for the end of our output.
        let outputs =
            isForeground ? [try Descriptor.duplicate(1, above: [2]), try Descriptor.duplicate(2, above: [2])] : []
        let command = try LogCommand(text, outputs: outputs)
        for number: Int32 in 1...2 { try Descriptor.duplicate(command.input, ontoStandard: number) }
        return command
    }
}

extension Detached {
    /// Takes over what an earlier image of this process left; nothing of a start is done again.
    init(resuming resumption: Resumption, _ plan: StartPlan) {
        discardWritersSignals()
        _ = InheritedListeners.takeAny()
        for name in ["SERVER_STARTER_PORT", "SERVER_STARTER_GENERATION", "DAEMONKIT_GENERATION"] {
            _ = Environment.take(name)
        }
        let image = MasterImage(
            arguments: ProgramArguments.all, path: resumption.head["path"], directory: resumption.directory)
        facts = StartFacts(
            plan: plan, role: .master(image, isSupervised: false),
            // Whose the log may be. That nobody is found must not end what runs.
            account: (try? Account.resolve(plan.daemon, plan.values)) ?? nil,
            // Sockets are in the state.
            sockets: [], control: nil, manager: ServiceManager.take(), generation: 1, isResumed: true)
        listeners = InheritedListeners()
        pidFile = resumption.pidFile
        if let path = pidFile?.path { plan.defaults.keepFromCleaners(path) }
        report = resumption.head[descriptor: "report"].map { ReadinessReport(pipe: $0) }
    }
}
