/// Where something stands in the files. All places are equal: a configuration is the same wherever its lines stand.
struct Place: Hashable, Sendable, CustomStringConvertible {
    let file: String
    /// From 1; 0 is the file as a whole.
    let line: Int

    /// What does not come from a file.
    static let nowhere = Place(file: "", line: 0)

    var description: String { line == 0 ? file : "\(file):\(line)" }

    static func == (left: Place, right: Place) -> Bool { true }
    func hash(into hasher: inout Hasher) {}
}

/// Where the lines of a section stand. As places, all are equal.
struct Places: Equatable, Sendable {
    private var places: [String: Place] = [:]

    subscript(keyword: String) -> Place? {
        get { places[keyword] }
        set { places[keyword] = newValue }
    }

    static func == (left: Places, right: Places) -> Bool { true }
}

/// The name of another section, and where it is asked for.
struct Reference: Equatable, Sendable {
    var name: String
    var place = Place.nowhere
}
