/// The options that a daemon offers: some of the standard ones and its own.
///
/// `[interval]` is the daemon's own beside all standard ones, as is `.standard + [interval]`; `.none + [interval]` is
/// without them.
public struct OptionList: Sendable, ExpressibleByArrayLiteral {
    package let options: [any DaemonOption]

    /// Every standard option that fits the daemon: `--port` and `--bind` only where it listens.
    public static var standard: OptionList { OptionList(options: StandardOption.all) }

    /// No option but help, version and the completion options, which are always there.
    public static var none: OptionList { OptionList(options: []) }

    /// The standard options and these.
    public init(arrayLiteral own: any DaemonOption...) { self = .standard + own }

    private init(options: [any DaemonOption]) { self.options = options }

    /// Without some of them: `.standard.without(StandardOption.chroot, StandardOption.syslog)`
    public func without(_ unwanted: any DaemonOption...) -> OptionList {
        let names = Set(unwanted.map(\.definition.name))
        return OptionList(options: options.filter { !names.contains($0.definition.name) })
    }

    public static func + (list: OptionList, own: [any DaemonOption]) -> OptionList {
        OptionList(options: list.options + own)
    }

    /// What the command line of this daemon knows.
    package func offered(by daemon: Daemon) -> [any DaemonOption] {
        let chosen = options.filter { option in
            !daemon.listens.isEmpty || !["port", "bind"].contains(option.definition.name)
        }
        return chosen + StandardOption.always
    }
}

/// The values of a command line, by option.
public struct OptionValues: Sendable {
    private var given: [String: any Sendable] = [:]

    /// Nothing is given: each option has its default.
    public init() {}

    /// The values of a command line without the program's name, as `genericMain` would read it: for tests, and for
    /// programs that have read their own part of it.
    /// - Throws: All mistakes, with exit status 2.
    public init(parsing arguments: [String], _ options: OptionList, of daemon: Daemon) throws(DaemonError) {
        let line = CommandLineParser(arguments, options: options.offered(by: daemon) + StandardOption.hidden)
        let mistakes = line.mistakes + StandardOption.conflicts(in: line.values, daemon)
        guard mistakes.isEmpty else { throw DaemonError(.options, mistakes.joined(separator: "\n"), exitStatus: 2) }
        self = line.values
    }

    /// What was given, or else the option's default. What is set counts as given.
    public subscript<Value>(option: Option<Value>) -> Value {
        get {
            // Looked up before it is cast: a missing value would pass as nil of an optional type.
            guard let value = given[option.definition.name] else { return option.defaultValue }
            return value as? Value ?? option.defaultValue
        }
        set { given[option.definition.name] = newValue }
    }

    /// Whether the option stands on the command line.
    public func isGiven<Value>(_ option: Option<Value>) -> Bool { given[option.definition.name] != nil }

    /// The same by the option's name.
    package func isGiven(_ name: String) -> Bool { given[name] != nil }

    /// The words of the command line, one for each option in the order of its first occurrence; a list has several.
    package private(set) var words: [(name: String, text: String?)] = []

    /// The words that are no options, as they were written.
    package private(set) var operands: [String] = []

    /// `text` is nil for a flag.
    package mutating func set(_ option: any DaemonOption, _ value: any Sendable, text: String?) {
        let name = option.definition.name
        if let combine = option.definition.combine {
            given[name] = given[name].map { combine($0, value) } ?? value
            if option.definition.operands != nil, let text { return operands.append(text) }
            return words.append((name, text))
        }
        given[name] = value
        if let index = words.firstIndex(where: { $0.name == name }) {
            words[index].text = text
        } else {
            words.append((name, text))
        }
    }
}
