/// The rules of the command line once more, on letters and without DaemonKit: what the parser is compared with.
struct ReferenceParser {
    enum Kind {
        case flag, text, port
        case choice([String])
    }

    struct Rule {
        let name: String
        let short: Character?
        let kind: Kind
        let letters: [Character]

        init(_ name: String, _ short: Character?, _ kind: Kind) {
            (self.name, self.short, self.kind, letters) = (name, short, kind, Array(name))
        }
    }

    private let rules: [Rule]
    private var words: ArraySlice<String>
    /// The text that was accepted last for each option.
    private(set) var accepted: [String: String] = [:]
    private(set) var mistakes = 0

    init(_ words: [String], _ rules: [Rule]) {
        self.rules = rules
        self.words = words[...]
        while let word = self.words.popFirst() {
            let letters = Array(word)
            if letters == ["-", "-"] {
                mistakes += self.words.count
                return
            }
            if letters.count > 2, letters[0] == "-", letters[1] == "-" {
                long(Array(letters[2...]))
            } else if letters.count > 1, letters[0] == "-" {
                cluster(letters[1...])
            } else {
                mistakes += 1
            }
        }
    }

    private mutating func long(_ letters: [Character]) {
        let name = Array(letters.prefix { $0 != "=" })
        let begun = name.isEmpty ? [] : rules.filter { $0.letters.starts(with: name) }
        let whole = begun.first { $0.letters.count == name.count }
        guard let rule = whole ?? (begun.count == 1 ? begun[0] : nil) else {
            mistakes += 1
            return
        }
        let glued = name.count < letters.count ? String(letters[(name.count + 1)...]) : nil
        if case .flag = rule.kind {
            if glued == nil { accepted[rule.name] = "" } else { mistakes += 1 }
        } else if let text = glued ?? words.popFirst() {
            take(text, rule)
        } else {
            mistakes += 1
        }
    }

    private mutating func cluster(_ letters: ArraySlice<Character>) {
        for index in letters.indices {
            guard let rule = rules.first(where: { $0.short == letters[index] }) else {
                mistakes += 1
                return
            }
            if case .flag = rule.kind {
                accepted[rule.name] = ""
                continue
            }
            let rest = String(letters[(index + 1)...])
            if let text = rest.isEmpty ? words.popFirst() : rest { take(text, rule) } else { mistakes += 1 }
            return
        }
    }

    private mutating func take(_ text: String, _ rule: Rule) {
        let isRight =
            switch rule.kind {
            case .flag, .text: true
            case .choice(let words): words.contains(text)
            case .port: Self.isPort(Array(text.unicodeScalars))
            }
        if isRight { accepted[rule.name] = text } else { mistakes += 1 }
    }

    private static func isPort(_ scalars: [Unicode.Scalar]) -> Bool {
        var number: UInt32 = 0
        for scalar in scalars {
            guard scalar.value >= 48, scalar.value <= 57 else { return false }
            number = min(100_000, number * 10 + scalar.value - 48)
        }
        return number >= 1 && number <= 65535
    }
}
