import MasterRuntime
import Supervision
import Unix

/// The log takes what happens from here on.
struct Logging: ~Copyable, StartPhase {
    let facts: StartFacts
    let listeners: InheritedListeners
    let pidFile: PidFile?
    let report: ReadinessReport?
    let log: Log

    func fail(_ error: DaemonError) -> Never {
        StartAbort.removeFiles()
        log.error("\(Launcher.message(error))")
        facts.logCommand?.drain()
        pidFile?.remove()
        report?.failed(error)
        CurrentProcess.exitNow(error.exitStatus == 0 ? 1 : error.exitStatus)
    }

    /// Not after an exec: an upgrade goes on with standard error, which is the log still, and with its pid file.
    consuming func writePidFile() -> Logging {
        then { phase in
            let (plan, log) = (phase.facts.plan, phase.log)
            log.notice("\(plan.daemon.name) daemon startup")
            if let notice = phase.pidFile?.deathNotice(of: plan.daemon.name), phase.facts.canRemovePidFile {
                log.warning("\(notice)")
            }
            if let cause = log.fileFailure { throw DaemonError(.logFile, "log file \(plan.logFile)", cause) }
            if !plan.isForeground && plan.logFile != "-" { try log.redirectStandardStreams() }
            try phase.pidFile?.write(CurrentProcess.id)
            if let pidFile = phase.pidFile, phase.facts.role.isMaster || pidFile.isLeftBehind {
                Leftovers.end(beside: pidFile.path, of: plan.daemon.name) { log.log($0, $1) }
            }
            return Logging(
                facts: phase.facts, listeners: phase.listeners, pidFile: phase.pidFile, report: phase.report, log: log)
        }
    }

    consuming func makeContext() -> Running {
        then { phase in
            let (facts, report) = (phase.facts, phase.report)
            let signals = try attempt(.process, "cannot make a pipe") { () throws(Errno) in try SignalPipe() }
            let runtime = Runtime(
                daemon: facts.plan.daemon, values: facts.plan.values, log: phase.log, manager: facts.manager,
                signals: signals, pidFile: phase.pidFile, report: report, generation: facts.generation,
                role: facts.role.worker)
            runtime.setWhenReady { () throws(DaemonError) in
                try runtime.tellReady()
                try attempt(.process, "the launcher is gone") { () throws(Errno) in try report?.ready() }
            }
            AtExit.run { runtime.cleanUp() }
            phase.log.catchCrashes()
            return Running(facts: facts, runtime: runtime, report: report, listeners: phase.listeners)
        }
    }
}

/// From here on the runtime owns the log, the files and the end.
protocol LivePhase: StartPhase, ~Copyable {
    var facts: StartFacts { get }
    var runtime: Runtime { get }
    var report: ReadinessReport? { get }
}

extension LivePhase where Self: ~Copyable {
    borrowing func fail(_ error: DaemonError) -> Never {
        facts.logCommand?.drain()
        runtime.endStart(error)
    }
}

/// There is a context.
struct Running: ~Copyable, LivePhase {
    let facts: StartFacts
    let runtime: Runtime
    let report: ReadinessReport?
    let listeners: InheritedListeners

    /// After an exec: those of the master are in its state.
    consuming func keepListeners() -> Listening {
        Listening(facts: facts, runtime: runtime, report: report, handedDown: HandedDown([]))
    }

    /// Binds what was not handed down, while privileges last. A front end's configuration says what it needs.
    consuming func listen() -> Listening {
        then { phase in
            let (plan, runtime, inherited) = (phase.facts.plan, phase.runtime, phase.listeners)
            if plan.isFrontEnd || plan.daemon.listens.isEmpty {
                return Listening(
                    facts: phase.facts, runtime: runtime, report: phase.report,
                    handedDown: HandedDown(inherited.listeners))
            }
            if inherited.listeners.isEmpty {
                let port = plan.values[StandardOption.port] ?? plan.daemon.port
                runtime.add(
                    try Binding.bind(
                        plan.values[StandardOption.bind], phase.facts.sockets, port: port, kinds: plan.daemon.listens,
                        keeper: plan.keeper))
            } else {
                runtime.add(inherited.listeners)
                try phase.adapt(inherited.listeners)
            }
            for listener in runtime.listeners {
                let origin = inherited.listeners.isEmpty ? "" : " (\(inherited.source))"
                let protocolName = listener.kind == .datagram ? "UDP " : ""
                runtime.log.info("listening on \(protocolName)\(listener.address)\(origin)")
            }
            return Listening(facts: phase.facts, runtime: runtime, report: phase.report, handedDown: HandedDown([]))
        }
    }
}

