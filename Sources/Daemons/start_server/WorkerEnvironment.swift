import DaemonKit
import Text
import Unix

/// The environment of the workers but for what tells them of their sockets: what the superdaemon was started with, the
/// options that it exports, and the envdir.
///
/// Entries are bytes, since neither a variable nor a path need be UTF-8.
struct WorkerEnvironment: Sendable {
    /// The envdir may replace these.
    private let replaceable: [[UInt8]]

    /// `inherited` is the environment that the superdaemon was started with.
    init(inherited: [[UInt8]], settings: Settings) {
        let exported = Self.exported(settings)
        let names = Set(exported.map { ChildEnvironment.name(of: $0) })
        replaceable =
            ChildEnvironment.cleaned(inherited).filter { !names.contains(ChildEnvironment.name(of: $0)) } + exported
    }

    /// With the variables of the envdir as it is now.
    func entries(envdir: [EnvDir.Variable] = []) -> [[UInt8]] {
        if envdir.isEmpty { return replaceable }
        let added = ChildEnvironment.cleaned(envdir.map { "\($0.name)=".systemBytes + $0.value })
        let names = Set(added.map { ChildEnvironment.name(of: $0) })
        return replaceable.filter { !names.contains(ChildEnvironment.name(of: $0)) } + added
    }

    /// The options that the original exports, where they were given.
    private static func exported(_ settings: Settings) -> [[UInt8]] {
        var texts: [String] = []
        if let envdir = settings.envdir { texts.append("ENVDIR=\(envdir)") }
        if settings.enableAutoRestart { texts.append("ENABLE_AUTO_RESTART=1") }
        if let interval = settings.autoRestartInterval {
            texts.append("AUTO_RESTART_INTERVAL=\(DurationText.seconds(interval))")
        }
        if let delay = settings.killOldDelay { texts.append("KILL_OLD_DELAY=\(DurationText.seconds(delay))") }
        return texts.map(\.systemBytes)
    }
}
