import Supervision
import Unix

/// The re-exec of a master: same pid, children, sockets, sessions and files.
extension ServiceMaster {
    /// A new executable that says nothing for so long is refused.
    private static let proofLimit = Duration.seconds(10)

    func prove() {
        guard let master else { return }
        attempt = []
        note(.notice, "Upgrading: trying \(image.path)")
        image.prove(StateText(master.supervisor.records + records), in: master, limit: Self.proofLimit) { reason in
            master.send(reason.map(Event.unproven) ?? .proven)
        }
    }

    func exec() -> String {
        guard let master else { return "not running" }
        manager?.finish()
        return master.exec(image, kept: descriptors) { records }
    }

    private func note(_ level: LogLevel, _ text: String) {
        attempt.append(text)
        runtime.log.log(level, text)
    }

    // MARK: What the next image must know

    private var descriptors: [Int32] {
        let own = [runtime.pidFile?.descriptor, isStarting ? report?.descriptor : nil]
        return own.compactMap(\.self) + source.listeners.map(\.fileDescriptor) + (outputs?.descriptors ?? [])
            + (notify?.descriptors ?? []) + (master?.mains.descriptors ?? []) + stored.descriptors
            + channels.values.map(\.descriptor) + controls.flatMap(\.descriptors)
    }

    private var records: [StateText.Record] {
        var head = StateText.Record("master")
        head["folder"] = image.folder
        head["path"] = image.path
        head[number: "pidFile"] = runtime.pidFile.map { Int($0.descriptor) }
        head["pidPath"] = runtime.pidFile?.path
        head[number: "report"] = isStarting ? report.map { Int($0.descriptor) } : nil
        head[flag: "starting"] = isStarting
        head["startFailure"] = startFailure
        head[number: "reloads"] = reloads
        head[number: "startedAt"] = Int(startedAt.nanoseconds)
        head[number: "pendingGeneration"] = pendingGeneration
        head[flag: "paused"] = isPaused
        head[number: "requestCount"] = requestCount
        head[numbers: "attempts"] = requests.filter { if case .attempt = $1 { true } else { false } }.keys.sorted()
        head[list: "attempt"] = attempt
        head[list: "kept"] = kept.sorted()
        head["version"] = runtime.daemon.version
        head[numbers: "descriptors"] = descriptors.map(Int.init)
        let said = (manager.map { [$0.record] } ?? []) + (notify?.records ?? []) + (master?.mains.records ?? [])
        return [head] + said + (current?.records("current") ?? []) + (pending?.records("pending") ?? [])
            + source.records + runtime.log.records + (outputs?.records ?? []) + stored.records
            + (leftovers?.records ?? []) + notes.map { $1.record($0) }
            + channels.map { $1.record($0) } + controls.flatMap(records)
    }

    private func records(_ control: ControlServer) -> [StateText.Record] {
        var head = StateText.Record("control")
        head[number: "descriptor"] = Int(control.listener)
        head["path"] = control.file.path
        head["identity"] = control.file.identity.text
        head[number: "level"] = control.level.rawValue
        return [head] + control.records
    }

    // MARK: What an earlier image left

    func restore(_ state: StateText, in master: Master) {
        let head = state.first("master") ?? StateText.Record("master")
        startedAt = Instant(nanoseconds: head[number: "startedAt"].map(Int64.init) ?? startedAt.nanoseconds)
        reloads = head[number: "reloads"] ?? 0
        isStarting = head[flag: "starting"]
        startFailure = head["startFailure"]
        pendingGeneration = head[number: "pendingGeneration"] ?? 0
        isPaused = head[flag: "paused"]
        requestCount = min(max(0, head[number: "requestCount"] ?? 0), Int.max / 2)
        attempt = head[list: "attempt"]
        kept = Set(head[list: "kept"])
        current = MasterSetup(state, "current", plan: master.supervisor.plan)
        pending = MasterSetup(state, "pending", plan: nil)
        source.restore(state)
        runtime.log.restore(state)
        outputs?.restore(state)
        stored.restore(state)
        notify?.restore(state)
        master.mains.restore(state)
        manager?.restore(state)
        leftovers?.restore(state)
        for record in state.all("note") { if let child = record[number: "child"] { notes[child] = ChildNote(record) } }
        if state.damagedLines > 0 || state.first("supervisor") == nil || state.first("master") == nil {
            note(.error, "The state is damaged (\(state.damagedLines) lines): keeping the children")
            for pid in CurrentProcess.children { master.adopt(pid: pid) }
        }
        restoreControls(state, attempts: Set(head[numbers: "attempts"]), master)
        restoreChannels(state)
        closeUnclaimed(head[numbers: "descriptors"])
        showState()
        let before = head["version"].map { " from version \($0)" } ?? ""
        isUpgraded = state.first("supervisor")?["upgrade"] != nil
        note(.notice, "Upgraded\(before) to \(runtime.daemon.version)")
        master.resume(state)
    }

    /// What a damaged line of the state has left without an owner.
    private func closeUnclaimed(_ numbers: [Int]) {
        let claimed = Set(descriptors.map(Int.init))
        for number in numbers where number > 2 && !claimed.contains(number) {
            if let number = Int32(exactly: number) { Descriptor.close(number) }
        }
    }

    private func restoreControls(_ state: StateText, attempts: Set<Int>, _ master: Master) {
        let routed = Set(state.all("channel").flatMap { $0[numbers: "pending"] })
        for record in state.all("control") {
            guard let number = record[descriptor: "descriptor"], let path = record["path"],
                let identity = record["identity"].flatMap(FileStatus.Identity.init)
            else { continue }
            let level = record[number: "level"].flatMap(ControlLevel.init) ?? .user
            do {
                let server = try serve(number, OwnedFile(path: path, identity: identity), level, master)
                controls.append(server)
                server.restore(state) { [unowned self] requester, answer in
                    requests[requester] =
                        routed.contains(requester)
                        ? .routed(answer) : attempts.contains(requester) ? .attempt(answer) : .command(answer)
                }
            } catch {
                runtime.log.error("\(error)")
            }
        }
    }
}