extension Running {
    /// What was handed down at an address of `--bind` gets what it still can get: the length of its queue. Its file is
    /// the giver's.
    private func adapt(_ listeners: [Listener]) throws(DaemonError) {
        for (bind, settings) in zip(facts.plan.values[StandardOption.bind], facts.sockets) {
            for listener in listeners where listener.isBound(to: bind.address) && settings.backlog != nil {
                for word in try settings.adapt(listener) {
                    runtime.log.warning("\(bind): a socket that is bound already cannot become '\(word)'")
                }
            }
        }
    }
}

/// Every socket is bound.
struct Listening: ~Copyable, LivePhase {
    let facts: StartFacts
    let runtime: Runtime
    let report: ReadinessReport?
    /// What a front end was handed down: whoever takes it closes what it does not need.
    let handedDown: HandedDown

    /// This process supervises others for life. `state` is what an earlier image of it left.
    borrowing func supervise(
        resuming state: SavedState? = nil, _ frontEnd: (borrowing Listening, MasterImage) throws -> FrontEnd
    ) -> Never {
        let image =
            if case .master(let image, _) = facts.role {
                image
            } else {
                MasterImage(arguments: ProgramArguments.all)
            }
        do {
            let frontEnd = try frontEnd(self, image)
            StartAbort.disarm()
            var parts = SessionParts(
                image: image, log: runtime.log, manager: runtime.manager, signals: runtime.signals
            ) { [runtime] in runtime.end($0, isForced: false) }
            parts.pidFile = runtime.pidFile
            parts.report = report
            parts.logCommand = facts.logCommand
            parts.farewell = { [runtime] in runtime.sayFarewell() }
            try Session(frontEnd, parts, resuming: state).run()
        } catch {
            fail(DaemonError(wrapping: error))
        }
    }

    consuming func dropPrivileges() -> Unprivileged {
        then { phase in
            let (plan, account, runtime) = (phase.facts.plan, phase.facts.account, phase.runtime)
            if let directory = plan.values[StandardOption.chroot], let keeper = plan.keeper {
                try phase.keepFilesWithinReach(of: keeper)
                _ = WallTime.now.local  // the time zone's file is out of reach afterwards
                do throws(DaemonError) {
                    try attempt(.privileges, "cannot change the root directory to \(directory)") { () throws(Errno) in
                        try Files.changeRoot(directory)
                    }
                } catch {
                    keeper.dismiss()
                    throw error
                }
            }
            try account?.drop()
            if plan.values[StandardOption.coreDumps] {
                // A change of user has forbidden them. prctl(2), PR_SET_DUMPABLE
                try attempt(.privileges, "cannot allow core dumps", CurrentProcess.allowCoreDumps)
            }
            return Unprivileged(facts: phase.facts, runtime: runtime, report: phase.report)
        }
    }

    /// The log is reopened and files are removed from outside: no directory out there stays open in here.
    private func keepFilesWithinReach(of keeper: Keeper) throws(DaemonError) {
        if let kept = runtime.pidFile?.kept(by: keeper) { runtime.replace(kept) }
        let files = [runtime.pidFile?.owned] + runtime.listeners.map(\.file)
        let plan = facts.plan
        let log =
            plan.logsToFile ? LogFile(path: plan.logFile, owner: facts.owner, access: try plan.logAccess) : nil
        try keeper.start(log: log, files: files.compactMap(\.self), account: facts.account)
    }
}

/// The process has the daemon's own rights: what is left is the author's, from `prepare` on. `Serving`
struct Unprivileged: ~Copyable, LivePhase {
    let facts: StartFacts
    let runtime: Runtime
    let report: ReadinessReport?

    consuming func handOver() -> (Context, Keeper?) { (Context(runtime: runtime), facts.plan.keeper) }
}
