import Testing
import Unix

@testable import start_server

@Suite("Texts of --port", .timeLimit(.minutes(20)))
struct PortSpecTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let key: String
        let address: SocketAddress
        var kind = SocketKind.stream
        var descriptor: Int32?
        var testDescription: String { text }
    }

    private static func v4(_ port: UInt16, _ host: UInt32 = 0) -> SocketAddress { .ipv4(host, port: port) }
    private static let local: UInt32 = 0x7F00_0001
    private static func v6(_ port: UInt16, _ low: UInt64 = 1) -> SocketAddress {
        .ipv6(.init(high: 0, low: low, scope: 0), port: port)
    }

    @Test(
        "a port with or without a numeric host has an address at once, and the original's key",
        arguments: [
            Case(text: "8080", key: "8080", address: v4(8080)),
            Case(text: "0", key: "0", address: v4(0)),
            Case(text: "65535", key: "65535", address: v4(.max)),
            Case(text: "018080", key: "018080", address: v4(18080)),
            Case(text: "000000000000000000000018080", key: "000000000000000000000018080", address: v4(18080)),
            Case(text: "127.0.0.1:80", key: "127.0.0.1:80", address: v4(80, local)),
            Case(text: "0.0.0.0:80", key: "0.0.0.0:80", address: v4(80)),
            Case(text: "[127.0.0.1]:80", key: "127.0.0.1:80", address: v4(80, local)),
            Case(text: "[::1]:80", key: "[::1]:80", address: v6(80)),
            Case(text: "::1:80", key: "[::1]:80", address: v6(80)),
            Case(text: "[::]:80", key: "[::]:80", address: v6(80, 0)),
            Case(text: ":::80", key: "[::]:80", address: v6(80, 0)),
            Case(text: "[::ffff:1.2.3.4]:80", key: "[::ffff:1.2.3.4]:80", address: v6(80, 0xFFFF_0102_0304)),
            Case(
                text: "[fe80::1%7]:80", key: "[fe80::1%7]:80",
                address: .ipv6(.init(high: 0xFE80 << 48, low: 1, scope: 7), port: 80)),
            Case(text: "u80", key: "80", address: v4(80), kind: .datagram),
            Case(text: "127.0.0.1:u80", key: "127.0.0.1:80", address: v4(80, local), kind: .datagram),
            Case(text: "u127.0.0.1:80", key: "127.0.0.1:80", address: v4(80, local), kind: .datagram),
            Case(text: "[::1]:u80", key: "[::1]:80", address: v6(80), kind: .datagram),
            Case(text: "u[::1]:80", key: "[::1]:80", address: v6(80), kind: .datagram),
            Case(text: "u::1:80", key: "[::1]:80", address: v6(80), kind: .datagram),
            Case(text: "80=9", key: "80", address: v4(80), descriptor: 9),
            Case(text: "80=0", key: "80", address: v4(80), descriptor: 0),
            Case(text: "80=08", key: "80", address: v4(80), descriptor: 8),
            Case(text: "u80=7", key: "80", address: v4(80), kind: .datagram, descriptor: 7),
            Case(text: "[::1]:80=2147483647", key: "[::1]:80", address: v6(80), descriptor: .max),
        ])
    func numeric(expected: Case) throws {
        let port = try PortSpec(parsing: expected.text)
        #expect(port.key == expected.key)
        #expect(!port.namesHost)
        #expect(try port.address() == expected.address)
        #expect(port.kind == expected.kind)
        #expect(port.descriptor == expected.descriptor)
        #expect(port.port == expected.address.port)
    }

    @Test(
        "a host's name is kept for a look-up, and a leading u is the name's own",
        arguments: [
            ("localhost:80", "localhost:80", .stream), ("LOCALHOST:80", "LOCALHOST:80", .stream),
            ("[localhost]:80", "localhost:80", .stream), ("localhost:u80", "localhost:80", .datagram),
            ("ubuntu:80", "ubuntu:80", .stream), ("ulocalhost:u80", "ulocalhost:80", .datagram),
            ("127.1:80", "127.1:80", .stream), ("u:80", "u:80", .stream), ("1.2.3.4.5:80", "1.2.3.4.5:80", .stream),
            ("*:80", "*:80", .stream), ("u127.0.0.1:u80", "u127.0.0.1:80", .datagram),
        ] as [(String, String, SocketKind)])
    func names(text: String, key: String, kind: SocketKind) throws {
        let port = try PortSpec(parsing: text)
        #expect(port.namesHost)
        #expect(port.key == key)
        #expect(port.kind == kind)
    }

    @Test(
        "nonsense is refused with a reason",
        arguments: [
            "", " ", "u", "uu80", "U80", "abc", "-1", "+80", "0x50", "80,81", "8o", "٨٠", "８０", "80.0",
            "80\u{301}", "u\u{301}80", ":80", "::80", "1:2:3:80", "127.0.0.1:", "[::1]", "[::1]80", "[::1]:", "[]:80",
            "[:80", "]:80", "[[::1]]:80", "[127.0.0.1:80", "127.0.0.1]:80", "[::1]x:80", "u[]:80", "u[::1:80",
            "12345::1::2:80", "fe80::1%no-such-if:80", "[fe80::1%]:80", "65536", "99999", "u65536",
            "localhost:70000", "18446744073709551616", "80=", "80=x", "80=-1", "80=+1", "80==9", "80=9=9",
            "80=2147483648", "=9", "a=b:80", "a;b:80", "a b:80", "a/b:80", "é:80", "a\u{0}b:80", "a\n:80", "80;81",
            "80=\u{301}9", "h:\u{301}80",
        ])
    func nonsense(text: String) {
        let mistake = #expect(throws: PortSpec.Mistake.self) { try PortSpec(parsing: text) }
        #expect(mistake?.reason.isEmpty == false)
    }

    @Test(
        "the reason says which part is wrong",
        arguments: [
            ("65536", "has a port above 65535"), ("h:x", "is not [HOST:][u]PORT[=DESCRIPTOR]"),
            ("80=x", "does not end in the number of a descriptor (=0, =1, ...)"),
            (":80", "does not name a host before the colon"),
            ("1::2::3:80", "names no IPv6 address, or an unknown interface"),
        ])
    func reasons(text: String, reason: String) {
        #expect(throws: PortSpec.Mistake(reason: reason)) { try PortSpec(parsing: text) }
    }

    @Test("a name is looked up when its address is asked for")
    func lookUp() throws {
        #expect(try PortSpec(parsing: "localhost:80").address() == .ipv4(Self.local, port: 80))
        #expect(try PortSpec(parsing: "127.1:u80").address() == .ipv4(Self.local, port: 80))
        let failure = #expect(throws: Resolver.Failure.self) { try PortSpec(parsing: "*:80").address() }
        #expect(failure?.description.isEmpty == false)
    }
}
