/// What an engine hands to the next one: unknown records and keys are skipped, missing ones have defaults.
package struct SavedState: Equatable, Sendable {
    package static let version = 1
    package let records: [StateRecord]
    /// Records that could not be read.
    package let damaged: Int

    package init(_ records: [StateRecord], damaged: Int = 0) {
        self.records = records
        self.damaged = damaged
    }

    package func all(_ name: String) -> [StateRecord] { records.filter { $0.name == name } }
    package func first(_ name: String) -> StateRecord? { records.first { $0.name == name } }
}

/// A name, and values by their keys.
package struct StateRecord: Equatable, Sendable {
    package let name: String
    package private(set) var values: [String: String] = [:]

    package init(_ name: String, _ values: [String: String] = [:]) {
        self.name = name
        self.values = values
    }

    package subscript(key: String) -> String? {
        get { values[key] }
        set { values[key] = newValue }
    }

    /// So large at the most, either way: what the next image counts on does not overflow. In nanoseconds 73 years.
    private static let largest = 1 << 61

    private static func bounded(_ text: some StringProtocol) -> Int? {
        // bounded: here
        Int(text).map { min(max($0, -largest), largest) }
    }

    package subscript(number key: String) -> Int? {
        get { values[key].flatMap(Self.bounded) }
        set { values[key] = newValue.map(String.init) }
    }

    package subscript(flag key: String) -> Bool {
        get { values[key] == "1" }
        set { values[key] = newValue ? "1" : nil }
    }

    package subscript(numbers key: String) -> [Int] {
        get { (values[key] ?? "").split(separator: ",").compactMap(Self.bounded) }
        set { values[key] = newValue.isEmpty ? nil : newValue.map(String.init).joined(separator: ",") }
    }

    /// Whole nanoseconds.
    package subscript(duration key: String) -> Duration? {
        get { values[key].flatMap(Self.bounded).map { .nanoseconds($0) } }
        set { values[key] = newValue.map { String($0.wholeNanoseconds) } }
    }

    subscript(instant key: String) -> Instant? {
        get { values[key].flatMap(Self.bounded).map { Instant(nanoseconds: Int64($0)) } }
        set { values[key] = newValue.map { String($0.nanoseconds) } }
    }
}
