import MasterRuntime

/// What this process is among those of its daemon, decided once.
enum Role {
    /// A daemon by itself.
    case alone
    /// One generation of a superdaemon's, which starts the next one beside it.
    case supervised
    /// One of the processes of a master, which holds the pid file and the listeners.
    case worker(WorkerRole)
    /// It supervises other processes for life, perhaps under a superdaemon itself.
    case master(MasterImage, isSupervised: Bool)

    var worker: WorkerRole? {
        if case .worker(let worker) = self { worker } else { nil }
    }

    var isMaster: Bool {
        if case .master = self { true } else { false }
    }

    /// A superdaemon runs one generation beside the other.
    var isSupervised: Bool {
        switch self {
        case .alone, .worker: false
        case .supervised: true
        case .master(_, let isSupervised): isSupervised
        }
    }
}
