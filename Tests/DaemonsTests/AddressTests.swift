import Foundation
import Testing
import Unix

@Suite("Addresses: bound, handed down, refused", .blocking, .timeLimit(.minutes(20)))
struct AddressTests {
    private func port(in log: String) -> UInt16? {
        guard let match = log.firstMatch(of: /listening on [^\n ]*:(\d+)/) else { return nil }
        return UInt16(match.1)
    }

    @Test("A busy port and a foreign address reach the launcher by name, and leave nothing")
    func busy() throws {
        let busy = try Socket.open(AF_INET, .stream)
        try Socket.bind(busy.number, to: .ipv4(0x7F00_0001, port: 0))
        try Socket.listen(busy.number)
        let taken = try #require(try Socket.localAddress(busy.number)?.port)
        for (address, cause) in [
            ("127.0.0.1:\(taken)", "Address already in use"), ("192.0.2.1:80", "Cannot assign requested address"),
            ("[2001:db8::1]:80", "Cannot assign requested address"),
        ] {
            let daemon = try TestDaemon(Product.echod)
            let outcome = try daemon.launch("-b", address)
            #expect(outcome.code == 1)
            #expect(outcome.errors == "Error when starting the daemon process: cannot bind \(address): \(cause)\n")
            #expect(daemon.isClean)
            #expect(
                daemon.log.contains(" ERROR Error when starting the daemon process: cannot bind \(address): \(cause)\n")
            )
        }
    }

    @Test("Without --bind it listens at any address, both families; TCP and UDP share the port")
    func anyAddress() throws {
        let daemon = try TestDaemon(Product.echod)
        let probe = try Socket.open(AF_INET, .stream)
        try Socket.bind(probe.number, to: .ipv4(0x7F00_0001, port: 0))
        let free = try #require(try Socket.localAddress(probe.number)?.port)
        Descriptor.close(probe.release())
        let outcome = try daemon.folder.run(Product.echod, daemon.files + ["-p", "\(free)"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try Client(.ipv4(0x7F00_0001, port: free)).echoes("over IPv4"))
        if daemon.log.contains("[::]") {
            #expect(try Client(.ipv6(.init(high: 0, low: 1, scope: 0), port: free)).echoes("over IPv6"))
        }
        daemon.end()
    }

    @Test("A stale socket file is replaced; a live one and a regular file are errors and stay")
    func socketFiles() throws {
        let daemon = try TestDaemon(Product.echod)
        let path = daemon.folder["s"]
        let stale = try Socket.open(AF_UNIX, .stream)
        try Socket.bind(stale.number, to: .unix(path))
        Descriptor.close(stale.release())
        #expect(try daemon.launch().code == 0)
        #expect(try Client(.unix(path)).echoes("hello"))
        let other = try TestDaemon(Product.echod)
        let live = try other.launch("-b", path)
        #expect(live.code == 1 && live.errors.contains("cannot bind \(path): Address already in use"))
        #expect(try Client(.unix(path)).echoes("still there"))
        daemon.end()
        #expect(!daemon.folder.exists("s"))
        try daemon.folder.write("s", "precious")
        let regular = try daemon.launch()
        #expect(regular.code == 1 && regular.errors.contains("cannot bind \(path): a regular file is in the way"))
        #expect(daemon.folder.read("s") == "precious")
    }

    #if os(Linux)
    @Test(
        "unix:@name is a socket without a file: alone, under --workers and handed down",
        arguments: [[], ["--workers=2"]])
    func abstract(more: [String]) throws {
        let daemon = try TestDaemon(Product.echod)
        let name = "@echod-test-\(CurrentProcess.id)-\(more.count)"
        let files = daemon.files + ["--chdir", daemon.folder.path]
        let outcome = try daemon.folder.run(Product.echod, files + ["-b", "unix:\(name)"] + more)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(daemon.log.contains("listening on unix:\(name)\n"), "\(daemon.log)")
        #expect(try Client(.unix(name)).echoes("hello"))
        let other = try TestDaemon(Product.echod)
        let live = try other.launch("-b", "unix:\(name)")
        #expect(live.code == 1 && live.errors.contains("cannot bind unix:\(name): Address already in use"))
        let left = Files.names(in: daemon.folder.path).filter { $0.contains("echod-test") || $0.hasPrefix("unix:") }
        #expect(left.isEmpty)
        daemon.end()
        #expect(throws: Errno.connectionRefused) { try Client(.unix(name)) }
    }

    @Test(
        "A socket without a file is taken from SERVER_STARTER_PORT and LISTEN_FDS",
        arguments: ["SERVER_STARTER_PORT", "LISTEN_FDS", "wrong"])
    func abstractHandedDown(variable: String) throws {
        let name = "@handed-\(CurrentProcess.id)-\(variable)"
        let socket = try Socket.open(AF_UNIX, .stream)
        try Socket.bind(socket.number, to: .unix(name))
        try Socket.listen(socket.number)
        let environment = [
            "SERVER_STARTER_PORT": ["SERVER_STARTER_PORT": "unix:\(name)=3"], "LISTEN_FDS": ["LISTEN_FDS": "1"],
            "wrong": ["SERVER_STARTER_PORT": "unix:\(name)x=3"],
        ][variable]
        let daemon = try TestDaemon(Product.echod)
        let running = try daemon.folder.start(
            Product.echod, daemon.files + ["-f"], environment: environment ?? [:],
            descriptors: [(3, socket.number)])
        guard variable != "wrong" else {
            #expect(running.wait() == .exited(1))
            #expect(running.standardError.contains("is bound to unix:\(name)\n"), "\(running.standardError)")
            return
        }
        #expect(try Client(.unix(name)).echoes("handed down"))
        #expect(daemon.log.contains("listening on unix:\(name)"))
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
    }
    #endif

    @Test(":PORT and PORT are any IPv4 address", arguments: [":", "*:", ""])
    func portAlone(before: String) throws {
        let daemon = try TestDaemon(Product.echod)
        #expect(try daemon.launch("-b", "\(before)0").code == 0)
        let found = try #require(daemon.log.firstMatch(of: /listening on 0\.0\.0\.0:(\d+)\n/))
        #expect(try Client(.ipv4(0x7F00_0001, port: #require(UInt16(found.1)))).echoes("hello"))
        daemon.end()
    }

    @Test("At the end only the daemon's own socket file is removed")
    func successorsSocket() throws {
        let daemon = try TestDaemon(Product.echod)
        #expect(try daemon.launch().code == 0)
        #expect(unlink(daemon.folder["s"]) == 0)
        try daemon.folder.write("s", "another's")
        daemon.end()
        #expect(daemon.folder.read("s") == "another's")
    }

    @Test("Sockets are taken from SERVER_STARTER_PORT and LISTEN_FDS, in this order, and named")
    func handedDown() throws {
        let first = try Listening()
        let second = try Listening()
        for (environment, port) in [
            (["SERVER_STARTER_PORT": "127.0.0.1:\(first.port)=7", "SERVER_STARTER_GENERATION": "4"], first.port),
            (["LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"], second.port),
            (["SERVER_STARTER_PORT": "127.0.0.1:\(first.port)=7", "LISTEN_FDS": "1"], first.port),
        ] {
            let daemon = try TestDaemon(Product.echod)
            let running = try daemon.folder.start(
                Product.echod, daemon.files + ["-f"], environment: environment,
                descriptors: [(7, first.socket.number), (3, second.socket.number)])
            #expect(try Client(.ipv4(0x7F00_0001, port: port)).echoes("handed down"))
            #expect(daemon.log.contains("listening on 127.0.0.1:\(port)"))
            running.send(.terminate)
            #expect(running.wait() == .exited(0))
        }
    }

    @Test(
        "What is handed down is checked before use, and the error names variable and descriptor",
        arguments: [
            (["LISTEN_FDS": "x"], "LISTEN_FDS='x' is not a number of descriptors"),
            (["LISTEN_FDS": "1"], "LISTEN_FDS: descriptor 3 does not listen"),
            (["LISTEN_FDS": "3"], "LISTEN_FDS: descriptor 3 does not listen"),
            (["SERVER_STARTER_PORT": "80"], "'80' is not of the form ADDRESS=DESCRIPTOR"),
            (["SERVER_STARTER_PORT": "80=99"], "SERVER_STARTER_PORT: descriptor 99 ('80'): Bad file descriptor"),
            (["SERVER_STARTER_PORT": "80=1"], "descriptor 1 ('80'): Socket operation on non-socket"),
            (["SERVER_STARTER_PORT": "9=7"], "descriptor 7 ('9') is bound to 127.0.0.1:"),
        ])
    func handedDownWrong(environment: [String: String], text: String) throws {
        let listening = try Listening()
        let mute = try Socket.open(AF_INET, .stream)
        try Socket.bind(mute.number, to: .ipv4(0x7F00_0001, port: 0))
        let daemon = try TestDaemon(Product.echod)
        let running = try daemon.folder.start(
            Product.echod, daemon.arguments(["-f"]), environment: environment,
            descriptors: [(3, mute.number), (7, listening.socket.number)])
        #expect(running.wait() == .exited(1))
        #expect(running.standardError.contains(text), "\(running.standardError)")
        #expect(daemon.isClean && !daemon.folder.exists("d.log"))
    }

    @Test("LISTEN_FDS for another process is not ours")
    func othersListenFDs() throws {
        let daemon = try TestDaemon(Product.echod)
        let outcome = try daemon.launch(environment: ["LISTEN_FDS": "2", "LISTEN_PID": "1"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try Client(.unix(daemon.folder["s"])).echoes("own socket"))
        daemon.end()
    }
}

/// A bound TCP socket that waits for clients, as a superdaemon holds it.
final class Listening {
    let socket: FileDescriptor
    let port: UInt16

    init() throws {
        socket = try Socket.open(AF_INET, .stream)
        try Socket.bind(socket.number, to: .ipv4(0x7F00_0001, port: 0))
        try Socket.listen(socket.number)
        port = try Socket.localAddress(socket.number)?.port ?? 0
    }
}

/// A client of echod.
final class Client {
    let socket: FileDescriptor

    init(_ address: SocketAddress, _ kind: SocketKind = .stream) throws {
        socket = try Socket.open(address.family, kind)
        try Socket.connect(socket.number, to: address)
    }

    func send(_ text: String) throws { try Descriptor.writeAll(socket.number, text) }

    /// What comes, until `count` bytes are there or the stream ends.
    func receive(_ count: Int) throws -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while bytes.count < count {
            guard Poll.readable(socket.number, timeout: .seconds(30)) else { break }
            let length = try Descriptor.read(socket.number, into: &buffer)
            if length == 0 { break }
            bytes += buffer[..<length]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func echoes(_ text: String) throws -> Bool {
        try send(text)
        return try receive(text.utf8.count) == text
    }
}
