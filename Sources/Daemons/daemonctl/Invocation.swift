import DaemonKit
import Text

/// What a command line asks for.
struct Invocation {
    let verb: Verb
    let values: OptionValues
    /// Names, or paths of executables.
    let names: [String]
    /// What follows the name: the words of `connect`, and of a path's command.
    let rest: [String]

    /// Every mistake of the command line.
    struct Mistakes: Error {
        let list: [String]
    }

    init(_ values: OptionValues, operands: [String], rest: [String]) throws(Mistakes) {
        guard let word = operands.first else { throw Mistakes(list: ["a command is missing"]) }
        guard let verb = Verb(rawValue: word) else {
            let near = Suggestion.nearest(word, Verb.allCases.map(\.rawValue)).map { " (did you mean '\($0)'?)" } ?? ""
            throw Mistakes(list: ["unknown command '\(word)'\(near)"])
        }
        self.verb = verb
        self.values = values
        let named = Array(operands.dropFirst())
        if verb.operands == .oneAndMore {
            names = Array(named.prefix(1))
            self.rest = named.dropFirst() + rest
        } else {
            names = named
            self.rest = rest
        }
        let mistakes = countMistakes + optionMistakes
        guard mistakes.isEmpty else { throw Mistakes(list: mistakes) }
    }

    /// Every daemon that is known is meant.
    var isAboutAll: Bool {
        verb.operands == .none || values[ControlOption.all] || (verb.operands == .any && names.isEmpty)
    }

    private var countMistakes: [String] {
        let isAll = values[ControlOption.all]
        var found: [String] = []
        switch verb.operands {
        case .none:
            if let name = names.first { found.append("'\(verb.rawValue)' takes no name, but '\(name)' was given") }
        case .any: break
        case .some: if names.isEmpty && !isAll { found.append("'\(verb.rawValue)' needs a name, or --all") }
        case .one:
            if names.count != 1 { found.append("'\(verb.rawValue)' needs one name, and \(names.count) were given") }
        case .oneAndMore: if names.isEmpty { found.append("'\(verb.rawValue)' needs a name") }
        }
        if isAll && !names.isEmpty { found.append("a name and --all exclude each other") }
        if verb != .connect, !rest.isEmpty, names.count != 1 || !names[0].contains("/") {
            found.append("words behind '--' need one path of an executable before them")
        }
        if verb == .connect, rest.contains(where: { $0.contains("\n") }) {
            found.append("a command is one line")
        }
        return found
    }

    private var optionMistakes: [String] {
        Verb.ownOptions.filter { !$0.value.contains(verb) && values.isGiven($0.key) }.map(\.key).sorted().map {
            "option '--\($0)' is not for '\(verb.rawValue)'"
        }
    }

}
