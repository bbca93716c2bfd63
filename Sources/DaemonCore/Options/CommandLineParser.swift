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
    private let options: [OptionDefinition]
    /// Where the words go that are no options.
    private let operand: OptionDefinition?
    private var remaining: ArraySlice<String>

    /// `arguments` come without the program's name.
    package init(_ arguments: [String], options: [OptionDefinition], takesOperands: Bool = false) {
        let operandPlace = options.firstIndex { $0.operands != nil }
        self.options = operandPlace == nil ? options : options.filter { $0.operands == nil }
        operand = operandPlace.map { options[$0] }
        remaining = arguments[...]
        checkNames(options)
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

    /// By place, since an option is large to be copied, and by length first: all are compared at every start.
    private mutating func checkNames(_ options: [OptionDefinition]) {
        for index in options.indices {
            let (name, short) = (options[index].name, options[index].short)
            let length = name.utf8.count
            // bounded: a place among them
            if (0..<index).contains(where: { options[$0].name.utf8.count == length && options[$0].name == name }) {
                mistakes.append("option '--\(name)' is declared twice")
            }
            if let short, (0..<index).contains(where: { options[$0].short == short }) {  // bounded: one of theirs
                mistakes.append("option '-\(short)' is declared twice")
            }
        }
    }

    private mutating func take(operand word: String) {
        guard let operand else { return mistakes.append("unexpected argument '\(word)'") }
        store(operand, operand.name, word)
    }

    private mutating func checkOperands() {
        guard let operand, let counts = operand.operands else { return }
        let name = operand.name
        if values.operands.count < counts.lowerBound, !StandardOption.needsNoOperands(values) {
            mistakes.append(values.operands.isEmpty ? "no \(name) is given" : "too few of \(name) are given")
        }
        // bounded: the author's range, which begins at 0 at the least
        for word in values.operands.dropFirst(counts.upperBound) { mistakes.append("unexpected argument '\(word)'") }
    }

    private mutating func readLong(_ word: Substring) {
        let end = word.firstIndex(of: "=")
        let name = String(end.map { word[..<$0] } ?? word)
        guard !name.isEmpty else { return mistakes.append("unknown option '--\(word)'") }
        guard let option = long(name) else { return }
        let text = end.map { String(word[word.index(after: $0)...]) }
        let shown = "--\(option.name)"
        if option.isFlag {
            if let text {
                mistakes.append("option '\(shown)' doesn't allow an argument, but '\(text)' was given")
            } else {
                store(option, shown, "")
            }
        } else if let text = text ?? remaining.popFirst() {
            store(option, shown, text)
        } else {
            mistakes.append("option '\(shown)' requires an argument (\(option.argument ?? ""))")
        }
    }

    private mutating func long(_ name: String) -> OptionDefinition? {
        if let exact = options.firstIndex(where: { $0.name == name }) { return options[exact] }
        let candidates = name.isEmpty ? [] : options.filter { $0.name.hasPrefix(name) }
        if candidates.count == 1 { return candidates[0] }
        if candidates.isEmpty {
            let near =
                Suggestion.nearest(name, options.map(\.name)).map { " (did you mean '--\($0)'?)" } ?? ""
            mistakes.append("unknown option '--\(name)'\(near)")
        } else {
            let list = candidates.map { "--\($0.name)" }.joined(separator: ", ")
            mistakes.append("option '--\(name)' is ambiguous: \(list)")
        }
        return nil
    }

    private mutating func readCluster(_ letters: Substring) {
        var rest = letters
        while let letter = rest.popFirst() {
            guard let option = options.first(where: { $0.short == letter }) else {
                mistakes.append("unknown option '-\(letter)'" + (letters.count > 1 ? " in '-\(letters)'" : ""))
                return
            }
            if option.isFlag {
                store(option, "-\(letter)", "")
            } else if !rest.isEmpty {
                store(option, "-\(letter)", String(rest))
                return
            } else if let text = remaining.popFirst() {
                store(option, "-\(letter)", text)
            } else {
                mistakes.append("option '-\(letter)' requires an argument (\(option.argument ?? ""))")
            }
        }
    }

    private mutating func store(_ option: OptionDefinition, _ shown: String, _ text: String) {
        do {
            values.set(option, try option.parse(text), text: option.isFlag ? nil : text)
        } catch {
            mistakes.append("option '\(shown)': '\(text)' \(error.reason)")
        }
    }
}
