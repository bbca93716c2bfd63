public import GRPCCore

/// The method of both sides.
public let sayHello = MethodDescriptor(fullyQualifiedService: "hello.Greeter", method: "SayHello")

/// A message that is its text in UTF-8.
public struct Text: MessageSerializer, MessageDeserializer {
    public init() {}

    public func serialize<Bytes: GRPCContiguousBytes>(_ message: String) -> Bytes { Bytes(message.utf8) }

    public func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) -> String {
        bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}
