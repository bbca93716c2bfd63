// A release build with the runtime linked statically has no Testing, and no tests.
#if canImport(Testing)
import Testing

/// A text of any length as an argument of a test, of which a report shows the beginning only.
package struct LongText: Sendable, Codable, ExpressibleByStringInterpolation, CustomTestStringConvertible {
    package let text: String

    package init(_ text: String) { self.text = text }
    package init(stringLiteral text: String) { self.text = text }

    package var testDescription: String {
        let count = text.utf8.count
        return count <= 80 ? text.debugDescription : "\(text.prefix(20).debugDescription)… (\(count) bytes)"
    }
}
#endif
