import Text

/// A line of a section: its keyword and the arguments, taken one by one.
package struct ConfigurationLine {
    package let place: Place
    /// A blank stands before its first word.
    package let isIndented: Bool
    /// `no` stood before the keyword.
    package let isNegated: Bool
    package let keyword: String
    private var arguments: ArraySlice<String>

    /// nil where there is no word.
    package init?(_ words: [String], place: Place, isIndented: Bool) {
        guard let first = words.first else { return nil }
        self.place = place
        self.isIndented = isIndented
        isNegated = first == "no"
        keyword = isNegated ? words.dropFirst().first ?? "" : first
        arguments = words.dropFirst(isNegated ? 2 : 1)
    }

    package mutating func next() -> String? { arguments.popFirst() }

    /// The next argument, which must be there.
    package mutating func next(_ expected: String) throws(Complaint) -> String {
        guard let word = next() else { throw Complaint("'\(keyword)' expects \(expected).") }
        return word
    }

    package mutating func all() -> [String] {
        defer { arguments = [] }
        return Array(arguments)
    }

    /// `option` is none of those that the line's keyword has.
    package func unknown(_ option: String, _ options: [String]) -> Complaint {
        Complaint("'\(keyword)' : unknown keyword '\(option)'\(suggestion(option, options) ?? ".")")
    }

    package func finish() throws(Complaint) {
        if let word = arguments.first {
            throw Complaint("'\(keyword)' cannot handle unexpected argument '\(word)'.")
        }
    }
}

/// Values. `option` is the word within the line that they belong to; nil is the line's keyword.
extension ConfigurationLine {
    /// The next argument, as `read` understands it.
    package mutating func value<Value>(
        _ option: String?, _ expected: String, _ read: (String) -> Value?
    ) throws(Complaint) -> Value {
        let name = option ?? keyword
        guard let word = next() else { throw Complaint("'\(name)' expects \(expected).") }
        guard let value = read(word) else { throw Complaint("'\(name)' expects \(expected), not '\(word)'.") }
        return value
    }

    package mutating func time(_ option: String? = nil) throws(Complaint) -> Duration {
        let expected = "a time with its unit (us, ms, s, m, h or d)"
        let time = try value(option, expected) { DurationText.parse($0) }
        guard time > .zero else { throw Complaint("'\(option ?? keyword)' expects more than 0.") }
        return time
    }

    package mutating func number(_ range: ClosedRange<Int>, of option: String? = nil) throws(Complaint) -> Int {
        try value(option, "a number from \(range.lowerBound) to \(range.upperBound)") {
            DecimalText.parse($0, in: range)
        }
    }

    package mutating func path(_ option: String? = nil) throws(Complaint) -> String {
        try value(option, "an absolute path") { isAbsolute($0) ? $0 : nil }
    }

    package mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ type: Choice.Type, of option: String? = nil
    ) throws(Complaint) -> Choice where Choice.RawValue == String {
        let words = type.allCases.map { "'\($0.rawValue)'" }
        let expected = words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        return try value(option, expected) { Choice(rawValue: $0) }
    }
}

package enum YesNo: String, CaseIterable {
    case yes, no
}

package func isAbsolute(_ path: String) -> Bool { path.utf8.first == UInt8(ascii: "/") }

/// HAProxy's words for the nearest of `words`; nothing where none is near.
package func suggestion(_ word: String, _ words: [String]) -> String? {
    guard words.count <= 500 else { return nil }
    return Suggestion.nearest(word, words).map { "; did you mean '\($0)' maybe ?" }
}
