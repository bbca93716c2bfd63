/// The options that a daemon offers: some of the standard ones and its own. `.standard + [interval]`
public struct OptionList: Sendable {
    let options: [any DaemonOption]

    /// Every standard option that fits the daemon: `--port` and `--bind` only where it listens.
    public static var standard: OptionList { OptionList(options: StandardOption.all) }

    /// No option but help, version and the completion options, which are always there.
    public static var none: OptionList { OptionList(options: []) }

    /// Without the named ones: `.standard.without("chroot", "syslog")`
    public func without(_ names: String...) -> OptionList {
        OptionList(options: options.filter { !names.contains($0.definition.name) })
    }

    public static func + (list: OptionList, own: [any DaemonOption]) -> OptionList {
        OptionList(options: list.options + own)
    }

    /// What the command line of this daemon knows.
    func offered(by daemon: Daemon) -> [any DaemonOption] {
        let chosen = options.filter { option in
            !daemon.listens.isEmpty || !["port", "bind"].contains(option.definition.name)
        }
        return chosen + StandardOption.always
    }
}

/// The values of a command line, by option.
public struct OptionValues: Sendable {
    private var given: [String: any Sendable] = [:]

    /// What was given, or else the option's default.
    public subscript<Value>(option: Option<Value>) -> Value {
        // Looked up before it is cast: a missing value would pass as nil of an optional type.
        guard let value = given[option.definition.name] else { return option.defaultValue }
        return value as? Value ?? option.defaultValue
    }

    /// Whether the option stands on the command line.
    public func isGiven<Value>(_ option: Option<Value>) -> Bool { given[option.definition.name] != nil }

    /// The same by the option's name.
    package func isGiven(_ name: String) -> Bool { given[name] != nil }

    /// The words of the command line, one for each option in the order of its first occurrence; a list has several.
    private(set) var words: [(name: String, text: String?)] = []

    /// `text` is nil for a flag.
    mutating func set(_ option: any DaemonOption, _ value: any Sendable, text: String?) {
        let name = option.definition.name
        if let all = given[name].flatMap({ option.combined($0, value) }) {
            given[name] = all
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
