import DaemonKit

/// A value as JSON writes it.
struct JSONText {
    let text: String

    static let null = JSONText(text: "null")

    static func string(_ value: String?) -> JSONText {
        guard let value else { return null }
        var bytes: [UInt8] = []
        bytes.appendJSON(value)
        return JSONText(text: String(decoding: bytes, as: UTF8.self))
    }

    static func number(_ value: (some BinaryInteger)?) -> JSONText { value.map { JSONText(text: "\($0)") } ?? null }

    /// With one digit behind the point.
    static func number(_ value: Double?) -> JSONText { value.map { JSONText(text: tenths($0)) } ?? null }

    static func array(_ values: [JSONText]) -> JSONText {
        JSONText(text: "[" + values.map(\.text).joined(separator: ",") + "]")
    }

    /// Members in the order in which they come.
    static func object(_ members: KeyValuePairs<String, JSONText>) -> JSONText {
        let texts = members.map { "\(string($0.key).text):\($0.value.text)" }
        return JSONText(text: "{" + texts.joined(separator: ",") + "}")
    }

    /// An array of values, each on a line of its own.
    static func lines(_ values: [JSONText]) -> String {
        "[" + values.map { "\n  \($0.text)" }.joined(separator: ",") + (values.isEmpty ? "]\n" : "\n]\n")
    }
}

/// `12.3`; what is no number is 0: the difference of two values of a daemon's may be.
func tenths(_ value: Double) -> String {
    let tenths = value.isNaN ? 0 : Int(min(max(value, 0), 1e15) * 10 + 0.5)  // bounded: 1e15 at the most
    return "\(tenths / 10).\(tenths % 10)"
}
