import DaemonCore
import Supervision
import Unix

/// One loop around the engine, in the manner of a front end: start_server, masterd and `--workers` are this.
package final class Session: MasterHost {
    package let frontEnd: FrontEnd
    package private(set) var parts: SessionParts
    package let master: Master
    let requests: Requests
    let notes: ChildNotes
    let channels: WorkerChannels
    let manager: ManagerReports
    private let messages: ChildMessages
    private let outputs: ChildOutputs
    private let orphans: Orphans
    private let retry: LogRetry
    /// For the next start, should this process be killed; nil without a pid file.
    private let childrenFile: ChildrenFile?
    private let isResumed: Bool
    private lazy var controls = ControlSockets(master) { [unowned self] in equip($0) }
    private var setups = Setups()
    private(set) var isStarting = true
    private var startFailure: String?
    /// Good ones, beyond the start.
    package private(set) var reloads = 0
    package private(set) var startedAt = Master.now
    private(set) var stopAskedAt: MonotonicTime?
    /// When a signal asked for a graceful stop: a second one insists.
    var gracefulSince: MonotonicTime?
    /// The load that follows belongs to the upgrade that brought this image.
    private var isUpgraded = false
    /// What was logged since the last attempt to load began.
    package private(set) var attempt: [String] = []
    /// Why children did not come to their programs, until they are reaped.
    private var execFailures: [ProcessID: SpawnFailure] = [:]
    private var storedListeners = StoredListeners()

    /// Begins with the first generation, or goes on with the `state` that an earlier image of this process left.
    package init(_ frontEnd: FrontEnd, _ parts: SessionParts, resuming state: SavedState? = nil) throws(DaemonError) {
        // A main process that a child names (MAINPID) may outlive the child: then its end is ours to see.
        _ = CurrentProcess.becomeSubreaper()
        var random = SystemRandomNumberGenerator()
        let seed = random.next() as UInt64
        let supervisor = state.map { Supervisor(restoring: $0, seed: seed) } ?? Supervisor(seed: seed)
        let master = try DaemonCore.attempt(.process, "cannot watch descriptors") { () throws(Errno) in
            try Master(supervisor, pipe: parts.signals, signals: frontEnd.signals.map { $0.signal })
        }
        self.frontEnd = frontEnd
        self.parts = parts
        self.master = master
        let log = parts.log
        manager = ManagerReports(parts.manager, master) { log.write(.error, $0) }
        requests = Requests(master)
        notes = ChildNotes(master, log)
        let messages = ChildMessages(master, manager, notes, log)
        self.messages = messages
        channels = WorkerChannels(master, requests, notes) { messages.take($0) }
        let outputs = ChildOutputs(log, master: master)
        self.outputs = outputs
        retry = LogRetry(
            master, isWaiting: { log.isWaiting || outputs.isWaiting },
            flush: {
                log.flush()
                outputs.flush()
            })
        orphans = Orphans(master, log)
        childrenFile = ChildrenFile(beside: parts.pidFile, log, master, orphans)
        isResumed = state != nil
        master.host = self
        messages.isAwaited = { [unowned self] in isStarting || master.supervisor.stopRequest != nil }
        followEnds()
        master.afterTurn = { [unowned self] in
            outputs.serve()
            retry.check()
        }
        manager.beat()
        if let state { restore(state) } else { try controls.open(frontEnd.controls) }
        if let command = parts.logCommand { outputs.add(command) }
    }

    package func run() -> Never {
        Signal.unblockAll()
        master.run(isResumed ? .resumed : .start)
    }

    /// What a child said last counts, and what it leaves behind is ended.
    private func followEnds() {
        let (hear, close) = (master.beforeEnd, master.afterEnd)
        master.beforeEnd = { [unowned self] child in
            hear?(child)
            channels.hear(child.id)
        }
        master.afterEnd = { [unowned self] child in
            close?(child)
            execFailures[child.pid] = nil
            // The shell that had started the main process waits for it no more.
            guard let origin = master.mains.takeOrigin(of: child.id) else { return }
            orphans.adopt(from: origin, isTold: false, limit: .seconds(1))
        }
    }

    // MARK: Facts

    package var version: String { frontEnd.version }
    package var services: [Service] { setups.current?.plan.services ?? [] }
    /// What logs have lost.
    package var losses: [(log: String, loss: LogLoss)] { parts.log.losses + outputs.losses }

    /// An administrator changed how many instances of a service run.
    package func scaled(_ service: String, to count: Int) { frontEnd.source.scaled(service, to: count) }

    package var children: [Supervision.Child.ID: Supervision.Child] { master.supervisor.children }
    /// Somebody waited for this start, which has failed.
    package var hasFailedStart: Bool { frontEnd.endsWithFailedStart && startFailure != nil }
    package func kind(of child: Supervision.Child) -> Program.Kind {
        notes[child.id]?.kind ?? setups.kind(of: child.service)
    }

    func kind(ofService name: String) -> Program.Kind { setups.kind(of: name) }

    package func text(of failure: StartFailure, _ child: Supervision.Child) -> String {
        frontEnd.words.text(of: failure, execFailures[child.pid], setups.program(of: child.service))
    }

    private func say(_ line: (LogLevel, String)?) {
        guard let (level, text) = line else { return }
        if attempt.count < 1000 { attempt.append(text) }
        parts.log.write(level, text)
    }

    // MARK: Loading

    package func load() -> Event {
        if !isUpgraded { attempt = [] }
        isUpgraded = false
        do {
            let setup = try frontEnd.source.load()
            // What fails here is told by `reloadFailed`, which lets the source go back.
            try controls.load(setup)
            try orphans.controlGroups.prepare(setup.programs)
            childrenFile?.holds(frontEnd.source.listeners)
            setups.begin(setup, generation: master.supervisor.generation + 1)  // bounded: attempts are counted
            if isStarting, let time = setup.plan.longestStart { manager.tell(.extendTimeout(time)) }
            return .loaded(setup.plan)
        } catch {
            return .loadFailed(error.message)
        }
    }

    private func loaded() {
        if isStarting { try? parts.report?.ready() } else { reloads += 1 }
        isStarting = false
        setups.commit()
        let programs = setups.current?.programs ?? [:]
        messages.keep(Set(programs.keys))
        frontEnd.source.committed()
        controls.commit(setups.current)
        outputs.keep(programs.values.map(\.output))
        if frontEnd.storesListeners { storedListeners.keep(frontEnd.source.listeners, manager) }
        showState()
        if !notes.areReloading { manager.tell(.ready()) }
    }

    private func loadFailed(_ failure: Supervision.Failure) {
        setups.abandon()
        frontEnd.source.abandoned()
        controls.abandon()
        outputs.keep((setups.current?.programs ?? [:]).values.map(\.output))
        showState()
        if isStarting { tellFailedStart(text(of: failure)) } else { manager.tell(.ready(status: "Reload failed!")) }
    }

    private func showState() { controls.show(master.supervisor.failedReloads > 0 ? "ReloadFailed" : "") }
    // MARK: Children

    package func spawn(_ child: Supervision.Child) throws(Errno) -> NewProcess {
        guard let (setup, isChanged) = try setups.renewed(for: child, by: frontEnd.source),
            let program = setup.programs[child.service]
        else { throw .noSuchFile }
        if isChanged { master.adjust(retireDelay: setup.plan.retireDelay, reloadInterval: setup.plan.reloadInterval) }
        var start = ChildSpawn(child, program, kept: messages.stored(for: child.service), dialect: frontEnd.dialect)
        start.isPaused = notes.isPaused
        start.invocation = childrenFile?.invocation
        start.group = try orphans.controlGroups.make(for: child, program)
        // While the first plan is being loaded none is in force.
        let plan = master.supervisor.plan ?? setup.plan
        start.instances = plan.services.first { $0.name == child.service }?.instances
        // Ours may be a terminal. A chroot may lack the file: then it is ours.
        let null = program.inheritsInput ? nil : try? FileDescriptor.open("/dev/null", .readWrite).release()
        defer { null.map(Descriptor.close) }
        start.input = null
        let ends = program.hasChannel ? try Socket.pair() : nil
        // A worker has nothing to hand up, and what it sent would have to be closed here.
        if let ends { Socket.refuseDescriptors(ends.0) }
        defer { if let ends { Descriptor.close(ends.1) } }
        start.channel = ends?.1
        do {
            start.notifySocket = try messages.open(for: child, program)
            let process = try begin(start.spawn, program)
            notes.began(child.id, program)
            childrenFile?.began(child.id, process.pid, program)
            if let ends { channels.add(ends.0, of: child.id) }
            return process
        } catch {
            if let ends { Descriptor.close(ends.0) }
            messages.close(child.id)
            throw error
        }
    }

    private func begin(_ spawn: Spawn, _ program: Program) throws(Errno) -> NewProcess {
        // This process has one thread: nobody makes a file meanwhile.
        let mask = program.umask.map(Files.setUmask)
        defer { if let mask { Files.setUmask(mask) } }
        return try outputs.start(program.output, of: program.account?.user) { (output) throws(Errno) in
            var spawn = spawn
            if let output { spawn.descriptors += [(1, output), (2, output)] }
            return try spawn.begin()
        }
    }

    package func cannotExecute(_ pid: ProcessID, _ failure: SpawnFailure) { execFailures[pid] = failure }

    package func gaveUp(_ pids: [ProcessID]) { for pid in pids { say(frontEnd.words.line(for: .leftBehind(pid))) } }

    private func forget(_ child: Supervision.Child, isReaped: Bool = true) {
        orphans.left(by: child, isReaped: isReaped, limit: child.patienceBehind(services))
        notes.forget(child.id)
        channels.close(child.id)
    }

    // MARK: Reports and answers

    package func report(_ report: Report) {
        say(frontEnd.words.line(for: report, in: self))
        switch report {
        case .reloading: manager.tell(.reloading)
        case .reloaded: loaded()
        case .reloadFailed(let failure): loadFailed(failure)
        case .accepted(let child): notes.accepted(child)
        case .changed: writeStatus()
        case .stopping(let request, _): stopping(request)
        case .upgradeFailed(let reason): frontEnd.upgradeEnded(reason)
        case .ended(let child, _), .formerDied(let child, _), .died(let child, _, _), .completed(let child, _):
            forget(child)
        case .failedToStart(let child, let failure):
            endFailedStart(failure, child)
            switch failure {
            case .ended: forget(child)
            case .notSpawned: forget(child, isReaped: false)
            case .timedOut: break
            }
        default: break
        }
    }

    private func stopping(_ request: StopRequest) {
        stopAskedAt = stopAskedAt ?? .now
        parts.pidFile?.markStopping()
        manager.tell(.stopping)
        let longest = request.urgency == .soft ? nil : setups.current?.plan.longestStop
        // bounded: a Duration counts 5 000 000 000 000 years
        if let longest { manager.tell(.extendTimeout(longest + .seconds(5))) }
    }

    /// Somebody waits for the truth about this start: it has failed, and nothing is left behind.
    private func endFailedStart(_ failure: StartFailure, _ child: Supervision.Child) {
        guard frontEnd.endsWithFailedStart, isStarting, parts.report != nil, startFailure == nil else { return }
        tellFailedStart("the first worker failed to start (\(text(of: failure, child)))")
        master.send(.stop(StopRequest(.now, cause: Signal.terminate.rawValue)))
    }

    /// At once: what was started may take its time to end.
    private func tellFailedStart(_ reason: String) {
        startFailure = reason
        parts.report?.failed(DaemonError(reason))
        parts.report = nil
    }

    private func writeStatus() {
        guard let file = frontEnd.statusFile else { return }
        let serving = master.supervisor.children.values.filter { $0.readyAt != nil }
        do {
            try file.write(serving.map { ($0.generation, $0.pid) }.sorted { $0.0 < $1.0 })
        } catch {
            parts.log.write(.error, "cannot write status file \(file.path): \(error)")
        }
    }

    package func answer(_ requester: Requester, _ answer: Answer) {
        requests.answer(requester, answer, log: attempt) { text(of: $0) }
    }

    package func exit(_ code: Int32) -> Never {
        say(frontEnd.words.line(for: .ending))
        orphans.end(now: master.supervisor.stopRequest?.urgency == .now)
        childrenFile?.remove()
        outputs.readRest()
        messages.removeAll()
        manager.finish()
        controls.end()
        for listener in frontEnd.source.listeners { listener.removeFile() }
        frontEnd.statusFile?.remove()
        if isStarting { parts.report?.failed(DaemonError(startFailure ?? "it was stopped before it was ready")) }
        parts.finishLog()
        outputs.finish()
        parts.end(hasFailedStart ? max(1, code) : frontEnd.exitCode(code))
    }

    func reopen(_ word: ChildNote.HangUp) {
        parts.log.reopen()
        outputs.reopen()
        notes.hangUp(word)
        for error in controls.renew() { parts.log.write(.error, "\(error)") }
    }

    // MARK: The re-exec: same pid, children, sockets, control sessions and files

    /// A new executable that says nothing for so long is refused.
    private static let proofLimit = Duration.seconds(10)

    package func prove() {
        attempt = []
        say(frontEnd.words.line(for: .upgrading(path: parts.image.path)))
        let state = SavedState(master.supervisor.records + records)
        parts.image.prove(state, in: master, limit: Self.proofLimit) { [master] reason in
            master.send(reason.map(Event.unproven) ?? .proven)
        }
    }

    package func exec() -> String {
        manager.finish()
        return master.exec(parts.image, kept: descriptors) { records }
    }

    private var descriptors: [Int32] {
        let own = [parts.pidFile?.descriptor, isStarting ? parts.report?.descriptor : nil].compactMap(\.self)
        return own + frontEnd.source.listeners.map(\.fileDescriptor) + outputs.descriptors + messages.descriptors
            + master.mains.descriptors + channels.descriptors + controls.descriptors
    }

    private var records: [StateRecord] {
        var head = StateRecord("master")
        parts.image.note(in: &head)
        head[number: "pidFile"] = parts.pidFile.map { Int($0.descriptor) }
        head["pidPath"] = parts.pidFile?.path
        head[number: "report"] = isStarting ? parts.report.map { Int($0.descriptor) } : nil
        head[flag: "starting"] = isStarting
        head["startFailure"] = startFailure
        head[number: "reloads"] = reloads
        head[number: "startedAt"] = Int(startedAt.nanoseconds)
        head[flag: "paused"] = notes.isPaused
        head[list: "attempt"] = attempt
        head[list: "kept"] = storedListeners.names.sorted()
        head["version"] = frontEnd.version
        head[numbers: "descriptors"] = descriptors.map(Int.init)
        setups.note(in: &head)
        childrenFile?.note(in: &head)
        requests.note(in: &head)
        let own = [head, manager.record] + messages.records + master.mains.records + setups.records
        return own + frontEnd.source.records + parts.log.records + outputs.records + orphans.records + notes.records
            + channels.records + controls.records
    }

    private func restore(_ state: SavedState) {
        let head = state.first("master") ?? StateRecord("master")
        startedAt = Instant(nanoseconds: head[number: "startedAt"].map(Int64.init) ?? startedAt.nanoseconds)
        reloads = head[number: "reloads"] ?? 0
        isStarting = head[flag: "starting"]
        startFailure = head["startFailure"]
        attempt = head[list: "attempt"]
        storedListeners = StoredListeners(names: Set(head[list: "kept"]))
        setups.restore(state, head, plan: master.supervisor.plan)
        frontEnd.source.restore(state)
        parts.log.restore(state)
        outputs.restore(state)
        messages.restore(state)
        master.mains.restore(state)
        manager.restore(state)
        orphans.restore(state)
        notes.restore(state, isPaused: head[flag: "paused"])
        if state.damaged > 0 || state.first("supervisor") == nil || state.first("master") == nil {
            say(frontEnd.words.line(for: .damaged(lines: state.damaged)))
            for pid in CurrentProcess.children where !master.isHelper(pid) { master.adopt(pid: pid) }
        }
        let expect = requests.restore(state, head)
        for error in controls.restore(state, expect: expect) { parts.log.write(.error, "\(error)") }
        channels.restore(state)
        // What a damaged line of the state has left without an owner.
        let unclaimed = Set(head[numbers: "descriptors"]).subtracting(descriptors.map(Int.init)).filter { $0 > 2 }
        unclaimed.compactMap(Int32.init(exactly:)).forEach(Descriptor.close)
        showState()
        isUpgraded = state.first("supervisor")?["upgrade"] != nil
        say(frontEnd.words.line(for: .upgraded(from: head["version"], to: frontEnd.version)))
        frontEnd.upgradeEnded(nil)
        childrenFile?.resume(head) { setups.program(of: $0)?.user ?? CurrentProcess.userID }
        master.resume(state)
    }
}
