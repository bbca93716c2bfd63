import Supervision
import Text
import Unix

/// `--workers N` of any daemon: this process holds the sockets and the pid file, and N processes of the same executable
/// run the daemon's main.
final class Workers: MasterSource {
    private let runtime: Runtime
    private let image: MasterImage
    private var count: Int

    init(_ runtime: Runtime, count: Int, image: MasterImage) {
        self.runtime = runtime
        self.count = count
        self.image = image
    }

    func load() throws(DaemonError) -> MasterSetup {
        var worker = Service(name: "worker", stopSignal: Signal.terminate.rawValue)
        worker.instances = count
        worker.readiness = .notified
        worker.startTimeout = runtime.values[StandardOption.startTimeout]
        worker.restart.when = .onFailure
        worker.restart.backoff.maximum = .seconds(30)
        worker.restart.backoff.jitter = 10
        // The worker keeps its own grace period; this is for one that hangs beyond it.
        // bounded: a Duration counts 5 000 000 000 000 years
        worker.stopTimeout = runtime.daemon.gracePeriod + .seconds(5)
        var program = Program(
            executable: image.path, name: ProgramArguments.all.first ?? image.path,
            environment: ChildEnvironment.cleaned(Environment.entries))
        program.arguments = Array(ProgramArguments.all.dropFirst())
        program.directory = (try? FileStatus(following: image.folder))?.kind == .directory ? image.folder : "/"
        program.sockets = runtime.listeners.map { HandedSocket($0) }
        program.hasChannel = true
        program.hasNotifySocket = false
        // Should it hang in its start, where nobody looks at the channel yet. In a drain it would be one signal too many.
        program.deathSignal = runtime.daemon.onMasterDeath == .drain ? nil : .terminate
        var plan = Plan(services: [worker])
        plan.reloadsAfterUpgrade = true
        return MasterSetup(plan: plan, programs: [worker.name: program])
    }

    var listeners: [Listener] { runtime.listeners }

    /// The command line knows no better: the number stays over reloads.
    func scaled(_ service: String, to count: Int) { if service == "worker" { self.count = count } }

    // MARK: Over an exec

    var records: [StateText.Record] {
        var record = StateText.Record("workers")
        record[number: "count"] = count
        return [record] + runtime.listeners.map(\.record)
    }

    func restore(_ state: StateText) {
        runtime.add(state.all("listener").compactMap(Listener.init))
        count = state.first("workers")?[number: "count"].map { min(max(0, $0), 1000) } ?? count
    }
}

/// What a worker knows of its master, by an internal variable.
struct WorkerRole {
    static let variable = "DAEMONKIT_WORKER"

    /// From 1 on.
    let number: Int
    /// How many there were when it was started, 1 at least.
    let count: Int
    /// To the master, at its end when the master is gone.
    let channel: Int32
    /// It begins without accepting.
    let isPaused: Bool
    /// The master listens at the channel to what the worker says of itself.
    let hearsReports: Bool

    /// Words in the variable.
    static let (paused, reports, count) = ("paused", "reports", "of=")

    /// Takes the variable out of the environment.
    static func take() -> WorkerRole? {
        let words = (Environment.take(variable) ?? "").split(separator: " ")
        // bounded: a name of the worker
        guard words.count >= 2, let number = Int(words[0]), let channel = Int32(words[1]), Descriptor.isOpen(channel)
        else { return nil }
        try? Descriptor.setCloseOnExec(channel, true)
        let more = words.dropFirst(2)
        return WorkerRole(
            number: number,
            count: more.first { $0.hasPrefix(count) }.flatMap {
                DecimalText.parse($0.dropFirst(count.count), in: 1...1000)
            }
                ?? number,
            channel: channel, isPaused: more.contains(paused[...]),
            hearsReports: more.contains(reports[...]))
    }

    /// What the master says by signals, besides what every daemon is told.
    static let signals: [Signal] = [.user1, .terminalInput, .terminalOutput]
}
