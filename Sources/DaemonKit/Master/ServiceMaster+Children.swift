import Supervision
import Unix

/// Starting children.
extension ServiceMaster {
    func spawn(_ child: Supervision.Child) throws(Errno) -> NewProcess {
        guard let program = program(for: child) else { throw .noSuchFile }
        let kept = stored[child.service]
        var spawn = Spawn(program.executable, program.arguments)
        spawn.name = program.name
        spawn.directory = program.directory
        spawn.account = program.account
        spawn.deathSignal = program.deathSignal
        let handed = program.sockets.map(\.descriptor) + kept.map(\.descriptor)
        spawn.descriptors = handed.enumerated().map { (Int32(3 + $0), $1) }  // bounded: the sockets of a service
        // Ours may be a terminal. A chroot may lack the file: then it is ours.
        let null = try? FileDescriptor.open("/dev/null", .readWrite).release()
        defer { null.map(Descriptor.close) }
        if let null { spawn.descriptors.append((0, null)) }
        if !handed.isEmpty { spawn.pidVariable = "LISTEN_PID" }
        let ends = program.hasChannel ? try Socket.pair() : nil
        // A worker has nothing to hand up, and what it sent would have to be closed here.
        if let ends { Socket.refuseDescriptors(ends.0) }
        defer { if let ends { Descriptor.close(ends.1) } }
        let channel = Int32(3 + handed.count)  // bounded: the sockets of a service
        let address = try notifyAddress(child, program)
        if let ends { spawn.descriptors.append((channel, ends.1)) }
        spawn.environment =
            program.environment + variables(child, program, kept, address, channel: channel).map { Array($0.utf8) }
        do {
            let process = try start(spawn, program)
            notes[child.id] = ChildNote(program.kind)
            if let ends { watchChannel(ends.0, of: child.id) }
            return process
        } catch {
            if let ends { Descriptor.close(ends.0) }
            notify?.close(child.id)
            throw error
        }
    }

    private func notifyAddress(_ child: Supervision.Child, _ program: Program) throws(Errno) -> String? {
        guard program.hasNotifySocket else { return nil }
        do {
            return try notify?.open(for: child.id, account: program.account, access: program.notifyAccess)
        } catch {
            runtime.log.error("cannot make the notification socket of \(child.service): \(error)")
            throw error
        }
    }

    func gaveUp(_ pids: [ProcessID]) {
        for pid in pids { runtime.log.error("process \(pid) does not end after SIGKILL, leaving it behind") }
    }

    /// A new generation is of the setup that is being brought up; what is restarted meanwhile is not.
    private func program(for child: Supervision.Child) -> Program? {
        let isNew = pending != nil && child.generation == pendingGeneration
        return (isNew ? pending : current ?? pending)?.programs[child.service]
    }

    private func start(_ spawn: Spawn, _ program: Program) throws(Errno) -> NewProcess {
        // This process has one thread: nobody makes a file meanwhile.
        let mask = program.umask.map(Files.setUmask)
        defer { if let mask { Files.setUmask(mask) } }
        guard let outputs else { return try spawn.begin() }
        if let account = program.account { outputs.owners.insert(account.user) }
        return try outputs.start(program.output) { (output) throws(Errno) in
            var spawn = spawn
            if let output { spawn.descriptors += [(1, output), (2, output)] }
            return try spawn.begin()
        }
    }

    private func variables(
        _ child: Supervision.Child, _ program: Program, _ kept: [DescriptorStore.Entry], _ address: String?,
        channel: Int32
    ) -> [String] {
        var variables = ["DAEMONKIT_GENERATION=\(child.generation)"]
        if let address { variables.append("NOTIFY_SOCKET=\(address)") }
        if program.hasChannel { variables.append(role(child, channel)) }
        if let time = program.watchdog { variables.append("WATCHDOG_USEC=\(time.wholeNanoseconds / 1000)") }
        let names = program.sockets.map { $0.name.contains(":") ? "unknown" : $0.name } + kept.map(\.name)
        guard !names.isEmpty else { return variables }
        variables += ["LISTEN_FDS=\(names.count)", "LISTEN_FDNAMES=\(names.joined(separator: ":"))"]
        // A daemon of ours reads one protocol; others get the other too.
        guard !program.hasChannel, !program.sockets.isEmpty else { return variables }
        let ports = program.sockets.enumerated().map { "\($1.address)=\(3 + $0)" }.joined(separator: ";")
        return variables + ["SERVER_STARTER_PORT=\(ports)", "SERVER_STARTER_GENERATION=\(child.generation)"]
    }

    private func role(_ child: Supervision.Child, _ channel: Int32) -> String {
        "\(WorkerRole.variable)=\(child.instance + 1) \(channel) \(WorkerRole.reports)\(isPaused ? " \(WorkerRole.paused)" : "")"
    }

    // MARK: What they say

    func take(_ notification: NotifySockets.Notification) {
        guard let master else { return }
        let (message, child) = (notification.message, notification.child)
        notes[child.id]?.take(message)
        if message.storesDescriptors {
            for number in notification.descriptors
            where !stored.add(number, name: message.descriptorName, for: child.service) {
                runtime.log.warning("\(child.service) \(child.pid): no room to keep a descriptor")
            }
        }
        if message.removesDescriptors, let name = message.descriptorName {
            SentDescriptors.close(stored.remove(name: name, for: child.service), in: master)
        }
        var pid = child.pid
        if let main = message.mainProcess, main != pid {
            if master.mains.take(main, for: notification) {
                pid = main
            } else {
                runtime.log.warning("\(child.service) \(pid): MAINPID \(main) is refused: it is no process of its own")
            }
        }
        if let time = message.extendedTimeout {
            master.send(.extend(pid: pid, time))
            if isStarting || master.supervisor.stopRequest != nil { manager?.tell(.extendTimeout(time)) }
        }
        if message.isReady { master.send(.ready(pid: pid)) }
        if notification.givesBeat { master.send(.heartbeat(pid: pid)) }
        if message.triggersWatchdog { master.send(.heartbeatMissed(pid: pid)) }
    }
}
