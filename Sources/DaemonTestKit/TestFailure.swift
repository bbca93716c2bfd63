/// Something that a test waited for did not happen; the text says what did.
public struct TestFailure: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
