import Testing
import Unix

@Suite("Sockets", .timeLimit(.minutes(20)))
struct SocketTests {
    private let folder = TemporaryFolder()

    private func listening() throws -> FileDescriptor {
        let socket = try Socket.open(AF_UNIX, .stream)
        try Socket.bind(socket.number, to: .unix(folder["socket"]))
        try Socket.listen(socket.number)
        return socket
    }

    private func connected() throws -> FileDescriptor {
        let socket = try Socket.open(AF_UNIX, .stream)
        try Socket.connect(socket.number, to: .unix(folder["socket"]))
        return socket
    }

    @Test("stream and datagram are told apart", arguments: [AF_INET, AF_INET6, AF_UNIX])
    func kinds(family: Int32) throws {
        for kind in [SocketKind.stream, .datagram] {
            let socket = try Socket.open(family, kind)
            #expect(try Socket.kind(socket.number) == kind)
        }
    }

    @Test("what is no socket has no kind, and says why")
    func noSocket() throws {
        let file = try FileDescriptor.open("/dev/null", [])
        #expect(throws: Errno(rawValue: ENOTSOCK)) { try Socket.kind(file.number) }
        #expect(throws: Errno.badDescriptor) { try Socket.kind(-1) }
        #expect(!Socket.isListening(file.number))
    }

    @Test("only a socket that listens is listening")
    func isListening() throws {
        let socket = try Socket.open(AF_INET, .stream)
        try Socket.bind(socket.number, to: .ipv4(0x7F00_0001, port: 0))
        #expect(!Socket.isListening(socket.number))
        try Socket.listen(socket.number)
        #expect(Socket.isListening(socket.number))
    }

    @Test("a connection is accepted non-blocking and close-on-exec, and bytes go both ways")
    func accept() throws {
        let listener = try listening()
        let client = try connected()
        let server = try Socket.accept(listener.number)
        #expect(fcntl(server.number, F_GETFD) == FD_CLOEXEC)
        #expect(fcntl(server.number, F_GETFL) & O_NONBLOCK != 0)
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(try Socket.send(client.number, Array("ping".utf8).span) == 4)
        #expect(try Descriptor.read(server.number, into: &buffer) == 4)
        #expect(try Socket.send(server.number, Array("pong!".utf8).span) == 5)
        #expect(try Descriptor.read(client.number, into: &buffer) == 5)
        #expect(String(decoding: buffer[..<5], as: UTF8.self) == "pong!")
    }

    @Test("accepting where nobody waits would block")
    func nobody() throws {
        let listener = try listening()
        try Descriptor.setNonBlocking(listener.number, true)
        #expect(throws: Errno.wouldBlock) { _ = try Socket.accept(listener.number) }
    }

    @Test("a socket that does not listen refuses")
    func refused() throws {
        let socket = try Socket.open(AF_UNIX, .stream)
        try Socket.bind(socket.number, to: .unix(folder["socket"]))
        #expect(throws: Errno.connectionRefused) { _ = try connected() }
    }

    @Test("a client of the other kind is refused")
    func wrongKind() throws {
        let listener = try listening()
        let client = try Socket.open(AF_UNIX, .datagram)
        #expect(throws: Errno.wrongProtocol) { try Socket.connect(client.number, to: .unix(folder["socket"])) }
        _ = listener
    }

    @Test("an address in use is an error")
    func inUse() throws {
        let first = try Socket.open(AF_INET, .stream)
        try Socket.bind(first.number, to: .ipv4(0x7F00_0001, port: 0))
        try Socket.listen(first.number)
        let second = try Socket.open(AF_INET, .stream)
        let taken = try #require(try Socket.localAddress(first.number))
        #expect(throws: Errno.addressInUse) { try Socket.bind(second.number, to: taken) }
    }

    @Test("a foreign address is an error")
    func foreign() throws {
        let socket = try Socket.open(AF_INET, .stream)
        #expect(throws: Errno.addressNotAvailable) { try Socket.bind(socket.number, to: .ipv4(0xC000_0201, port: 0)) }
    }

