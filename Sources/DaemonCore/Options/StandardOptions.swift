import Unix

/// The options that every daemon can offer. The contract is the table of the generic daemon's specification.
public enum StandardOption {
    public static let foreground = Option(
        flag: "foreground", short: "f", help: "Don't detach from the current terminal")
    public static let debug = Option(flag: "debug", short: "d", help: "Enable debug messages")
    public static let noUserChecks = Option(flag: "no-user-checks", help: "Ignore user checks")
    public static let port = Option<UInt16?>(
        "port", short: "p", argument: "PORT", help: "Network port", completion: .integer, default: nil,
        parse: { text throws(OptionMistake) in try DaemonCore.port(text) })
    public static let bind = Option(
        addresses: "bind", short: "b",
        help: "Bind address (IP, IP:PORT, [IPv6]:PORT, :PORT, a path, unix:@NAME); repeatable")
    public static let syslog = Option<String>(
        "syslog", choices: ["no", "yes", "only"], default: "no", help: "Logging to syslog (never debug messages)")
    public static let pidFile = Option<String?>(file: "pid-file", help: "Pid file")
    public static let logFile = Option<String?>(
        "log-file", argument: "PATH", help: "Log file; '-' for standard error only", completion: .file, default: nil,
        parse: { text throws(OptionMistake) in text == "-" ? text : try absolutePath(text) })
    public static let logFormat = Option<String>(
        "log-format", choices: ["text", "json"], default: "text", help: "One record per line either way")
    public static let user = Option<String?>(
        "user", short: "u", argument: "USER", help: "Drop privileges to this user (only when started as root)")
    public static let group = Option<String?>(
        "group", short: "g", argument: "GROUP", help: "Drop privileges to this group (only when started as root)")
    public static let chroot = Option<String?>(directory: "chroot", help: "Change the root directory")
    public static let umask = Option<UInt32?>(
        "umask", argument: "MASK", help: "File mode creation mask, octal (default 077; the caller's in the foreground)",
        completion: .string, default: nil,
        parse: { text throws(OptionMistake) in
            guard !text.isEmpty, text.utf8.count <= 4, let mask = UInt32(text, radix: 8), mask <= 0o777,
                text.utf8.first != UInt8(ascii: "+")
            else { throw OptionMistake("is not an octal mask (0 to 777)") }
            return mask
        })
    public static let chdir = Option<String?>(
        directory: "chdir", help: "Working directory (default /; the caller's in the foreground)")
    public static let startTimeout = Option<Duration>(
        "start-timeout", default: .seconds(90), help: "How long the launcher waits until the daemon is ready")
    public static let workers = Option<Int>(
        "workers", default: 0, in: 0...1000, help: "Run main in so many processes under a master; 0: in this one")
    public static let controlSocket = Option<String?>(
        file: "control-socket", short: "S", help: "With --workers: the master's command socket")
    public static let check = Option(flag: "check", help: "Check options and configuration, then exit")
    public static let status = Option(flag: "status", help: "Tell whether the daemon runs (LSB exit codes)")
    public static let stop = Option(flag: "stop", help: "Stop the running daemon and wait for its end")
    public static let reload = Option(flag: "reload", help: "Tell the running daemon to reload")
    public static let reopenLogs = Option(flag: "reopen-logs", help: "Tell the running daemon to reopen its log only")
    public static let signal = Option<Int32?>(
        "signal", argument: "SIGNAL", help: "Send a signal (a name or number) to the running daemon",
        completion: .string, default: nil,
        parse: { text throws(OptionMistake) in
            guard let signal = Signal(parsing: text) else { throw OptionMistake("is no signal") }
            return signal.rawValue
        })
    public static let printService = Option<String?>(
        "print-service", choices: ServiceFile.allCases.map(\.rawValue), help: "Print a deployment file for this daemon")

    package static let help = Option(flag: "help", short: "h", help: "Show this help and exit")
    package static let version = Option(flag: "version", short: "V", help: "Show the version and exit")
    package static let helpCompletion = Option(
        flag: "help-completion", help: "Print one line per option for completion tools")
    package static let completionScript = Option<String?>(
        "generate-completion-script", choices: ["bash", "zsh", "fish"], help: "Print a completion script for a shell")

    package static var all: [any DaemonOption] {
        [
            foreground, debug, noUserChecks, port, bind, syslog, pidFile, logFile, logFormat, user, group, chroot,
            umask,
            chdir, startTimeout, workers, controlSocket, check, status, stop, reload, reopenLogs, signal,
            printService,
        ]
    }

    /// For who makes packages: not in the help, and not completed.
    package static let helpManual = Option(flag: "help-manual", help: "Print the manual page")

    package static var always: [any DaemonOption] { [help, version, helpCompletion, completionScript] }
    package static var hidden: [any DaemonOption] { [helpManual] }
}
