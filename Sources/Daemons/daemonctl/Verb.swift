import DaemonKit

/// What can be asked of daemons.
enum Verb: String, CaseIterable {
    case start, stop, restart, status, check
    case checkAndStart = "check-and-start"
    case reload
    case reopenLogs = "reopen-logs"
    case list
    case startAll = "start-all"
    case stopAll = "stop-all"
    case logs, pidfile, connect, top

    /// How many daemons it is about.
    enum Operands { case none, any, some, one, oneAndMore }

    var operands: Operands {
        switch self {
        case .startAll, .stopAll: .none
        case .status, .list, .top: .any
        case .start, .stop, .restart, .check, .checkAndStart, .reload, .reopenLogs: .some
        case .logs, .pidfile: .one
        case .connect: .oneAndMore
        }
    }

    /// As the help shows them.
    private var operandsText: String {
        switch operands {
        case .none: ""
        case .any: "[NAME...]"
        case .some: "NAME...|--all"
        case .one: "NAME"
        case .oneAndMore: "NAME [COMMAND]"
        }
    }

    private var help: String {
        switch self {
        case .start: "Start, and wait until it serves"
        case .stop: "Stop, and wait for its end"
        case .restart: "Stop, then start"
        case .status: "Tell whether it runs (LSB exit codes)"
        case .check: "Exit with 0 where it runs, else with 1, without a word"
        case .checkAndStart: "Start it unless it runs, without a word where it does"
        case .reload: "Reload: by its control socket, else by SIGHUP"
        case .reopenLogs: "Reopen the logs, and nothing else"
        case .list: "The daemons that are known"
        case .startAll: "Start all in their order"
        case .stopAll: "Stop all, in the reverse order"
        case .logs: "The last lines of the log"
        case .pidfile: "The path of the pid file"
        case .connect: "Give a command to the control socket, or many"
        case .top: "A live table of all masters, workers and programs"
        }
    }

    /// Options that some commands have only, by name.
    static let ownOptions: [String: Set<Verb>] = [
        "all": Set(allCases.filter { $0.operands == .some || $0.operands == .any }),
        "json": [.status, .list, .top], "names": [.list], "follow": [.logs], "lines": [.logs], "raw": [.logs],
        "once": [.top],
        "interval": [.top],
    ]

    /// For the help and for completion.
    static var words: CommandWords {
        CommandWords(
            allCases.map { CommandWords.Command($0.rawValue, $0.operandsText, $0.help) }, listing: "list --names")
    }
}

/// daemonctl's options.
enum ControlOption {
    static let configDirectory = Option<String?>(
        directory: "config-directory", help: "Where NAME.conf files are (default $DAEMONKIT_CONFIG or /etc/daemonkit)")
    static let all = Option(flag: "all", short: "a", help: "Every daemon that is known")
    static let direct = Option(flag: "direct", help: "Act on the daemon itself, also where systemd runs it")
    static let json = Option(flag: "json", help: "status, list, top: for machines")
    static let names = Option(flag: "names", help: "list: the names alone")
    static let follow = Option(flag: "follow", short: "f", help: "logs: go on with what comes, over rotations")
    static let lines = Option("lines", short: "n", default: 10, in: 0...1_000_000, help: "logs: how many")
    static let raw = Option(flag: "raw", help: "logs: control characters as they are, also at a terminal")
    static let once = Option(flag: "once", help: "top: print it once")
    static let interval = Option<Duration>("interval", default: .seconds(2), help: "top: between two looks")
    static let verbose = Option(flag: "verbose", short: "v", help: "Say what is waited for, also without a terminal")

    static let list: OptionList =
        .none + [configDirectory, all, direct, json, names, follow, lines, raw, once, interval, verbose]
}
