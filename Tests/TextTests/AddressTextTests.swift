import Foundation
import TestSupport
import Testing
import Text

@Suite("Addresses of sockets", .timeLimit(.minutes(20)))
struct AddressTextTests {
    private static let loopback = AddressText.Host.ipv6(high: 0, low: 1, zone: nil)
    private static func local(_ zone: String) -> AddressText.Host { .ipv6(high: 0xFE80 << 48, low: 1, zone: zone) }

    private static let everywhereCases: [(String, AddressText)] = [
        ("127.0.0.1:80", .internet(.ipv4(0x7F00_0001), port: 80)), ("0.0.0.0:0", .internet(.ipv4(0), port: 0)),
        ("255.255.255.255:65535", .internet(.ipv4(.max), port: .max)), (":80", .internet(.any, port: 80)),
        ("*:80", .internet(.any, port: 80)), ("80", .internet(.any, port: 80)), ("000080", .internet(.any, port: 80)),
        ("[::1]:80", .internet(loopback, port: 80)), ("[fe80::1%7]:80", .internet(local("7"), port: 80)),
        ("[fe80::1%eth0]:80", .internet(local("eth0"), port: 80)),
        ("[::]:0", .internet(.ipv6(high: 0, low: 0, zone: nil), port: 0)),
        ("localhost:80", .internet(.name("localhost"), port: 80)), ("1.2.3:80", .internet(.name("1.2.3"), port: 80)),
        ("/run/x", .path("/run/x")), ("/a:80", .path("/a:80")), ("x/y", .path("x/y")), ("./x", .path("./x")),
        ("unix:/run/x", .path("/run/x")), ("unix:x", .path("x")), ("unix@/x", .path("/x")), ("unix:::1", .path("::1")),
        ("unix:unix:x", .path("unix:x")), ("unix:80", .path("80")), ("/grüße", .path("/grüße")),
    ]

    @Test("With a port they are read wherever an address stands", arguments: everywhereCases)
    func everywhere(text: String, address: AddressText) throws {
        #expect(try AddressText(parsing: text, port: .optional) == address)
        #expect(try AddressText(parsing: text, port: .needed) == address)
    }

    private static let optionalCases: [(String, AddressText)] = [
        ("127.0.0.1", .internet(.ipv4(0x7F00_0001), port: nil)), ("*", .internet(.any, port: nil)),
        ("::1", .internet(loopback, port: nil)), ("[::1]", .internet(loopback, port: nil)),
        ("fe80::1%eth0", .internet(local("eth0"), port: nil)), ("localhost", .internet(.name("localhost"), port: nil)),
        ("::1:80", .internet(.ipv6(high: 0, low: 0x1_0080, zone: nil), port: nil)),
    ]

    @Test("A port may be left out where the reader says so", arguments: optionalCases)
    func optional(text: String, address: AddressText) throws {
        #expect(try AddressText(parsing: text, port: .optional) == address)
    }

    @Test("Where a port is needed, the last colon stands before it")
    func lastColon() throws {
        #expect(try AddressText(parsing: "::1:80", port: .needed) == .internet(Self.loopback, port: 80))
        #expect(try AddressText(parsing: "fe80::1%7:80", port: .needed) == .internet(Self.local("7"), port: 80))
    }

    #if os(Linux)
    @Test(
        "A name without a file has its @", arguments: ["unix:@name", "unix:@a/b", "unix:@a:80", "unix:@@", "unix:@ü"])
    func abstract(text: String) throws {
        for rule in [AddressText.PortRule.needed, .optional] {
            #expect(try AddressText(parsing: text, port: rule) == .abstract(String(text.dropFirst(5))))
        }
    }
    #endif

    private static let mistakeCases: [(String, AddressText.PortRule, AddressMistake.Kind, String)] = [
        ("", .optional, .empty, ""), ("a\0b", .optional, .zeroByte, "\0"), ("unix:", .optional, .path, ""),
        ("unix:@", .optional, .abstractName, "@"), (":", .optional, .port, ""), ("1.2.3.4:", .optional, .port, ""),
        ("1.2.3.4:65536", .needed, .port, "65536"), ("1.2.3.4:065536", .needed, .port, "065536"),
        ("1.2.3.4:+1", .needed, .port, "+1"), ("1.2.3.4: 80", .needed, .port, " 80"),
        ("99999", .optional, .port, "99999"),
        ("[::1]:٨٠", .needed, .port, "٨٠"), ("[::1]:", .optional, .port, ""), ("[::1]", .needed, .port, ""),
        ("::1", .needed, .host, ":"), ("1.2.3.4", .needed, .noPort, "1.2.3.4"), ("web", .needed, .noPort, "web"),
        ("[::1", .optional, .brackets, "[::1"), ("[::1]x", .optional, .brackets, "x"),
        ("[::1]80", .needed, .brackets, "80"), ("[127.0.0.1]:80", .optional, .host, "127.0.0.1"),
        ("[]:80", .needed, .host, ""), ("[[::1]]:80", .optional, .brackets, "]:80"),
        ("1.2.3.4 ", .optional, .host, "1.2.3.4 "), ("a b:80", .needed, .host, "a b"),
        ("::1]", .optional, .host, "::1]"),
        ("fe80::1%", .optional, .host, "fe80::1%"), ("1::2::3", .optional, .host, "1::2::3"),
        ("é:80", .needed, .host, "é"), ("**:80", .needed, .host, "**"), ("\u{301}", .optional, .host, "\u{301}"),
    ]

