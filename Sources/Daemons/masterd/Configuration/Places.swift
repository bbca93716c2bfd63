import DaemonKit

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
