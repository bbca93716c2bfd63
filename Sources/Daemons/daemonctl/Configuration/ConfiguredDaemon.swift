import DaemonKit
import Unix

/// What there is to know of a daemon in order to start, stop and ask it.
struct ConfiguredDaemon: Equatable, Sendable {
    let name: String
    /// The program, a path, and its arguments.
    var command: [String]
    var pidFile: String
    /// nil where it keeps none.
    var logFile: String?
    var controlSocket: String?
    /// systemd's name of it.
    var unit: String?
    /// Where it stands in start-all.
    var order = 50
    var startTimeout: Duration?
    var stopTimeout: Duration?
    /// Whose the directories of the pid file and the log are, where a start makes them, and whose pid file is believed.
    var user: String?
    var group: String?
    /// The command with --check behind it tells whether it could start.
    var isCheckable = false
    /// Its configuration file; nil where it was named by its path.
    var file: String?

    init(name: String, command: [String], pidFile: String) {
        self.name = name
        self.command = command
        self.pidFile = pidFile
    }

    /// A daemon of genericMain by its executable and options: its files are where these say, or where it puts them by
    /// itself. Relative paths count from our working directory.
    init(executable: String, arguments: [String]) throws(OptionMistake) {
        let path = try absolutePath(executable)
        let name = String(path[path.index(after: path.lastIndex(of: "/") ?? path.startIndex)...])
        let defaults = DefaultPaths(name: name)
        let words = CommandOptions(arguments)
        let pidFile = try words["pid-file"].map { text throws(OptionMistake) in
            if text == StandardOption.noPidFile { throw OptionMistake("has no pid file, by which it would be found") }
            return try absolutePath(text)
        }
        self.init(name: name, command: [path] + arguments, pidFile: pidFile ?? defaults.pidFile)
        let log = words["log-file"] ?? defaults.logFile
        logFile = log == "-" || StandardOption.logCommand(log) != nil ? nil : try absolutePath(log)
        user = words["user", "u"]
        controlSocket = try words["control-socket", "S"].map { text throws(OptionMistake) in
            try ControlAddress(locating: text).path
        }
    }

    /// A `stop` that takes longer kills: by default as long as a daemon's own `--stop`.
    var stopLimit: Duration { stopTimeout ?? .seconds(45) }
    /// The launcher gives up by itself after 90 s, and needs a while to clean up.
    var startLimit: Duration { startTimeout ?? .seconds(120) }

    var instance: RunningInstance { RunningInstance(daemon: name, path: pidFile, user: user, stopLimit: stopLimit) }
}

/// The options of a daemon's command line, as far as others need them: the last one wins.
struct CommandOptions {
    private let words: [String]

    /// Words behind `--` are no options.
    init(_ words: [String]) { self.words = Array(words.prefix { $0 != "--" }) }

    subscript(name: String, short: String? = nil) -> String? {
        var found: String?
        for (index, word) in words.enumerated() {
            let next = index + 1 < words.count ? words[index + 1] : nil
            if word == "--\(name)" || word == short.map({ "-\($0)" }) {
                found = next ?? found
            } else if word.hasPrefix("--\(name)=") {
                found = String(word.dropFirst(name.count + 3))  // bounded: lengths in memory
            } else if let short, word.hasPrefix("-\(short)"), !word.hasPrefix("--") {
                found = String(word.dropFirst(short.count + 1))  // bounded: lengths in memory
            }
        }
        return found
    }
}
