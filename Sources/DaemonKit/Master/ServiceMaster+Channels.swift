import Supervision
import Unix

/// Commands for workers.
extension ServiceMaster: ControlRouter {
    /// A worker that says nothing for so long is not waited for any more.
    private static let patience = Duration.seconds(30)

    func watchChannel(_ descriptor: Int32, of child: Supervision.Child.ID) {
        let channel = MasterChannel(descriptor)
        // Cannot fail for a socket, and without it the worker would have a master that never speaks, no less.
        try? Descriptor.setNonBlocking(descriptor, true)
        keep(channel, of: child)
    }

    private func keep(_ channel: MasterChannel, of child: Supervision.Child.ID) {
        channels[child] = channel
        guard !channel.isSilent else { return }
        try? master?.watch(channel.descriptor) { [unowned self] in serve(channel, of: child) }
    }

    private func serve(_ channel: MasterChannel, of child: Supervision.Child.ID) {
        guard channels[child] === channel else { return }
        guard channel.flush(), read(channel, of: child) else { return silence(channel) }
        try? master?.watch(channel.descriptor, reading: true, writing: channel.hasOutput)
    }

    private func read(_ channel: MasterChannel, of child: Supervision.Child.ID) -> Bool {
        channel.read(&buffer) { [unowned self] word in
            switch word {
            case .answer(let requester, let text): give(text, to: requester)
            case .report(let message):
                guard let child = master?.supervisor.children[child] else { return }
                // Nobody but the worker has the other end.
                take(.init(message: message, child: child, isMain: true, access: nil, descriptors: []))
            }
        }
    }

    /// What a worker said before its end counts.
    func hearChannel(of child: Supervision.Child.ID) {
        guard let channel = channels[child], !channel.isSilent else { return }
        for _ in 0..<64 where !read(channel, of: child) { return }
    }

    /// Nothing that can be understood comes from it any more. It stays open: its end would end the worker.
    private func silence(_ channel: MasterChannel) {
        guard !channel.isSilent else { return }
        channel.isSilent = true
        master?.unwatch(channel.descriptor)
        giveUp(channel)
    }

    private func giveUp(_ channel: MasterChannel) {
        let waiting = channel.pending
        channel.pending = []
        for requester in waiting { give("The worker ended before it answered.\n", to: requester) }
    }

    func closeChannel(of child: Supervision.Child.ID) {
        guard let channel = channels.removeValue(forKey: child) else { return }
        if !channel.isSilent { master?.unwatch(channel.descriptor) }
        Descriptor.close(channel.descriptor)
        giveUp(channel)
    }

    // MARK: Routing

    func target(_ prefix: String) -> ProcessID? {
        guard let supervisor = master?.supervisor else { return nil }
        if prefix.hasPrefix("!") {
            return ProcessID(prefix.dropFirst()).flatMap { supervisor.child(withPID: $0)?.pid }
        }
        let children = supervisor.children.values.filter { !$0.isRetired && $0.pid > 1 }.sorted {
            ($0.service, $0.instance, $0.id) < ($1.service, $1.instance, $1.id)
        }
        if let number = decimal(prefix), number > 0 {
            let workers = children.filter { notes[$0.id]?.kind == .worker }
            return workers.indices.contains(number - 1) ? workers[number - 1].pid : nil
        }
        return children.first { $0.service == prefix }?.pid
    }

    func forward(
        _ request: ControlRequest, to pid: ProcessID, _ session: ControlSession, _ answer: @escaping (String) -> Void
    ) {
        guard let child = master?.supervisor.child(withPID: pid) else {
            return answer("Can't find the target PID matching the prefix '@!\(pid)'\n")
        }
        guard let channel = channels[child.id], !channel.isSilent else {
            return answer("\(child.service) (\(pid)) takes no commands.\n")
        }
        let requester = expect(session, .routed(answer))
        channel.pending.insert(requester)
        guard channel.send(ChannelFrame(id: requester, request, level: session.level)) else {
            return silence(channel)
        }
        try? master?.watch(channel.descriptor, reading: true, writing: channel.hasOutput)
        limitWait(for: requester)
    }

    private func limitWait(for requester: Requester) {
        limit(requester, Self.patience) { [unowned self] in
            give("The worker did not answer within \(durationText(Self.patience)).\n", to: requester)
        }
    }

    // MARK: Over an exec

    func restoreChannels(_ state: StateText) {
        for record in state.all("channel") {
            guard let child = record[number: "child"], let channel = MasterChannel(record) else { continue }
            keep(channel, of: child)
            for requester in channel.pending { limitWait(for: requester) }
            // What is still to be sent, and what was read by half.
            if channel.hasOutput { try? master?.watch(channel.descriptor, reading: true, writing: true) }
        }
    }
}
