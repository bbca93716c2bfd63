import Text

/// Why a configuration cannot be used: every mistake in the order of the files.
package struct ConfigurationError: Error, Equatable {
    package let mistakes: [Mistake]

    package init(mistakes: [Mistake]) { self.mistakes = mistakes }

    /// A line for each mistake.
    package var text: String { mistakes.map { "\($0)\n" }.joined() }
}

/// One thing that is wrong. `FILE:LINE: text`
package struct Mistake: Equatable, Sendable, CustomStringConvertible {
    package let place: Place
    package let text: String

    package var description: String { "\(place): \(text)" }

    package init(_ place: Place, _ text: String) {
        self.place = place
        self.text = Self.printable(text)
    }

    /// A line stays a line, and a short one, whatever stands in a word.
    private static func printable(_ text: String) -> String {
        if text.utf8.count <= longest && text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text }
        let scalars = text.unicodeScalars.prefix(longest).map { scalar in
            VisibleText.isHidden(scalar) ? scalar.escaped(asASCII: true) : String(scalar)
        }
        return scalars.joined() + (text.unicodeScalars.count > longest ? "..." : "")
    }

    private static let longest = 500
}

/// What is wrong with a line; its place is told where the line is known.
package struct Complaint: Error {
    package let text: String
    package init(_ text: String) { self.text = text }
}

/// The mistakes found so far: so many that nobody reads on are only counted.
package struct Mistakes {
    private static let most = 1000
    private var list: [Mistake] = []
    private var more = 0

    package init() {}

    package var isEmpty: Bool { list.isEmpty }

    package mutating func add(_ place: Place, _ text: String) {
        if list.count < Self.most { list.append(Mistake(place, text)) } else { more += 1 }
    }

    /// In the order of the files: what is found at the end belongs between the lines.
    package func sorted(by files: [String]) -> [Mistake] {
        let ranks = Dictionary(zip(files, files.indices), uniquingKeysWith: { first, _ in first })
        var sorted = list.enumerated().sorted { left, right in
            let (first, second) = (left.element.place, right.element.place)
            return (ranks[first.file] ?? 0, first.line, left.offset)
                < (ranks[second.file] ?? 0, second.line, right.offset)
        }.map(\.element)
        if more > 0, let last = sorted.last {
            sorted.append(Mistake(Place(file: last.place.file, line: 0), "\(more) more mistakes"))
        }
        return sorted
    }
}
