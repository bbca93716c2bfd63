/// A value as JSON writes it.
package struct JSONText {
    package let text: String

    package static let null = JSONText(text: "null")

    package static func string(_ value: String?) -> JSONText {
        guard let value else { return null }
        var bytes: [UInt8] = []
        bytes.appendJSON(value)
        return JSONText(text: String(decoding: bytes, as: UTF8.self))
    }

    package static func number(_ value: (some BinaryInteger)?) -> JSONText {
        value.map { JSONText(text: "\($0)") } ?? null
    }

    /// With one digit behind the point.
    package static func number(_ value: Double?) -> JSONText {
        value.map { JSONText(text: DecimalText.tenths($0)) } ?? null
    }

    package static func array(_ values: [JSONText]) -> JSONText {
        JSONText(text: "[" + values.map(\.text).joined(separator: ",") + "]")
    }

    /// Members in the order in which they come.
    package static func object(_ members: KeyValuePairs<String, JSONText>) -> JSONText {
        let texts = members.map { "\(string($0.key).text):\($0.value.text)" }
        return JSONText(text: "{" + texts.joined(separator: ",") + "}")
    }

    /// An array of values, each on a line of its own.
    package static func lines(_ values: [JSONText]) -> String {
        "[" + values.map { "\n  \($0.text)" }.joined(separator: ",") + (values.isEmpty ? "]\n" : "\n]\n")
    }
}
