/// Reads a command line against a list of options: a pure function, which finds every mistake in one go.
///
/// Options stand anywhere, `--` ends them, short ones cluster (`-fd`, `-p80`), long ones take `=VALUE` or the next
/// word and may be cut short while they stay unique; the last occurrence wins. getopt_long(3)
struct CommandLineParser {
    private(set) var values = OptionValues()
    private(set) var mistakes: [String] = []
    /// What is no option, up to `--`, and what follows that: only where operands are taken.
    private(set) var operands: [String] = []
    private(set) var rest: [String] = []
    private let options: [any DaemonOption]
    private var remaining: ArraySlice<String>

    /// `arguments` come without the program's name.
    init(_ arguments: [String], options: [any DaemonOption], takesOperands: Bool = false) {
        self.options = options
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
                mistakes.append("unexpected argument '\(word)'")
            }
        }
        rest = takesOperands ? Array(remaining) : []
        for word in remaining where !takesOperands { mistakes.append("unexpected argument '\(word)'") }
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
            let near = nearest(name, options.map(\.definition.name)).map { " (did you mean '--\($0)'?)" } ?? ""
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
            values.set(option, try option.value(parsing: text), text: isFlag ? nil : text)
        } catch {
            mistakes.append("option '\(shown)': '\(text)' \(error.reason)")
        }
    }
}

/// The word that needs the fewest edits, where these are at most a third of its letters. Levenshtein's distance.
package func nearest(_ word: String, _ words: [String]) -> String? {
    // What is longer than any word was not mistyped, and the distance costs the product of both lengths.
    guard word.utf8.count <= 128 else { return nil }
    let distances = words.prefix(1000).filter { $0.utf8.count <= 128 }.map { other in
        (word: other, distance: editDistance(Array(word.utf8), Array(other.utf8)))
    }
    guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= max(1, best.word.utf8.count / 3) ? best.word : nil
}

private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var diagonal = row[0]  // bounded: a row is longer than the word
        row[0] = i + 1  // bounded: a row is longer than the word
        for (j, b) in right.enumerated() {
            let above = row[j + 1]
            row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a == b ? 0 : 1))
            diagonal = above
        }
    }
    return row[right.count]
}
