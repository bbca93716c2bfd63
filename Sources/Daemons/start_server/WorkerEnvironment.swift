import DaemonKit
import Text
import Unix

/// The environment of the workers: what changes between two spawns is put on top of what was made once.
///
/// Entries are bytes, since neither a variable nor a path need be UTF-8.
struct WorkerEnvironment: Sendable {
    /// A socket as the worker gets it.
    struct PassedSocket: Equatable, Sendable {
        let key: String
        let descriptor: Int32
        let kind: SocketKind
    }

    /// What the superdaemon was started with and the options that it exports: the envdir may replace these.
    private let replaceable: [[UInt8]]
    /// What tells the worker of its sockets: nothing replaces it.
    private let fixed: [[UInt8]]
    /// LISTEN_PID, where LISTEN_FDS is told: Spawn adds it, since nobody knows the pid before the child is there.
    let pidVariable: String?

    /// `inherited` is the environment that the superdaemon was started with; `sockets` come in the order of the options.
    init(inherited: [[UInt8]], settings: Settings, sockets: [PassedSocket]) {
        let exported = Self.exported(settings)
        let names = Set(exported.map(Self.name))
        replaceable =
            inherited.filter { entry in
                let name = Self.name(entry)
                return !ChildEnvironment.isInternal(name) && !names.contains(name)
            } + exported
        let listen = Self.listenVariables(sockets)
        fixed = Self.fixed(sockets) + listen
        pidVariable = listen.isEmpty ? nil : "LISTEN_PID"
    }

    /// For the worker of this generation, with the variables of the envdir as it is now.
    /// `notifySocket` is this worker's own.
    func entries(generation: Int, envdir: [EnvDir.Variable] = [], notifySocket: String? = nil) -> [[UInt8]] {
        var own = [Self.entry("SERVER_STARTER_GENERATION", String(generation))]
        if let notifySocket { own.append(Self.entry("NOTIFY_SOCKET", notifySocket)) }
        if envdir.isEmpty { return replaceable + fixed + own }
        let added = ChildEnvironment.cleaned(envdir.map { Array("\($0.name)=".utf8) + $0.value })
        let names = Set(added.map(Self.name))
        return replaceable.filter { !names.contains(Self.name($0)) } + added + fixed + own
    }

    // MARK: The parts

    /// The options that the original exports, where they were given.
    private static func exported(_ settings: Settings) -> [[UInt8]] {
        var entries: [[UInt8]] = []
        if let envdir = settings.envdir { entries.append(entry("ENVDIR", envdir)) }
        if settings.enableAutoRestart { entries.append(entry("ENABLE_AUTO_RESTART", "1")) }
        if let interval = settings.autoRestartInterval {
            entries.append(entry("AUTO_RESTART_INTERVAL", DurationText.seconds(interval)))
        }
        if let delay = settings.killOldDelay { entries.append(entry("KILL_OLD_DELAY", DurationText.seconds(delay))) }
        return entries
    }

    /// The sockets in the words of every protocol that a worker may speak.
    private static func fixed(_ sockets: [PassedSocket]) -> [[UInt8]] {
        let ports = sockets.map { "\($0.key)=\($0.descriptor)" }.joined(separator: ";")
        var entries = [entry("SERVER_STARTER_PORT", ports)]
        let datagrams = sockets.filter { $0.kind == .datagram }.map { String($0.descriptor) }
        if !datagrams.isEmpty { entries.append(entry("SERVER_STARTER_UDP", datagrams.joined(separator: ";"))) }
        guard !sockets.isEmpty else { return entries }
        entries.append(entry("EINHORN_FD_COUNT", String(sockets.count)))
        for (index, socket) in sockets.enumerated() {
            entries.append(entry("EINHORN_FD_\(index)", String(socket.descriptor)))
        }
        return entries
    }

    /// Of sd_listen_fds(3), which wants the sockets in a row from 3 on.
    private static func listenVariables(_ sockets: [PassedSocket]) -> [[UInt8]] {
        let ordered = sockets.sorted { $0.descriptor < $1.descriptor }
        // bounded: the sockets of a command line
        let isInRow = ordered.map(\.descriptor).elementsEqual(3..<Int32(3 + sockets.count))
        guard isInRow, !sockets.isEmpty else { return [] }
        let names = ordered.map { listenName($0.key) }.joined(separator: ":")
        return [entry("LISTEN_FDS", String(sockets.count)), entry("LISTEN_FDNAMES", names)]
    }

    /// A name must be printable ASCII without a colon, of 255 letters at the most. sd_listen_fds_with_names(3)
    private static func listenName(_ key: String) -> String {
        let letters = key.utf8.prefix(255).map { (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: ":") ? $0 : 0x5F }
        return String(decoding: letters, as: UTF8.self)
    }

    // MARK: Names

    private static func name(_ entry: [UInt8]) -> ArraySlice<UInt8> { ChildEnvironment.name(of: entry) }

    private static func entry(_ name: String, _ value: String) -> [UInt8] { Array("\(name)=\(value)".utf8) }
}
