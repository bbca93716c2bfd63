import Testing
import Unix

@testable import DaemonCore

@Suite("Bind addresses", .timeLimit(.minutes(20)))
struct BindAddressTests {
    private static let loopback = SocketAddress.IPv6(high: 0, low: 1, scope: 0)

    @Test(
        "numeric addresses are read, with a port or without",
        arguments: [
            ("127.0.0.1", .ipv4(0x7F00_0001, port: 0), false), ("127.0.0.1:80", .ipv4(0x7F00_0001, port: 80), true),
            ("0.0.0.0", .ipv4(0, port: 0), false), ("255.255.255.255:65535", .ipv4(.max, port: .max), true),
            ("127.0.0.1:0", .ipv4(0x7F00_0001, port: 0), true), ("127.0.0.1:00080", .ipv4(0x7F00_0001, port: 80), true),
            ("::", .ipv6(.any, port: 0), false), ("::1", .ipv6(loopback, port: 0), false),
            ("[::1]", .ipv6(loopback, port: 0), false), ("[::1]:80", .ipv6(loopback, port: 80), true),
            ("[::]:0", .ipv6(.any, port: 0), true),
            ("::ffff:1.2.3.4", .ipv6(.init(high: 0, low: 0xFFFF_0102_0304, scope: 0), port: 0), false),
            ("2001:DB8::1", .ipv6(.init(high: 0x2001_0DB8 << 32, low: 1, scope: 0), port: 0), false),
            ("fe80::1%7", .ipv6(.init(high: 0xFE80 << 48, low: 1, scope: 7), port: 0), false),
            ("[fe80::1%7]:80", .ipv6(.init(high: 0xFE80 << 48, low: 1, scope: 7), port: 80), true),
        ] as [(String, SocketAddress, Bool)])
    func numeric(text: String, address: SocketAddress, namesPort: Bool) throws {
        let bind = try BindAddress(parsing: text)
        #expect(bind.address == address && bind.namesPort == namesPort)
        #expect(bind.description == text)
    }

    @Test(
        "no host is any IPv4 address, and is written as one",
        arguments: [
            (":80", "0.0.0.0:80", true), ("*:80", "0.0.0.0:80", true), ("80", "0.0.0.0:80", true),
            ("*", "0.0.0.0", false),
        ])
    func anyHost(text: String, written: String, namesPort: Bool) throws {
        let bind = try BindAddress(parsing: text)
        #expect(bind.address == .ipv4(0, port: namesPort ? 80 : 0))
        #expect(bind.description == written && bind.namesPort == namesPort)
    }

    #if os(Linux)
    @Test("a name without a file is no path of one")
    func abstract() throws {
        let bind = try BindAddress(parsing: "unix:@a/b")
        #expect(bind.address == .unix("@a/b") && bind.description == "unix:@a/b" && bind.path == "@a/b")
        #expect(bind.file == nil && bind.port == nil && bind.host == nil)
        #expect(BindAddress(bind.address).description == "unix:@a/b")
        let name = String(repeating: "x", count: SocketAddress.longestUnixPath - 1)
        #expect(try BindAddress(parsing: "unix:@\(name)").address == .unix("@\(name)"))
        #expect(throws: OptionMistake.self) { try BindAddress(parsing: "unix:@\(name)x") }
    }
    #endif

    @Test("a scope may be the name of an interface")
    func scopeName() throws {
        let name = if_nametoindex("lo") == 0 ? "lo0" : "lo"
        let bind = try BindAddress(parsing: "[fe80::1%\(name)]:80")
        #expect(bind.address == .ipv6(.init(high: 0xFE80 << 48, low: 1, scope: if_nametoindex(name)), port: 80))
    }

    @Test(
        "paths are read, with unix: or a slash, and are absolute",
        arguments: [
            ("/run/x.sock", "/run/x.sock"), ("unix:/run/x.sock", "/run/x.sock"), ("unix:x.sock", "./x.sock"),
            ("./x.sock", "././x.sock"), ("run/x.sock", "./run/x.sock"), ("unix:::1", "./::1"), ("/a:80", "/a:80"),
            ("unix:unix:x", "./unix:x"), ("/grüße", "/grüße"),
        ])
    func path(text: String, path: String) throws {
        let folder = try #require(Files.workingDirectory())
        let bind = try BindAddress(parsing: text)
        #expect(bind.address == .unix(path.hasPrefix("/") ? path : folder + path.dropFirst(1)))
        #expect(!bind.namesPort && bind.description == text)
    }

    @Test("the longest path that a socket can have is read, and one byte more is a mistake")
    func longPath() throws {
        let longest = "/" + String(repeating: "x", count: SocketAddress.longestUnixPath - 1)
        #expect(try BindAddress(parsing: longest).address == .unix(longest))
        for text in [longest + "x", "unix:\(longest)x", "/" + String(repeating: "ü", count: 60)] {
            let mistake = #expect(throws: OptionMistake.self) { try BindAddress(parsing: text) }
            #expect(mistake?.reason == "is longer than a socket's path can be (\(SocketAddress.longestUnixPath) bytes)")
        }
    }

    @Test(
        "names and nonsense are refused",
        arguments: [
            "localhost", "localhost:80", "example.com", "any", "", " ", ":", "::1:", "1.2.3", "99999", "unix:@",
            "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "01.2.3.4x", "0x7f000001", "127.1", "[", "]", "[]",
            "[]:80",
            "[::1", "::1]", "[::1]x", "[::1]80", "[127.0.0.1]", "[127.0.0.1]:80", "[localhost]:80", "[[::1]]:80",
            "1::2::3",
            ":::", "12345::", "fe80::1%", "fe80::1%no-such-interface", "::1%0", "１２７.0.0.1", "unix:",
        ])
    func nonsense(text: String) {
        #expect(throws: OptionMistake.self) { try BindAddress(parsing: text) }
        #expect(parse("--bind", text).mistakes.first?.hasPrefix("option '--bind': '\(text)' ") == true)
    }

    @Test(
        "a wrong port is refused, and it is said that the port is wrong",
        arguments: [
            "127.0.0.1:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:+1", "1.2.3.4:0x50", "1.2.3.4:80x", "1.2.3.4: 80",
            "[::1]:", "[::1]:70000", "[::1]:-0", "[::1]:٨٠",
        ])
    func wrongPort(text: String) {
        let mistake = #expect(throws: OptionMistake.self) { try BindAddress(parsing: text) }
        #expect(mistake?.reason == "does not end in a port (1 to 65535, or 0 for a free one)")
    }

    @Test("a path with a zero byte is refused")
    func zeroByte() { #expect(throws: OptionMistake.self) { try BindAddress(parsing: "/a\0b") } }
}
