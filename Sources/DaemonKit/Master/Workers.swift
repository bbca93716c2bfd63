import Supervision
import Unix

/// `--workers N` of any daemon: this process holds the sockets and the pid file, and N processes of the same executable
/// run the daemon's main.
final class Workers: MasterSource {
    private let runtime: Runtime
    private let image: MasterImage
    private let count: Int
    /// Where relative paths of the command line count from.
    private let folder: String

    init(_ runtime: Runtime, count: Int, image: MasterImage, folder: String) {
        self.runtime = runtime
        self.count = count
        self.image = image
        self.folder = folder
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
        worker.stopTimeout = runtime.daemon.gracePeriod + .seconds(5)
        var program = Program(
            executable: image.path, name: CommandLine.arguments.first ?? image.path, environment: Environment.entries)
        program.arguments = Array(CommandLine.arguments.dropFirst())
        program.directory = (try? FileStatus(following: folder))?.kind == .directory ? folder : "/"
        program.sockets = runtime.listeners.map {
            HandedSocket(name: $0.name, address: $0.address, descriptor: $0.fileDescriptor)
        }
        program.hasLifeline = true
        return MasterSetup(
            plan: Plan(services: [worker]), programs: [worker.name: program], version: runtime.daemon.version)
    }

    func committed() {}
    func abandoned() {}
}

/// What a worker knows of its master, by an internal variable.
struct WorkerRole {
    static let variable = "DAEMONKIT_WORKER"

    /// From 1 on.
    let number: Int
    /// At its end when the master is gone.
    let lifeline: Int32

    /// Takes the variable out of the environment.
    static func take() -> WorkerRole? {
        let words = (Environment.take(variable) ?? "").split(separator: " ")
        guard words.count == 2, let number = Int(words[0]), let lifeline = Int32(words[1]), Descriptor.isOpen(lifeline)
        else { return nil }
        try? Descriptor.setCloseOnExec(lifeline, true)
        return WorkerRole(number: number, lifeline: lifeline)
    }
}
