import DaemonCore
import Supervision
import Text
import Unix

/// The channels to those children that are daemons of ours: commands go down, answers and reports come up.
final class WorkerChannels: ControlRouter {
    private unowned let master: Master
    private let requests: Requests
    private let notes: ChildNotes
    /// Gets what a worker says of itself.
    private let take: (NotifySockets.Notification) -> Void
    private var channels: [Supervision.Child.ID: MasterChannel] = [:]
    /// Bytes of answers that have come in part.
    private var held = 0
    /// The services that have workers, in their order, as they were when one was asked for by its number.
    private var workerNames: [String] = []
    private var buffer = [UInt8](repeating: 0, count: 16 * 1024)

    /// A worker that says nothing for so long is not waited for any more.
    private static let patience = Duration.seconds(30)
    /// What the answers that have come in part may take together, and what one may in any case.
    private static let (mostHeld, littleHeld) = (16 << 20, 64 * 1024)

    init(
        _ master: Master, _ requests: Requests, _ notes: ChildNotes,
        take: @escaping (NotifySockets.Notification) -> Void
    ) {
        self.master = master
        self.requests = requests
        self.notes = notes
        self.take = take
    }

    /// Takes ownership of our end.
    func add(_ descriptor: Int32, of child: Supervision.Child.ID) {
        let channel = MasterChannel(descriptor)
        // fcntl(2) cannot fail here.
        try? Descriptor.setNonBlocking(descriptor, true)
        keep(channel, of: child)
    }

    private func keep(_ channel: MasterChannel, of child: Supervision.Child.ID) {
        channels[child] = channel
        guard !channel.isSilent else { return }
        try? master.watch(channel.descriptor) { [unowned self] in serve(channel, of: child) }
        if channel.hasMore { serveSoon(channel, of: child) }
    }

    private func serve(_ channel: MasterChannel, of child: Supervision.Child.ID) {
        guard channels[child] === channel else { return }
        guard channel.flush(), read(channel, of: child) else { return silence(channel) }
        if channel.hasMore { serveSoon(channel, of: child) } else { boundInput(of: channel) }
        try? master.watch(channel.descriptor, reading: true, writing: channel.hasOutput)
    }

    private func serveSoon(_ channel: MasterChannel, of child: Supervision.Child.ID) {
        guard !channel.isServedSoon else { return }
        channel.isServedSoon = true
        master.after(.zero) { [weak self] in
            channel.isServedSoon = false
            self?.serve(channel, of: child)
        }
    }

    private func read(_ channel: MasterChannel, of child: Supervision.Child.ID) -> Bool {
        channel.read(&buffer) { [unowned self] word in
            switch word {
            case .answer(let requester, let text): requests.give(text, to: requester)
            case .report(let message):
                guard let child = master.supervisor.children[child] else { return }
                // Nobody but the worker has the other end.
                take(.init(message: message, child: child, isMain: true, access: nil))
            }
        }
    }

    /// What a worker said before its end counts.
    func hear(_ child: Supervision.Child.ID) {
        guard let channel = channels[child], !channel.isSilent else { return }
        for _ in 0..<64 {
            guard channel.hasMore || Poll.readable(channel.descriptor, timeout: .zero), read(channel, of: child) else {
                return
            }
        }
    }

    /// Keeps nothing of an answer that nobody waits for any more, or that is too much beside those of other workers.
    private func boundInput(of channel: MasterChannel) {
        count(channel.inputSize, channel)
        guard channel.held > Self.littleHeld, let requester = channel.comingAnswer else { return }
        guard !requests.contains(requester) || held > Self.mostHeld else { return }
        _ = channel.dropAnswer()
        count(channel.inputSize, channel)
        requests.give("The answer is too long beside those of other workers.\n", to: requester)
    }

    private func count(_ bytes: Int, _ channel: MasterChannel) {
        held += bytes - channel.held
        channel.held = bytes
    }

    /// Nothing that can be understood comes from it any more. It stays open: its end would end the worker.
    private func silence(_ channel: MasterChannel) {
        guard !channel.isSilent else { return }
        channel.isSilent = true
        count(0, channel)
        master.unwatch(channel.descriptor)
        giveUp(channel)
    }

