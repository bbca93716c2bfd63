import Text

/// Reads a command line against a list of options: a pure function, which finds every mistake in one go.
///
/// Options stand anywhere, `--` ends them, short ones cluster (`-fd`, `-p80`), long ones take `=VALUE` or the next
/// word and may be cut short while they stay unique; the last occurrence wins. getopt_long(3)
package struct CommandLineParser {
    package private(set) var values = OptionValues()
    package private(set) var mistakes: [String] = []
    /// What is no option, up to `--`, and what follows that: only where operands are taken.
    package private(set) var operands: [String] = []
    package private(set) var rest: [String] = []
    private let options: [any DaemonOption]
    /// Where the words go that are no options.
    private let operand: (any DaemonOption)?
    private var remaining: ArraySlice<String>

    /// `arguments` come without the program's name.
    package init(_ arguments: [String], options: [any DaemonOption], takesOperands: Bool = false) {
        self.options = options.filter { $0.definition.operands == nil }
        operand = options.first { $0.definition.operands != nil }
        remaining = arguments[...]
        var names: Set<String> = []
        for option in options where !names.insert(option.definition.name).inserted {
            mistakes.append("option '--\(option.definition.name)' is declared twice")
        }
        var letters: Set<Character> = []
        for option in options {
            guard let short = option.definition.short, !letters.insert(short).inserted else { continue }
            mistakes.append("option '-\(short)' is declared twice")
        }
        while let word = remaining.popFirst() {
            if word == "--" {
                break
            } else if word.hasPrefix("--") {
                readLong(word.dropFirst(2))
            } else if word.hasPrefix("-"), word.count > 1 {
                readCluster(word.dropFirst())
            } else if takesOperands {
                operands.append(word)
            } else {
                take(operand: word)
            }
        }
        rest = takesOperands ? Array(remaining) : []
        for word in remaining where !takesOperands { take(operand: word) }
        checkOperands()
    }

    private mutating func take(operand word: String) {
        guard let operand else { return mistakes.append("unexpected argument '\(word)'") }
        store(operand, operand.definition.name, word)
    }

    private mutating func checkOperands() {
        guard let operand, let counts = operand.definition.operands else { return }
        let name = operand.definition.name
        if values.operands.count < counts.lowerBound {
            mistakes.append(values.operands.isEmpty ? "no \(name) is given" : "too few of \(name) are given")
        }
        // bounded: the author's range, which begins at 0 at the least
        for word in values.operands.dropFirst(counts.upperBound) { mistakes.append("unexpected argument '\(word)'") }
    }

    private mutating func readLong(_ word: Substring) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts.first ?? "")
        guard !name.isEmpty else { return mistakes.append("unknown option '--\(word)'") }
        guard let option = long(name) else { return }
        let text = parts.count == 2 ? String(parts[1]) : nil
        let shown = "--\(option.definition.name)"
        if option.definition.argument == nil {
            if let text {
                mistakes.append("option '\(shown)' doesn't allow an argument, but '\(text)' was given")
            } else {
                store(option, shown, "")
            }
        } else if let text = text ?? remaining.popFirst() {
            store(option, shown, text)
        } else {
            mistakes.append("option '\(shown)' requires an argument (\(option.definition.argument ?? ""))")
        }
    }

    private mutating func long(_ name: String) -> (any DaemonOption)? {
        if let exact = options.first(where: { $0.definition.name == name }) { return exact }
        let candidates = name.isEmpty ? [] : options.filter { $0.definition.name.hasPrefix(name) }
        if candidates.count == 1 { return candidates[0] }
        if candidates.isEmpty {
            let near =
                Suggestion.nearest(name, options.map(\.definition.name)).map { " (did you mean '--\($0)'?)" } ?? ""
            mistakes.append("unknown option '--\(name)'\(near)")
        } else {
            let list = candidates.map { "--\($0.definition.name)" }.joined(separator: ", ")
            mistakes.append("option '--\(name)' is ambiguous: \(list)")
        }
        return nil
    }

    private mutating func readCluster(_ letters: Substring) {
        var rest = letters
        while let letter = rest.popFirst() {
            guard let option = options.first(where: { $0.definition.short == letter }) else {
                mistakes.append("unknown option '-\(letter)'" + (letters.count > 1 ? " in '-\(letters)'" : ""))
                return
            }
            if option.definition.argument == nil {
                store(option, "-\(letter)", "")
            } else if !rest.isEmpty {
                store(option, "-\(letter)", String(rest))
                return
            } else if let text = remaining.popFirst() {
                store(option, "-\(letter)", text)
            } else {
                mistakes.append("option '-\(letter)' requires an argument (\(option.definition.argument ?? ""))")
            }
        }
    }

    private mutating func store(_ option: any DaemonOption, _ shown: String, _ text: String) {
        do {
            let isFlag = option.definition.argument == nil
            values.set(option, try option.definition.parse(text), text: isFlag ? nil : text)
        } catch {
            mistakes.append("option '\(shown)': '\(text)' \(error.reason)")
        }
    }
}
