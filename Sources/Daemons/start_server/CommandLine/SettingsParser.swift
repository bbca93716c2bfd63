import DaemonKit
import Text

/// A command line that cannot be used: what to print on standard error, a line for each mistake, and how to exit.
struct UsageError: Error, Equatable {
    let exitStatus: Int32
    let text: String
}

/// Reads the command line as Getopt::Long does, but ends at the program's name: a pure function, which names every
/// mistake.
struct SettingsParser {
    /// The two kinds of mistakes, and the code with which the original exits on each.
    enum Mistake: Int32 {
        /// An option that cannot be read.
        case wrongOption = 1
        /// Options that can be read and make no sense.
        case wrongUse = 255
    }

    var settings = Settings()
    private var remaining: ArraySlice<String>
    private var actions: Set<SettingsOption> = []
    private var mistakes: [(kind: Mistake, text: String)] = []

    /// `arguments` come without the name of start_server.
    static func parse(_ arguments: [String]) throws(UsageError) -> Settings {
        var parser = SettingsParser(remaining: arguments[...])
        parser.read()
        if !parser.has(.wrongOption) { parser.checkUse() }
        guard parser.mistakes.isEmpty else {
            throw UsageError(
                exitStatus: (parser.has(.wrongOption) ? Mistake.wrongOption : .wrongUse).rawValue,
                text: parser.mistakes.map { "start_server: \(VisibleText.line($0.text))\n" }.joined())
        }
        return parser.settings
    }

    private init(remaining: ArraySlice<String>) { self.remaining = remaining }

    private func has(_ kind: Mistake) -> Bool { mistakes.contains { $0.kind == kind } }

    mutating func add(_ kind: Mistake, _ text: String) { mistakes.append((kind, text)) }

    // MARK: Word by word

    private mutating func read() {
        while let word = remaining.first {
            let bytes = word.utf8
            // A dash alone is a word like any other.
            guard bytes.first == UInt8(ascii: "-"), bytes.count > 1 else { break }
            remaining.removeFirst()
            if word == "--" { break }
            let isLong = bytes.dropFirst().first == UInt8(ascii: "-")
            readOption(word, Substring(bytes.dropFirst(isLong ? 2 : 1)))
        }
        settings.program = Array(remaining)
    }

    private mutating func readOption(_ word: String, _ text: Substring) {
        let equals = text.utf8.firstIndex(of: UInt8(ascii: "="))
        let given = equals.map { String(text[text.utf8.index(after: $0)...]) }
        switch SettingsOption.find(String(text[..<(equals ?? text.endIndex)])) {
        case .none:
            add(.wrongOption, "unknown option '\(word)'")
        case .several(let candidates):
            let names = candidates.map { "--\($0.rawValue)" }.joined(separator: ", ")
            add(.wrongOption, "option '\(word)' is ambiguous: \(names)")
        case .one(let option) where option.isSwitch:
            guard given == nil else { return add(.wrongOption, "option '--\(option.rawValue)' takes no value") }
            turnOn(option)
        case .one(let option):
            // The next word is the value whatever it looks like, even `--`.
            if let value = given ?? remaining.popFirst(), given != "" {
                set(option, value)
            } else {
                add(.wrongOption, "option '--\(option.rawValue)' requires a value")
            }
        }
    }

    private mutating func turnOn(_ option: SettingsOption) {
        switch option {
        case .enableAutoRestart: settings.enableAutoRestart = true
        case .daemonize: settings.daemonize = true
        case .reuseport: settings.reuseport = true
        case .syslog: settings.syslog = true
        default: actions.insert(option)
        }
    }

    // MARK: All of it together

    private mutating func checkUse() {
        settings.action = action
        // A wrong port must not keep anybody from stopping what runs.
        if settings.action != .run && settings.action != .signal { mistakes = [] }
        switch settings.action {
        case .help, .version: break
        case .restart, .stop, .upgrade, .signal: checkFiles()
        case .run: checkRun()
        }
    }

    /// Which one, where several are given: the order is that of the original.
    private var action: Settings.Action {
        if actions.contains(.help) { return .help }
        if actions.contains(.version) { return .version }
        if actions.contains(.restart) { return .restart }
        if actions.contains(.stop) { return .stop }
        if actions.contains(.upgrade) { return .upgrade }
        return settings.signal == nil ? .run : .signal
    }

    private mutating func checkFiles() {
        let action = settings.action
        if actions.contains(.upgrade) && action != .upgrade {
            add(.wrongUse, "options '--upgrade' and '--\(action)' exclude each other")
        }
        if action == .restart && (settings.pidFile == nil || settings.statusFile == nil) {
            add(.wrongUse, "option '--restart' needs '--pid-file' and '--status-file'")
        } else if settings.pidFile == nil {
            let option = action == .signal ? SettingsOption.signal.rawValue : "\(action)"
            add(.wrongUse, "option '--\(option)' needs '--pid-file'")
        }
    }

    private mutating func checkRun() {
        if settings.daemonize && settings.log == nil && !settings.syslog {
            add(.wrongUse, "option '--daemonize' needs '--log-file'")
        }
        var numbers: Set<Int32> = []
        for number in settings.ports.compactMap(\.descriptor) where !numbers.insert(number).inserted {
            add(.wrongUse, "option '--port': descriptor \(number) is asked for twice")
        }
        if settings.program.first?.isEmpty == true {
            add(.wrongUse, "the program's name is empty")
        } else if settings.program.isEmpty {
            add(.wrongUse, "no program to start (start_server [options] -- program argument...)")
        }
    }
}