    private func giveUp(_ channel: MasterChannel) {
        let waiting = channel.pending
        channel.pending = []
        for requester in waiting { requests.give("The worker ended before it answered.\n", to: requester) }
    }

    func close(_ child: Supervision.Child.ID) {
        guard let channel = channels.removeValue(forKey: child) else { return }
        if !channel.isSilent { master.unwatch(channel.descriptor) }
        count(0, channel)
        SentDescriptors.close(connection: channel.descriptor, in: master)
        giveUp(channel)
    }

    // MARK: Routing

    /// The number of the channel's descriptor, for whoever looks for a fault.
    func number(of child: Supervision.Child.ID) -> Int32? { channels[child]?.descriptor }

    func target(_ prefix: String) -> ProcessID? {
        let supervisor = master.supervisor
        if prefix.hasPrefix("!") {
            return ProcessID(prefix.dropFirst()).flatMap { supervisor.child(withPID: $0)?.pid }
        }
        guard let number = DecimalText.parse(prefix, in: 1...Int.max) else {
            return supervisor.children.values.filter { isCurrent($0) && $0.service == prefix }.min(by: Self.precedes)?
                .pid
        }
        return worker(number, among: supervisor.children)
    }

    /// The current worker of this number, in the order of services and instances: without sorting all of them, since a
    /// session may ask for one in each of its commands.
    private func worker(_ number: Int, among children: [Supervision.Child.ID: Supervision.Child]) -> ProcessID? {
        let isWorker = { [self] (child: Supervision.Child) in isCurrent(child) && notes[child.id]?.kind == .worker }
        var counts: [String: Int] = [:]
        for child in children.values where isWorker(child) { counts[child.service, default: 0] += 1 }
        if workerNames.count != counts.count || !workerNames.allSatisfy({ counts[$0] != nil }) {
            workerNames = counts.keys.sorted()
        }
        var left = number
        for name in workerNames {
            let count = counts[name] ?? 0
            guard left > count else {
                let own = children.values.filter { $0.service == name && isWorker($0) }.sorted(by: Self.precedes)
                return own[left - 1].pid  // bounded: 1 at least, and as many as were counted
            }
            left -= count
        }
        return nil
    }

    private func isCurrent(_ child: Supervision.Child) -> Bool { !child.isRetired && child.pid > 1 }

    private static func precedes(_ one: Supervision.Child, _ other: Supervision.Child) -> Bool {
        (one.instance, one.id) < (other.instance, other.id)
    }

    func forward(
        _ request: ControlRequest, to pid: ProcessID, _ session: ControlSession, _ answer: @escaping (String) -> Void
    ) {
        guard let child = master.supervisor.child(withPID: pid) else {
            return answer("Can't find the target PID matching the prefix '@!\(pid)'\n")
        }
        guard let channel = channels[child.id], !channel.isSilent else {
            return answer("\(child.service) (\(pid)) takes no commands.\n")
        }
        guard !channel.isBusy else {
            return answer("\(child.service) (\(pid)) is busy: \(channel.pending.count) commands wait for its answer.\n")
        }
        let requester = requests.expect(session, .routed(answer))
        channel.pending.insert(requester)
        guard channel.send(ChannelFrame(id: requester, request, level: session.level)) else {
            return silence(channel)
        }
        try? master.watch(channel.descriptor, reading: true, writing: channel.hasOutput)
        limitWait(for: requester)
    }

    private func limitWait(for requester: Requester) {
        requests.limit(requester, Self.patience) { [unowned self] in
            requests.give("The worker did not answer within \(DurationText.text(Self.patience)).\n", to: requester)
        }
    }

    // MARK: Over an exec

    var descriptors: [Int32] { channels.values.map(\.descriptor) }

    var records: [StateRecord] { channels.map { $1.record($0) } }

    func restore(_ state: SavedState) {
        for record in state.all("channel") {
            guard let child = record[number: "child"], let channel = MasterChannel(record) else { continue }
            keep(channel, of: child)
            for requester in channel.pending { limitWait(for: requester) }
            // What is still to be sent, and what was read by half.
            if channel.hasOutput { try? master.watch(channel.descriptor, reading: true, writing: true) }
        }
    }
}
