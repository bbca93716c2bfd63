import DaemonKit

/// Reads a daemon's file, `NAME.conf`: a pure function, which names every mistake.
struct DaemonFile {
    private enum Keyword: String, CaseIterable {
        case command, check, unit, order, user, group
        case pidFile = "pid-file"
        case logFile = "log-file"
        case controlSocket = "control-socket"
        case startTimeout = "start-timeout"
        case stopTimeout = "stop-timeout"
    }

    private static let longestName = 255

    private let file: ConfigurationFile
    private var daemon: ConfiguredDaemon
    private var given: [Keyword: Place] = [:]
    private var mistakes = Mistakes()

    /// The name is the file's, without `.conf`.
    static func parse(
        _ file: ConfigurationFile, name: String, environment: [String: String]
    ) throws(ConfigurationError) -> ConfiguredDaemon {
        var reader = DaemonFile(file, name)
        file.forEachLine { line, place in
            reader.read(line, place, environment)
            return true
        }
        reader.finish()
        guard reader.mistakes.isEmpty else {
            throw ConfigurationError(mistakes: reader.mistakes.sorted(by: [file.path]))
        }
        return reader.daemon
    }

    private init(_ file: ConfigurationFile, _ name: String) {
        self.file = file
        daemon = ConfiguredDaemon(name: name, command: [], pidFile: "")
        daemon.file = file.path
    }

    private var whole: Place { Place(file: file.path, line: 0) }

    private mutating func read(_ bytes: ArraySlice<UInt8>, _ place: Place, _ environment: [String: String]) {
        do {
            let (words, _) = try WordReader.words(of: bytes, environment: environment)
            guard var line = ConfigurationLine(words, place: place, isIndented: false) else { return }
            try read(&line)
            try line.finish()
        } catch {
            mistakes.add(place, error.text)
        }
    }

    private mutating func read(_ line: inout ConfigurationLine) throws(Complaint) {
        guard !line.isNegated, let keyword = Keyword(rawValue: line.keyword) else {
            let word = line.isNegated ? "no" : line.keyword
            throw Complaint("unknown keyword '\(word)'\(suggestion(word, Keyword.allCases.map(\.rawValue)) ?? ".")")
        }
        if let place = given[keyword] { throw Complaint("'\(line.keyword)' already specified at \(place).") }
        given[keyword] = line.place
        switch keyword {
        case .command: try readCommand(&line)
        case .check: daemon.isCheckable = try line.choice(YesNo.self) == .yes
        case .pidFile: daemon.pidFile = try line.path()
        case .logFile: daemon.logFile = try line.path()
        case .controlSocket: daemon.controlSocket = try line.path()
        case .unit: daemon.unit = try readUnit(&line)
        case .order: daemon.order = try line.number(0...1_000_000)
        case .startTimeout: daemon.startTimeout = try line.time()
        case .stopTimeout: daemon.stopTimeout = try line.time()
        case .user: daemon.user = try line.next("the name of a user")
        case .group: daemon.group = try line.next("the name of a group")
        }
    }

    /// The PATH differs between a boot, cron and a terminal: so the program is a path.
    private mutating func readCommand(_ line: inout ConfigurationLine) throws(Complaint) {
        let program = try line.path()
        daemon.command = [program] + line.all()
        if daemon.command.contains(where: { $0.utf8.contains(0) }) { throw Complaint("'command' holds a zero byte.") }
    }

    private func readUnit(_ line: inout ConfigurationLine) throws(Complaint) -> String {
        let expected = "the name of a unit, such as \(daemon.name).service"
        return try line.value(nil, expected) { word in
            let isName = word.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
            return isName && word.contains(".") && !word.hasPrefix("-") ? word : nil
        }
    }

    private mutating func finish() {
        if let text = Self.complaint(name: daemon.name) { mistakes.add(whole, text) }
        guard given[.command] != nil else {
            return mistakes.add(whole, "a 'command' is missing.")
        }
        guard let program = daemon.command.first else { return }
        // Where the lines do not say it, the command does; such a daemon starts in the root directory.
        let words = CommandOptions(Array(daemon.command.dropFirst()))
        if given[.pidFile] == nil {
            let base = String(program[program.index(after: program.lastIndex(of: "/") ?? program.startIndex)...])
            if words["pid-file"] == "none" {
                mistakes.add(given[.command] ?? whole, "'--pid-file none' leaves daemonctl nothing to find it by.")
            }
            daemon.pidFile = words["pid-file"].map(Self.rooted) ?? DefaultPaths(name: base).pidFile
        }
        if given[.logFile] == nil, let path = words["log-file"], path != "-",
            StandardOption.logCommand(path) == nil
        {
            daemon.logFile = Self.rooted(path)
        }
        if given[.controlSocket] == nil, let text = words["control-socket", "S"] {
            // A text that is none is the daemon's to complain of.
            daemon.controlSocket = Self.rooted((try? ControlAddress(parsing: text))?.path ?? text)
        }
        if daemon.group != nil && daemon.user == nil {
            mistakes.add(given[.group] ?? whole, "'group' needs a 'user'.")
        }
    }

    private static func rooted(_ path: String) -> String { isAbsolute(path) ? path : "/\(path)" }

    /// A name is a word in every shell, and never an option or a path.
    static func complaint(name: String) -> String? {
        let isPlain = name.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
                || "_.-@:+".unicodeScalars.contains(scalar)
        }
        guard isPlain, !name.isEmpty, !name.hasPrefix("-"), name.utf8.count <= longestName else {
            return "'\(name)' cannot be a daemon's name: letters, digits and _.-@:+ can."
        }
        return nil
    }
}
