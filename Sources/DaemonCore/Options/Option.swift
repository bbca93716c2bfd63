/// An option of the command line whose value has a type: declare it once, give it to `genericMain`, and read it back
/// with `context[option]`.
public struct Option<Value: Sendable>: DaemonOption {
    public let definition: OptionDefinition
    /// What it is when it is not given.
    public let defaultValue: Value

    /// An option of a type of your own. `parse` gets the text of the command line, and throws what is wrong with it.
    public init(
        _ name: String, short: Character? = nil, argument: String = "VALUE", help: String,
        completion: CompletionKind = .string, default defaultValue: Value, defaultText: String? = nil,
        parse: @escaping @Sendable (String) throws(OptionMistake) -> Value
    ) {
        self.init(
            OptionDefinition(
                name: name, short: short, argument: argument, help: help, completion: completion,
                defaultText: defaultText, parse: parse),
            default: defaultValue)
    }

    package init(_ definition: OptionDefinition, default defaultValue: Value) {
        self.definition = definition
        self.defaultValue = defaultValue
    }
}

/// What all options have in common, whatever the type of their value: they go into one ``OptionList``.
public protocol DaemonOption: Sendable {
    var definition: OptionDefinition { get }
}

/// How an option looks on the command line and in the help, and how its text becomes a value.
public struct OptionDefinition: Sendable {
    /// Without dashes. An operand's is what the help calls it.
    package let name: String
    package let short: Character?
    /// Of its argument; nil for a flag, and empty where the choices are told instead.
    private let label: String?
    package let help: String
    package let completion: CompletionKind
    package let defaultText: String?
    /// How many operands there may be; nil for an option.
    package let operands: ClosedRange<Int>?
    package let parse: @Sendable (String) throws(OptionMistake) -> any Sendable
    /// The value of an option that stands on the command line again; nil where the last one wins.
    let combine: (@Sendable (_ earlier: any Sendable, _ value: any Sendable) -> any Sendable)?

    package init(
        name: String, short: Character?, argument: String?, help: String, completion: CompletionKind,
        defaultText: String?, operands: ClosedRange<Int>? = nil,
        combine: (@Sendable (_ earlier: any Sendable, _ value: any Sendable) -> any Sendable)? = nil,
        parse: @escaping @Sendable (String) throws(OptionMistake) -> any Sendable
    ) {
        self.name = name
        self.short = short
        label = argument
        self.help = help
        self.completion = completion
        self.defaultText = defaultText
        self.operands = operands
        self.combine = combine
        self.parse = parse
    }

    /// The name of its argument in the help; nil for a flag. Made of choices when it is asked for: few starts do.
    package var argument: String? {
        guard label == "", case .choices(let words) = completion.kind else { return label }
        return words.joined(separator: "|")
    }

    package var isFlag: Bool { label == nil }

    /// Of an option whose values add up to a list.
    package static func list<Element: Sendable>(
        _ name: String, short: Character?, argument: String, help: String, completion: CompletionKind,
        defaultText: String? = nil, operands: ClosedRange<Int>? = nil,
        parse: @escaping @Sendable (String) throws(OptionMistake) -> Element
    ) -> OptionDefinition {
        OptionDefinition(
            name: name, short: short, argument: argument, help: help, completion: completion,
            defaultText: defaultText, operands: operands,
            combine: { earlier, value in (earlier as? [Element] ?? []) + (value as? [Element] ?? []) },
            parse: { text throws(OptionMistake) in [try parse(text)] })
    }
}

/// What a shell may offer for an option's argument. More kinds may be added.
public struct CompletionKind: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case none, integer, string, file, directory, internetAddress, command
        case choices([String])
    }

    package let kind: Kind

    public static let none = CompletionKind(kind: .none)
    public static let integer = CompletionKind(kind: .integer)
    public static let string = CompletionKind(kind: .string)
    public static let file = CompletionKind(kind: .file)
    public static let directory = CompletionKind(kind: .directory)
    public static let internetAddress = CompletionKind(kind: .internetAddress)
    /// A program to run, and behind it words that are the program's own: of operands.
    package static let command = CompletionKind(kind: .command)
    public static func choices(_ words: [String]) -> CompletionKind { CompletionKind(kind: .choices(words)) }
}

/// What is wrong with an option's argument, without the option's name: `is not a port (1 to 65535)`.
public struct OptionMistake: Error, Sendable {
    public let reason: String
    public init(_ reason: String) { self.reason = reason }
}
