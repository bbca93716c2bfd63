import Text
import Unix

/// An option of the command line whose value has a type: declare it once, give it to `genericMain`, and read it back
/// with `context[option]`.
public struct Option<Value: Sendable>: DaemonOption {
    public let definition: OptionDefinition
    /// What it is when it is not given.
    public let defaultValue: Value
    private let parse: @Sendable (String) throws(OptionMistake) -> Value

    /// An option of a type of your own. `parse` gets the text of the command line, and throws what is wrong with it.
    public init(
        _ name: String, short: Character? = nil, argument: String?, help: String, completion: CompletionKind,
        default defaultValue: Value, defaultText: String? = nil,
        parse: @escaping @Sendable (String) throws(OptionMistake) -> Value
    ) {
        definition = OptionDefinition(
            name: name, short: short, argument: argument, help: help, completion: completion, defaultText: defaultText)
        self.defaultValue = defaultValue
        self.parse = parse
    }

    public func value(parsing text: String) throws(OptionMistake) -> any Sendable { try parse(text) }

    public func combined(_ earlier: any Sendable, _ value: any Sendable) -> (any Sendable)? {
        guard let lists = (earlier, value) as? ([String], [String]) else { return nil }
        return lists.0 + lists.1
    }
}

/// What all options have in common, whatever the type of their value.
public protocol DaemonOption: Sendable {
    var definition: OptionDefinition { get }
    func value(parsing text: String) throws(OptionMistake) -> any Sendable
    /// The value of an option that stands on the command line again; nil where the last one wins.
    func combined(_ earlier: any Sendable, _ value: any Sendable) -> (any Sendable)?
}

extension DaemonOption {
    public func combined(_ earlier: any Sendable, _ value: any Sendable) -> (any Sendable)? { nil }
}

/// How an option looks on the command line and in the help.
public struct OptionDefinition: Sendable, Hashable {
    /// Without dashes.
    public let name: String
    public let short: Character?
    /// The name of its argument in the help; nil for a flag.
    public let argument: String?
    public let help: String
    public let completion: CompletionKind
    public let defaultText: String?
}

/// What a shell may offer for an option's argument.
public enum CompletionKind: Sendable, Hashable {
    case none, integer, string, file, directory, internetAddress
    case choices([String])
}

/// What is wrong with an option's argument, without the option's name: `is not a port (1 to 65535)`.
public struct OptionMistake: Error, Sendable {
    public let reason: String
    public init(_ reason: String) { self.reason = reason }
}

extension Option where Value == Bool {
    /// A flag: false unless it is given.
    public init(_ name: String, short: Character? = nil, help: String) {
        self.init(
            name, short: short, argument: nil, help: help, completion: .none, default: false, parse: { _ in true })
    }
}

extension Option where Value == String {
    public init(
        _ name: String, short: Character? = nil, argument: String = "TEXT", default defaultValue: String, help: String
    ) {
        self.init(
            name, short: short, argument: argument, help: help, completion: .string, default: defaultValue,
            defaultText: defaultValue.isEmpty ? nil : defaultValue, parse: { $0 })
    }

    /// One of several words.
    public init(_ name: String, short: Character? = nil, choices: [String], default defaultValue: String, help: String)
    {
        self.init(
            name, short: short, argument: choices.joined(separator: "|"), help: help, completion: .choices(choices),
            default: defaultValue, defaultText: defaultValue
        ) { text throws(OptionMistake) in
            try chosen(text, choices)
        }
    }
}

extension Option where Value == [String] {
    /// Paths, one for each time that the option is given, relative to the caller's working folder.
    public init(files name: String, short: Character? = nil, default defaultValue: [String] = [], help: String) {
        self.init(
            name, short: short, argument: "PATH", help: help, completion: .file, default: defaultValue,
            defaultText: defaultValue.isEmpty ? nil : defaultValue.joined(separator: " "),
            parse: { text throws(OptionMistake) in [try absolutePath(text)] })
    }
}

extension Option where Value == String? {
    public init(_ name: String, short: Character? = nil, argument: String = "TEXT", help: String) {
        self.init(
            name, short: short, argument: argument, help: help, completion: .string, default: nil,
            parse: { text throws(OptionMistake) in
                if text.isEmpty { throw OptionMistake("must not be empty") }
                return text
            })
    }

    /// The path of a file or folder, relative to the caller's working folder; it is not opened.
    public init(file name: String, short: Character? = nil, default defaultValue: String? = nil, help: String) {
        self.init(
            name, short: short, argument: "PATH", help: help, completion: .file, default: defaultValue,
            defaultText: defaultValue, parse: { text throws(OptionMistake) in try absolutePath(text) })
    }

    public init(directory name: String, short: Character? = nil, default defaultValue: String? = nil, help: String) {
        self.init(
            name, short: short, argument: "FOLDER", help: help, completion: .directory, default: defaultValue,
            defaultText: defaultValue, parse: { text throws(OptionMistake) in try absolutePath(text) })
    }

    /// One of several words, or nil.
    package init(_ name: String, choices: [String], help: String) {
        self.init(
            name, argument: choices.joined(separator: "|"), help: help, completion: .choices(choices), default: nil
        ) { text throws(OptionMistake) in
            try chosen(text, choices)
        }
    }
}

extension Option where Value == Int {
    /// A decimal number within `range`.
    public init(
        _ name: String, short: Character? = nil, argument: String = "N", default defaultValue: Int,
        in range: ClosedRange<Int> = 0...Int.max, help: String
    ) {
        self.init(
            name, short: short, argument: argument, help: help, completion: .integer, default: defaultValue,
            defaultText: String(defaultValue)
        ) { text throws(OptionMistake) in
            guard DecimalText.isWhole(text) else { throw OptionMistake("is not a whole number") }
            guard let number = DecimalText.parse(text, in: range) else {
                throw OptionMistake("is not \(describe(range))")
            }
            return number
        }
    }
}

extension Option where Value == Duration {
    /// A time: `90` or `90s`, `250ms`, `5m`, `2h`, `7d`.
    public init(_ name: String, short: Character? = nil, default defaultValue: Duration, help: String) {
        self.init(
            name, short: short, argument: "DURATION", help: help, completion: .string, default: defaultValue,
            defaultText: DurationText.text(defaultValue)
        ) { text throws(OptionMistake) in
            guard let duration = DurationText.parse(text, withoutUnit: .seconds) else {
                throw OptionMistake("is not a time such as 90s, 250ms, 5m, 2h or 7d")
            }
            return duration
        }
    }
}

extension Option where Value == BindAddress? {
    /// A numeric address or the path of a Unix socket, as `--bind` takes it.
    public init(address name: String, short: Character? = nil, help: String) {
        self.init(
            name, short: short, argument: "ADDR", help: help, completion: .internetAddress, default: nil
        ) { text throws(OptionMistake) in
            try BindAddress(parsing: text)
        }
    }
}

private func chosen(_ text: String, _ choices: [String]) throws(OptionMistake) -> String {
    guard choices.contains(text) else {
        throw OptionMistake("is not one of \(choices.joined(separator: ", "))")
    }
    return text
}

private func describe(_ range: ClosedRange<Int>) -> String {
    range.upperBound == .max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
}

func port(_ text: String) throws(OptionMistake) -> UInt16 {
    guard let port = DecimalText.parse(text, in: 1...UInt16.max) else {
        throw OptionMistake("is not a port (1 to 65535)")
    }
    return port
}