    @Test("the user at the other end is who connected, whoever he becomes", .enabled(if: CurrentProcess.userID == 0))
    func peerUser() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            chmod(folder.path, 0o755)
            let address = SocketAddress.unix(folder["s"])
            let listener = try Socket.open(AF_UNIX, .stream)
            try Socket.bind(listener.number, to: address)
            chmod(folder["s"], 0o666)
            try Socket.listen(listener.number)
            for user in [UserID(0), 54321] {
                let child = forked {
                    if user != 0 { seteuid(user) }
                    guard let socket = try? Socket.open(AF_UNIX, .stream) else { CurrentProcess.exitNow(1) }
                    let isConnected = (try? Socket.connect(socket.number, to: address)) != nil
                    _ = setuid(0)
                    CurrentProcess.exitNow(isConnected ? 0 : 2)
                }
                #expect(Poll.readable(listener.number, timeout: .seconds(20)))
                let connection = try Socket.accept(listener.number)
                #expect(try Socket.peerUser(connection.number) == user)
                #expect(try Child.reap(child, waiting: true) == .exited(0))
            }
        }
    }

    @Test("sending to a peer that is gone raises no signal")
    func noSignal() throws {
        let listener = try listening()
        let client = try connected()
        do { _ = try Socket.accept(listener.number) }
        #expect(throws: Errno.brokenPipe) {
            while true { _ = try Socket.send(client.number, [UInt8](repeating: 0, count: 1024).span) }
        }
    }

    @Test("sending to a peer that does not read would block, and does not")
    func neverWaits() throws {
        let listener = try listening()
        let client = try connected()
        let server = try Socket.accept(listener.number)
        #expect(throws: Errno.wouldBlock) {
            while true { _ = try Socket.send(client.number, [UInt8](repeating: 0, count: 65536).span) }
        }
        _ = server
    }

    @Test("a listener that stops refuses new connections")
    func stopListening() throws {
        let listener = try listening()
        Socket.stopListening(listener.number)
        #expect(throws: Errno.connectionRefused) { _ = try connected() }
    }

    @Test("the end of one direction leaves the other open")
    func shutdownWriting() throws {
        let listener = try listening()
        let client = try connected()
        let server = try Socket.accept(listener.number)
        Socket.shutdownWriting(client.number)
        var buffer = [UInt8](repeating: 0, count: 4)
        #expect(try Descriptor.read(server.number, into: &buffer) == 0)
        #expect(try Socket.send(server.number, [1].span) == 1)
        #expect(try Descriptor.read(client.number, into: &buffer) == 1)
    }

    @Test("a datagram goes back to where it came from, and none waiting would block")
    func datagrams() throws {
        let server = try Socket.open(AF_INET, .datagram)
        try Socket.bind(server.number, to: .ipv4(0x7F00_0001, port: 0))
        let client = try Socket.open(AF_INET, .datagram)
        try Socket.connect(client.number, to: try #require(try Socket.localAddress(server.number)))
        var buffer = [UInt8](repeating: 0, count: 2048)
        #expect(throws: Errno.wouldBlock) { try Socket.receiveDatagram(server.number, into: &buffer) }

        #expect(try Socket.send(client.number, Array("datagram".utf8).span) == 8)
        #expect(Poll.readable(server.number, timeout: .seconds(20)))
        let (count, sender) = try Socket.receiveDatagram(server.number, into: &buffer)
        #expect(count == 8)
        try Socket.sendDatagram(server.number, buffer.span.extracting(0..<count), to: try #require(sender))
        #expect(Poll.readable(client.number, timeout: .seconds(20)))
        #expect(try Descriptor.read(client.number, into: &buffer) == 8)
        #expect(String(decoding: buffer[..<8], as: UTF8.self) == "datagram")
    }

    @Test("the any-address serves IPv4 too where it is not IPv6 only, and then does not")
    func dualStack() throws {
        for isOnly in [false, true] {
            let server = try Socket.open(AF_INET6, .stream)
            try Socket.set(.ipv6Only, isOnly, of: server.number)
            try Socket.bind(server.number, to: .ipv6(.any, port: 0))
            try Socket.listen(server.number)
            let port = try #require(try Socket.localAddress(server.number)?.port)
            let client = try Socket.open(AF_INET, .stream)
            let isConnected = (try? Socket.connect(client.number, to: .ipv4(0x7F00_0001, port: port))) != nil
            #expect(isConnected == !isOnly)
        }
    }
}
