import Text
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
        help: "Address (IP, IP:PORT, [IPv6]:PORT, :PORT, PATH, unix:@NAME)[,mode=660,...]; repeatable")
    public static let syslog = Option<String>(
        "syslog", choices: ["no", "yes", "only"], default: "no", help: "Logging to syslog (never debug messages)")
    public static let syslogFacility = Option<String>(
        "syslog-facility", argument: "NAME", help: "Facility of syslog's records: user, daemon, local0 and so on",
        completion: .choices(Syslog.Facility.names), default: Syslog.Facility.daemon.rawValue,
        defaultText: Syslog.Facility.daemon.rawValue,
        parse: { text throws(OptionMistake) in
            guard Syslog.Facility.names.contains(text) else {
                throw OptionMistake("is not one of \(Syslog.Facility.names.joined(separator: ", "))")
            }
            return text
        })
    public static let syslogTag = Option<String?>(
        "syslog-tag", argument: "TEXT", help: "What syslog's records begin with (default: the daemon's name)",
        completion: .string, default: nil,
        parse: { text throws(OptionMistake) in
            // What ends a tag, RFC 3164, would move the message.
            let isTag = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !":[]".utf8.contains($0) }
            guard isTag, (1...48).contains(text.utf8.count) else {
                throw OptionMistake("is no tag (1 to 48 visible ASCII characters without ':', '[' and ']')")
            }
            return text
        })
    public static let pidFile = Option<String?>(
        "pid-file", argument: "PATH", help: "Pid file; 'none' for no file and no lock", completion: .file, default: nil,
        parse: { text throws(OptionMistake) in text == noPidFile ? text : try absolutePath(text) })
    /// What `--pid-file` says where there is to be none.
    package static let noPidFile = "none"
    public static let logFile = Option<String?>(
        "log-file", argument: "PATH", help: "Log file; '-' for standard error only; a master's may be '|COMMAND'",
        completion: .file, default: nil,
        parse: { text throws(OptionMistake) in
            guard let command = logCommand(text) else { return text == "-" ? text : try absolutePath(text) }
            guard !command.isEmpty else { throw OptionMistake("names no command") }
            return text
        })
    /// What `--log-file '|COMMAND'` names: a command of the shell that reads the log.
    package static func logCommand(_ text: String) -> String? {
        guard text.utf8.first == UInt8(ascii: "|") else { return nil }
        return String(text.dropFirst().drop { $0 == " " })
    }
    public static let logFormat = Option<String>(
        "log-format", choices: ["text", "json"], default: "text", help: "One record per line either way")
    public static let logMode = Option<UInt32?>(
        "log-mode", argument: "MODE", help: "Permissions of the log file, octal (default 0600 for a new one)",
        completion: .string, default: nil,
        parse: { text throws(OptionMistake) in
            let mode = try octal(text)
            guard mode & 0o200 != 0, mode & 0o113 == 0 else {
                throw OptionMistake("must let the daemon write, and no others: 0600, 0640, 0660 or 0644")
            }
            return mode
        })
    public static let logGroup = Option<String?>(
        "log-group", argument: "GROUP", help: "Group of the log file")
    public static let user = Option<String?>(
        "user", short: "u", argument: "USER", help: "Drop privileges to this user (only when started as root)")
    public static let group = Option<String?>(
        "group", short: "g", argument: "GROUP", help: "Drop privileges to this group (only when started as root)")
    public static let chroot = Option<String?>(directory: "chroot", help: "Change the root directory")
    public static let umask = Option<UInt32?>(
        "umask", argument: "MASK", help: "File mode creation mask, octal (default 077; the caller's in the foreground)",
        completion: .string, default: nil,
        parse: { text throws(OptionMistake) in try octal(text) })
    public static let chdir = Option<String?>(
        directory: "chdir", help: "Working directory (default /; the caller's in the foreground)")
    public static let coreDumps = Option(
        flag: "core-dumps", help: "Allow core dumps, after a change of user too (they may hold secrets)")
    public static let startTimeout = Option<Duration>(
        "start-timeout", argument: "DURATION", help: "How long the launcher waits until the daemon is ready",
        default: .seconds(90), defaultText: DurationText.text(.seconds(90)),
        parse: { text throws(OptionMistake) in
            guard let time = DurationText.parse(text, withoutUnit: .seconds) else {
                throw OptionMistake("is not a time such as 90s, 250ms, 5m, 2h or 7d")
            }
            guard time > .zero else { throw OptionMistake("leaves the daemon no time to start") }
            return time
        })
    public static let workers = Option<Int>(
        "workers", default: 0, in: 0...1000, help: "Run main in so many processes under a master; 0: in this one")
    public static let controlSocket = Option<String?>(
        "control-socket", short: "S", argument: "PATH",
        help: "With --workers: the master's command socket, with ',mode=660,group=adm' behind it",
        completion: .file, default: nil,
        parse: { text throws(OptionMistake) in try ControlAddress(locating: text).description })
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
        "print-service", choices: ServiceFile.allCases.map { $0.rawValue },
        help: "Print a deployment file for this daemon")

    package static let help = Option(flag: "help", short: "h", help: "Show this help and exit")
    package static let version = Option(flag: "version", short: "V", help: "Show the version and exit")
    package static let helpCompletion = Option(
        flag: "help-completion", help: "Print one line per option for completion tools")
    package static let completionScript = Option<String?>(
        "generate-completion-script", choices: ["bash", "zsh", "fish"], help: "Print a completion script for a shell")

    package static var all: [OptionDefinition] {
        [
            foreground.definition, debug.definition, noUserChecks.definition, port.definition, bind.definition,
            syslog.definition, syslogFacility.definition, syslogTag.definition, pidFile.definition, logFile.definition,
            logFormat.definition, logMode.definition, logGroup.definition, user.definition, group.definition,
            chroot.definition, umask.definition, chdir.definition, coreDumps.definition, startTimeout.definition,
            workers.definition, controlSocket.definition, check.definition, status.definition, stop.definition,
            reload.definition, reopenLogs.definition, signal.definition, printService.definition,
        ]
    }

    /// For who makes packages: not in the help, and not completed.
    package static let helpManual = Option(flag: "help-manual", help: "Print the manual page")

    package static var always: [OptionDefinition] {
        [help.definition, version.definition, helpCompletion.definition, completionScript.definition]
    }
    package static var hidden: [OptionDefinition] { [helpManual.definition] }
}

private func octal(_ text: String) throws(OptionMistake) -> UInt32 {
    guard !text.isEmpty, text.utf8.count <= 4, let mask = UInt32(text, radix: 8), mask <= 0o777,
        text.utf8.first != UInt8(ascii: "+")
    else { throw OptionMistake("is not an octal mask (0 to 777)") }
    return mask
}
