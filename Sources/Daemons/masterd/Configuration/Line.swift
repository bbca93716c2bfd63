import DaemonKit
import Unix

/// A line of a section: its keyword and the arguments, taken one by one.
struct Line {
    let place: Place
    /// A blank stands before its first word.
    let isIndented: Bool
    /// `no` stood before the keyword.
    let isNegated: Bool
    let keyword: String
    private var arguments: ArraySlice<String>

    /// nil where there is no word.
    init?(_ words: [String], place: Place, isIndented: Bool) {
        guard let first = words.first else { return nil }
        self.place = place
        self.isIndented = isIndented
        isNegated = first == "no"
        keyword = isNegated ? words.dropFirst().first ?? "" : first
        arguments = words.dropFirst(isNegated ? 2 : 1)
    }

    mutating func next() -> String? { arguments.popFirst() }

    /// The next argument, which must be there.
    mutating func next(_ expected: String) throws(Complaint) -> String {
        guard let word = next() else { throw Complaint("'\(keyword)' expects \(expected).") }
        return word
    }

    mutating func all() -> [String] {
        defer { arguments = [] }
        return Array(arguments)
    }

    /// `option` is none of those that the line's keyword has.
    func unknown(_ option: String, _ options: [String]) -> Complaint {
        Complaint("'\(keyword)' : unknown keyword '\(option)'\(suggestion(option, options) ?? ".")")
    }

    func finish() throws(Complaint) {
        if let word = arguments.first {
            throw Complaint("'\(keyword)' cannot handle unexpected argument '\(word)'.")
        }
    }
}

/// Values. `option` is the word within the line that they belong to; nil is the line's keyword.
extension Line {
    /// The next argument, as `read` understands it.
    mutating func value<Value>(
        _ option: String?, _ expected: String, _ read: (String) -> Value?
    ) throws(Complaint) -> Value {
        let name = option ?? keyword
        guard let word = next() else { throw Complaint("'\(name)' expects \(expected).") }
        guard let value = read(word) else { throw Complaint("'\(name)' expects \(expected), not '\(word)'.") }
        return value
    }

    mutating func time(_ option: String? = nil) throws(Complaint) -> Duration {
        let expected = "a time with its unit (us, ms, s, m, h or d)"
        let time = try value(option, expected, TimeText.parse)
        guard time > .zero else { throw Complaint("'\(option ?? keyword)' expects more than 0.") }
        return time
    }

    mutating func number(_ range: ClosedRange<Int>, of option: String? = nil) throws(Complaint) -> Int {
        try value(option, "a number from \(range.lowerBound) to \(range.upperBound)") { decimal($0, in: range) }
    }

    mutating func mode(_ option: String? = nil) throws(Complaint) -> FileMode {
        try value(option, "an octal number from 0 to 777") { word in
            guard isDecimal(word[...]), word.utf8.count <= 4, let mode = FileMode(word, radix: 8), mode <= 0o777 else {
                return nil
            }
            return mode
        }
    }

    mutating func signal(_ option: String? = nil) throws(Complaint) -> Signal {
        try value(option, "the name of a signal") { Signal(parsing: $0) }
    }

    mutating func path(_ option: String? = nil) throws(Complaint) -> String {
        try value(option, "an absolute path") { isAbsolute($0) ? $0 : nil }
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ type: Choice.Type, of option: String? = nil
    ) throws(Complaint) -> Choice where Choice.RawValue == String {
        let words = type.allCases.map { "'\($0.rawValue)'" }
        let expected = words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        return try value(option, expected) { Choice(rawValue: $0) }
    }

    mutating func variable() throws(Complaint) -> Variable {
        let name = try next("a name and a value")
        let value = try next("a name and a value")
        return Variable(name: try variableName(name), value: value)
    }

    mutating func variableNames() throws(Complaint) -> [String] {
        var names: [String] = []
        while let name = next() { names.append(try variableName(name)) }
        return names
    }

    private func variableName(_ name: String) throws(Complaint) -> String {
        guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")) else {
            throw Complaint("'\(keyword)' expects the name of a variable, not '\(name)'.")
        }
        return name
    }
}

enum YesNo: String, CaseIterable {
    case yes, no
}

func isAbsolute(_ path: String) -> Bool { path.utf8.first == UInt8(ascii: "/") }

func isDecimal(_ text: Substring) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
}

/// Digits only; nil where they are none, or not within the range.
func decimal(_ text: String, in range: ClosedRange<Int>) -> Int? {
    guard isDecimal(text[...]), let number = Int(text), range.contains(number) else { return nil }
    return number
}

/// HAProxy's words for the nearest of `words`; nothing where none is near.
func suggestion(_ word: String, _ words: [String]) -> String? {
    guard words.count <= 500 else { return nil }
    let length = word.utf8.count
    // Words of other lengths are further away than `nearest` allows.
    let candidates = words.filter { abs($0.utf8.count - length) <= max(1, $0.utf8.count / 3) }
    return nearest(word, candidates).map { "; did you mean '\($0)' maybe ?" }
}