    @Test("A mistake says what is wrong, and where", arguments: mistakeCases)
    func mistakes(text: String, rule: AddressText.PortRule, kind: AddressMistake.Kind, part: String) throws {
        let mistake = try #require(throws: AddressMistake.self) { try AddressText(parsing: text, port: rule) }
        #expect(mistake.kind == kind)
        #expect(String(decoding: Array(text.utf8)[mistake.part], as: UTF8.self) == part)
        #expect(!mistake.reason(in: text).isEmpty)
    }

    @Test("A reason names the part where that is not the whole text")
    func reasons() throws {
        func reason(_ text: String) -> String? {
            do {
                _ = try AddressText(parsing: text, port: .optional)
                return nil
            } catch {
                return error.reason(in: text)
            }
        }
        #expect(reason("a b:80") == "has no numeric IPv4 or IPv6 address, nor a socket's path: 'a b'")
        #expect(reason("a b") == "has no numeric IPv4 or IPv6 address, nor a socket's path")
        #expect(reason("a:8o") == "does not end in a port (1 to 65535, or 0 for a free one)")
        for (text, part) in [
            ("web:80", "web"), ("[fe80::1%x]:80", "fe80::1%x"), ("[fe80::1%x]", "fe80::1%x"), ("web", "web"),
        ] {
            let mistake = AddressMistake(.name, hostOf: text)
            #expect(String(decoding: Array(text.utf8)[mistake.part], as: UTF8.self) == part)
        }
    }

    @Test("A numeric host is one without brackets")
    func numericHost() {
        #expect(AddressText.Host(numeric: "1.2.3.4") == .ipv4(0x0102_0304))
        #expect(AddressText.Host(numeric: "fe80::1%eth0") == Self.local("eth0"))
        for text in ["", "[::1]", "::1]:80", "localhost", "1.2.3.4:80", "::1]:80[", "*"] {
            #expect(AddressText.Host(numeric: text) == nil, "\(text)")
        }
    }
}

@Suite("Random addresses", .timeLimit(.minutes(20)))
struct AddressTextFuzzTests {
    private static let pieces = [
        "1", "255", "256", "0", "00", ".", ":", "::", "[", "]", "%", "fe80", "ffff", "12345", "1.2.3.4", "80", "65536",
        "*",
        "unix:", "unix@", "@", "/", "x", "G", "é", "\0", "\u{10FE80}", " ", "-", "٣", "u", "=",
    ]

    @Test("Nothing traps, and where is within the text")
    func random() {
        var random = Seeded(12)
        for _ in 0..<rounds(200_000) {
            let count = Int.random(in: 0...9, using: &random)
            let text = (0..<count).map { _ in Self.pieces.randomElement(using: &random) ?? "" }.joined()
            for rule in [AddressText.PortRule.needed, .optional] {
                do {
                    _ = try AddressText(parsing: text, port: rule)
                } catch {
                    #expect(error.part.upperBound <= text.utf8.count && !error.reason(in: text).isEmpty)
                }
            }
            _ = AddressText.Host(numeric: text)
        }
    }

    @Test("Numeric addresses are what inet_pton(3) reads")
    func likeTheSystem() {
        var random = Seeded(6)
        let pieces = [
            ":", ":", "::", ".", "0", "1", "a", "fF", "00", "255", "256", "1.2.3.4", "12345", "g", "0000", "7:7:7:7",
        ]
        for _ in 0..<rounds(500_000) {
            let count = Int.random(in: 0...12, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            var four = in_addr()
            let isFour = inet_pton(AF_INET, text, &four) == 1
            #expect(IPText.ipv4(Array(text.utf8)) == (isFour ? UInt32(bigEndian: four.s_addr) : nil), "\(text)")
            var six = in6_addr()
            let isSix = inet_pton(AF_INET6, text, &six) == 1
            let found = IPText.ipv6(Array(text.utf8))
            #expect((found != nil) == isSix, "\(text)")
            guard isSix, let found else { continue }
            let (high, low) = withUnsafeBytes(of: six) {
                (
                    UInt64(bigEndian: $0.load(as: UInt64.self)),
                    UInt64(bigEndian: $0.load(fromByteOffset: 8, as: UInt64.self))
                )
            }
            #expect(found.high == high && found.low == low, "\(text)")
        }
    }
}
