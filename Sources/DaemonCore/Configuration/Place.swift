/// Where something stands in the files. All places are equal: a configuration is the same wherever its lines stand.
package struct Place: Hashable, Sendable, CustomStringConvertible {
    package let file: String
    /// From 1; 0 is the file as a whole.
    package let line: Int

    package init(file: String, line: Int) {
        self.file = file
        self.line = line
    }

    /// What does not come from a file.
    package static let nowhere = Place(file: "", line: 0)

    package var description: String { line == 0 ? file : "\(file):\(line)" }

    package static func == (left: Place, right: Place) -> Bool { true }
    package func hash(into hasher: inout Hasher) {}
}
