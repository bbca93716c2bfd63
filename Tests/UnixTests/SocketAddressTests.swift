import Testing
import Text
import Unix

@Suite("SocketAddress", .timeLimit(.minutes(20)))
struct SocketAddressTests {
    /// What the kernel says of a datagram socket that is bound there; nil when it refuses the address.
    private static func bound(_ address: SocketAddress) throws -> SocketAddress? {
        let socket = try Socket.open(address.family, .datagram)
        if case .ipv6 = address { try Socket.set(.ipv6Only, true, of: socket.number) }
        try Socket.bind(socket.number, to: address)
        return try Socket.localAddress(socket.number)
    }

    // MARK: Through the kernel

    @Test("an IPv4 address comes back from the kernel as it was bound")
    func ipv4ThroughKernel() throws {
        var random = Seeded(4)
        for _ in 0..<500 {
            let host = 0x7F00_0000 | UInt32.random(in: 1...0xFF_FFFE, using: &random)
            let found = try #require(try Self.bound(.ipv4(host, port: 0)))
            #expect(found == .ipv4(host, port: try #require(found.port)))
            #expect(found.port != 0)
        }
    }

    @Test("an IPv4 port comes back as it was bound")
    func portThroughKernel() throws {
        let free = try #require(try Self.bound(.ipv4(0x7F01_0203, port: 0)))
        #expect(try Self.bound(free) == free)
    }

    @Test("an IPv6 address comes back from the kernel as it was bound")
    func ipv6ThroughKernel() throws {
        let found = try #require(try Self.bound(.ipv6(.init(high: 0, low: 1, scope: 0), port: 0)))
        #expect(found == .ipv6(.init(high: 0, low: 1, scope: 0), port: try #require(found.port)))
    }

    #if os(Linux)
    @Test("any unicast IPv6 address comes back as it was bound, with its port")
    func foreignIPv6ThroughKernel() throws {
        var random = Seeded(6)
        for _ in 0..<500 {
            let socket = try Socket.open(AF_INET6, .datagram)
            // IPV6_FREEBIND: an address need not be ours. ipv6(7)
            var on: Int32 = 1
            #expect(setsockopt(socket.number, Int32(IPPROTO_IPV6), 78, &on, socklen_t(4)) == 0)
            let host = SocketAddress.IPv6(high: 0x2000 << 48 | random.next() >> 4, low: random.next(), scope: 0)
            let address = SocketAddress.ipv6(host, port: UInt16.random(in: 1024 ... .max, using: &random))
            try Socket.bind(socket.number, to: address)
            #expect(try Socket.localAddress(socket.number) == address)
        }
    }
    #endif

    @Test("a path comes back as it was bound, up to the longest one")
    func pathThroughKernel() throws {
        let folder = TemporaryFolder()
        let room = SocketAddress.longestUnixPath - folder.path.utf8.count - 1
        for name in ["s", "grüße", String(repeating: "x", count: room)] {
            #expect(try Self.bound(.unix(folder[name])) == .unix(folder[name]))
            #expect(try FileStatus(path: folder[name]).kind == .socket)
        }
    }

    @Test("a path that is too long is refused, not cut short")
    func pathTooLong() throws {
        let folder = TemporaryFolder()
        let room = SocketAddress.longestUnixPath - folder.path.utf8.count - 1
        let path = folder[String(repeating: "x", count: room + 1)]
        #expect(throws: Errno.nameTooLong) { try Self.bound(.unix(path)) }
        #expect(Files.names(in: folder.path).isEmpty)
    }

    #if os(Linux)
    @Test("an abstract name comes back as it was bound, and makes no file")
    func abstractThroughKernel() throws {
        let name = "@unix-tests/\(CurrentProcess.id)"
        #expect(try Self.bound(.unix(name)) == .unix(name))
    }
    #endif

    @Test("an unbound Unix socket has an empty path")
    func unnamed() throws {
        let socket = try Socket.open(AF_UNIX, .stream)
        #expect(try Socket.localAddress(socket.number) == .unix(""))
    }

    // MARK: As text

