public import ArgumentParser
public import DaemonKit

/// A command of ArgumentParser that is a daemon: its options and arguments stand beside the daemon's on one command line,
/// in one help and one completion.
///
/// ```swift
/// import struct ArgumentParser.Option  // and not DaemonKit's
///
/// @main struct Quoted: DaemonCommand {
///     static let daemon = Daemon("quoted", version: "1.0")
///     @Option(help: "Seconds between two quotes") var interval = 60
///     func run(_ context: Context) async throws { … }
/// }
/// ```
///
/// The command line is judged in the caller's terminal, `validate()` included, with exit status 2 for what is wrong. Help,
/// version and completion are the daemon's. A command with subcommands cannot be one.
public protocol DaemonCommand: ParsableCommand, Sendable {
    /// What the daemon is.
    static var daemon: Daemon { get }

    /// The daemon's own options beside the command's; the standard ones, where it says nothing. An option of the command
    /// that has the name of one of these wants it left out: `.standard.without(…)`.
    static var standardOptions: OptionList { get }

    /// Serves until `context.stop` says otherwise. It says itself when it is ready: `context.ready()`.
    func run(_ context: Context) async throws
}

extension DaemonCommand {
    public static var standardOptions: OptionList { .standard }

    /// What `@main` calls.
    public static func main() { daemonMain() }

    /// For a `main.swift`.
    ///
    /// - Parameter arguments: The command line without the program's name; nil is the process's own.
    public static func daemonMain(_ arguments: [String]? = nil) -> Never {
        let declared = DeclaredArguments(Self._dumpHelp())
        genericMain(
            daemon, options: standardOptions + declared.options, arguments: arguments,
            check: { values in
                do {
                    return try Self.parse(declared.words(values))
                } catch {
                    throw DaemonError(Self.message(for: error), exitStatus: 2)
                }
            },
            main: { (context, command: Self) async throws in try await command.run(context) })
    }
}
