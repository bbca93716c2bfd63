/// The options that a daemon offers: some of the standard ones and its own.
///
/// `[interval]` is the daemon's own beside all standard ones, as is `.standard + [interval]`; `.none + [interval]` is
/// without them.
public struct OptionList: Sendable, ExpressibleByArrayLiteral {
    /// Of one concrete type: a list of existentials costs a start the making of each option's type, and that is most of it.
    package let options: [OptionDefinition]

    /// Every standard option that fits the daemon: `--port` and `--bind` only where it listens.
    public static var standard: OptionList { OptionList(options: StandardOption.all) }

    /// No option but help, version and the completion options, which are always there.
    public static var none: OptionList { OptionList(options: []) }

    /// The standard options and these.
    public init(arrayLiteral own: any DaemonOption...) {
        var options = StandardOption.all
        options.reserveCapacity(options.count + own.count)  // bounded: lengths in memory
        for option in own { options.append(option.definition) }
        self.init(options: options)
    }

    private init(options: [OptionDefinition]) { self.options = options }

    /// Without some of them: `.standard.without(StandardOption.chroot, StandardOption.syslog)`
    public func without(_ unwanted: any DaemonOption...) -> OptionList {
        let names = unwanted.map(\.definition.name)
        return OptionList(options: options.filter { !names.contains($0.name) })
    }

    public static func + (list: OptionList, own: [any DaemonOption]) -> OptionList {
        OptionList(options: list.options + own.map(\.definition))
    }

    /// What the command line of this daemon knows.
    package func offered(by daemon: Daemon) -> [OptionDefinition] {
        let chosen = daemon.listens.isEmpty ? options.filter { $0.name != "port" && $0.name != "bind" } : options
        return chosen + StandardOption.always
    }
}

/// The values of a command line, by option.
public struct OptionValues: Sendable {
    /// What was set, in its order. A dictionary costs more, for its type is made at every start, than it would save among
    /// so few.
    private var entries: [Entry] = []

    private struct Entry: Sendable {
        let name: String
        /// Of a list, all up to here.
        var value: any Sendable
        /// nil for a flag.
        var text: String?
        /// It stands on the command line, and is no operand.
        let isWord: Bool
    }

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
            guard let index = place(of: option.definition.name) else { return option.defaultValue }
            return entries[index].value as? Value ?? option.defaultValue  // bounded: a place that was found
        }
        set { set(option.definition.name, newValue) }
    }

    private func place(of name: String) -> Int? { entries.lastIndex { $0.name == name } }

    private mutating func set(_ name: String, _ value: any Sendable) {
        if let index = place(of: name) {
            entries[index].value = value  // bounded: a place that was found
        } else {
            entries.append(Entry(name: name, value: value, text: nil, isWord: false))
        }
    }

    /// Whether the option stands on the command line.
    public func isGiven<Value>(_ option: Option<Value>) -> Bool { isGiven(option.definition.name) }

    /// The same by the option's name.
    package func isGiven(_ name: String) -> Bool { place(of: name) != nil }

    /// No two options are given.
    var isSingle: Bool { entries.count < 2 }

    /// The words of the command line, one for each option in the order of its first occurrence; a list has several.
    package var words: [(name: String, text: String?)] { entries.filter(\.isWord).map { ($0.name, $0.text) } }

    /// The words that are no options, as they were written.
    package private(set) var operands: [String] = []

    /// `text` is nil for a flag.
    package mutating func set(_ option: OptionDefinition, _ value: any Sendable, text: String?) {
        let name = option.name
        if let combine = option.combine {
            let all = place(of: name).map { combine(entries[$0].value, value) } ?? value
            if option.operands != nil, let text {
                operands.append(text)
                set(name, all)
            } else {
                entries.append(Entry(name: name, value: all, text: text, isWord: true))
            }
        } else if let index = entries.firstIndex(where: { $0.isWord && $0.name == name }) {
            entries[index].value = value
            entries[index].text = text
        } else {
            entries.append(Entry(name: name, value: value, text: text, isWord: true))
        }
    }
}