    @Test("any IPv4 address can be read from its own text")
    func ipv4Text() throws {
        var random = Seeded(44)
        for _ in 0..<5000 {
            let (host, port) = (
                UInt32.random(in: 0 ... .max, using: &random), UInt16.random(in: 0 ... .max, using: &random)
            )
            let address = SocketAddress.ipv4(host, port: port)
            let read = try AddressText(parsing: address.description, port: .needed)
            #expect(SocketAddress(read) == address)
        }
    }

    @Test("any IPv6 address can be read from its own text")
    func ipv6Text() throws {
        var random = Seeded(66)
        for _ in 0..<5000 {
            // Many zero words: they are what the short form leaves out.
            let mask = UInt64.random(in: 0 ... .max, using: &random) & UInt64.random(in: 0 ... .max, using: &random)
            let host = SocketAddress.IPv6(
                high: random.next() & mask & 0xFFFF_0000_FFFF_FFFF, low: random.next() & ~mask,
                scope: Bool.random(using: &random) ? 0 : UInt32.random(in: 1...1_000_000, using: &random))
            let read = try AddressText(parsing: SocketAddress.ipv6(host, port: 5).description, port: .needed)
            #expect(SocketAddress(read) == .ipv6(host, port: 5))
        }
    }

    @Test(
        "addresses are written as they are known",
        arguments: [
            (.ipv4(0x7F00_0001, port: 80), "127.0.0.1:80"), (.ipv4(0, port: 0), "0.0.0.0:0"),
            (.ipv4(.max, port: .max), "255.255.255.255:65535"), (.ipv6(.any, port: 80), "[::]:80"),
            (.ipv6(.init(high: 0, low: 1, scope: 0), port: 443), "[::1]:443"),
            (.ipv6(.init(high: 0xFE80 << 48, low: 1, scope: 2), port: 1), "[fe80::1%2]:1"),
            (.ipv6(.init(high: 0x2001_0DB8 << 32, low: 0x1_0000, scope: 0), port: 7), "[2001:db8::1:0]:7"),
            (.unix("/run/x.sock"), "/run/x.sock"), (.unix("@x"), "unix:@x"),
        ] as [(SocketAddress, String)])
    func description(address: SocketAddress, text: String) { #expect(address.description == text) }

    @Test("a scope may be an interface's name or its number, and none where there is no such interface")
    func scope() throws {
        let number = try #require((1...64).first { if_nametoindex("lo") == $0 || if_nametoindex("lo0") == $0 })
        let name = if_nametoindex("lo") == 0 ? "lo0" : "lo"
        let expected = SocketAddress.ipv6(.init(high: 0xFE80 << 48, low: 1, scope: UInt32(number)), port: 9)
        for zone in [name, "\(number)", "0", "no-such-interface", "-1", "+1", "1%1", "99999999999"] {
            let read = try AddressText(parsing: "[fe80::1%\(zone)]:9", port: .needed)
            #expect(SocketAddress(read) == (zone == name || zone == "\(number)" ? expected : nil), "\(zone)")
        }
        let missing = try AddressText(parsing: "[fe80::1%no]:9", port: .needed)
        let mistake = #expect(throws: AddressMistake.self) { try SocketAddress(missing, of: "[fe80::1%no]:9") }
        #expect(mistake?.kind == .interface && mistake?.part == 1..<11)
    }

    @Test("a host's name has no address")
    func name() throws {
        let read = try AddressText(parsing: "web:9", port: .needed)
        #expect(SocketAddress(read) == nil)
        let mistake = #expect(throws: AddressMistake.self) { try SocketAddress(read, of: "web:9") }
        #expect(mistake?.kind == .name && mistake?.part == 0..<3)
    }

    @Test("only the port changes with another port, and a path has none")
    func withPort() {
        #expect(SocketAddress.ipv4(7, port: 1).with(port: 2) == .ipv4(7, port: 2))
        #expect(SocketAddress.ipv6(.any, port: 1).with(port: 2) == .ipv6(.any, port: 2))
        #expect(SocketAddress.unix("/x").with(port: 2) == .unix("/x"))
        #expect(SocketAddress.unix("/x").port == nil)
    }
}
