/// A daemon as a type, for those who would rather write `@main struct Web: DaemonProgram` than call `genericMain`.
///
/// It is the same start in the same order: ``check(_:)`` in the caller's terminal; ``init(context:settings:)`` in the
/// daemon, which is ready when it has returned; then ``run()``, and ``reload()`` at each SIGHUP.
public protocol DaemonProgram: Sendable {
    /// What `check` makes of the command line.
    associatedtype Settings: Sendable = OptionValues

    /// What the daemon is.
    static var daemon: Daemon { get }

    /// What its command line offers; the standard options, where it says nothing.
    static var options: OptionList { get }

    /// Makes settings of the command line, and of files that it names, before anything is created. May be left out where
    /// the settings are the values of the options.
    static func check(_ values: OptionValues) throws -> Settings

    /// Opens what the daemon cannot do without. The caller waits for it, and is told what it throws.
    init(context: Context, settings: Settings) async throws

    /// Serves until ``Context/stop`` says otherwise. When it returns or throws, the daemon ends.
    func run() async throws

    /// Called at each SIGHUP, after the log was reopened. What it throws is logged, and the reload has failed. May be left
    /// out.
    func reload() async throws
}

extension DaemonProgram {
    public static var options: OptionList { .standard }

    public func reload() async throws {}

    /// What `@main` calls.
    public static func main() {
        genericMain(daemon, options: options, check: check) { context, settings in
            let program = try await Self(context: context, settings: settings)
            context.onReload { try await program.reload() }
            return program
        } main: { (_, program: Self) async throws in
            try await program.run()
        }
    }
}

extension DaemonProgram where Settings == OptionValues {
    public static func check(_ values: OptionValues) throws -> OptionValues { values }
}
