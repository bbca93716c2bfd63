import Testing
import Unix

@Suite("Host names", .timeLimit(.minutes(20)))
struct ResolverTests {
    @Test(
        "a name or a short form has an IPv4 address",
        arguments: [("localhost", 0x7F00_0001), ("127.1", 0x7F00_0001), ("10.0.0.1", 0x0A00_0001)] as [(String, UInt32)]
    )
    func found(host: String, address: UInt32) throws {
        #expect(try Resolver.ipv4(host, port: 80) == .ipv4(address, port: 80))
    }

    @Test("anything else has none, and it is said why", arguments: ["", "::1", "*", "1.2.3.4.5", "no such host"])
    func unknown(host: String) {
        let failure = #expect(throws: Resolver.Failure.self) { try Resolver.ipv4(host, port: 80) }
        #expect(failure?.description.isEmpty == false)
    }
}
