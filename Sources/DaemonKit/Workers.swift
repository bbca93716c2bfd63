import MasterRuntime
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
        program.directory = (try? FileStatus(following: image.directory))?.kind == .directory ? image.directory : "/"
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

    var records: [StateRecord] {
        var record = StateRecord("workers")
        record[number: "count"] = count
        return [record] + runtime.listeners.map(\.record)
    }

    func restore(_ state: SavedState) {
        runtime.add(state.all("listener").compactMap(Listener.init))
        count = state.first("workers")?[number: "count"].map { min(max(0, $0), 1000) } ?? count
    }
}
