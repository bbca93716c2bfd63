import Testing
import Unix

@testable import DaemonCore

extension SingleThreaded {
    @Suite("Binding", .timeLimit(.minutes(20)))
    struct BindingTests {
        private let folder = TemporaryFolder()

        private func bind(_ text: String?, port: UInt16? = nil, _ kinds: [Listener.Kind] = [.stream]) throws
            -> [Listener]
        {
            try Binding.bind(try text.map { [try BindAddress(parsing: $0)] } ?? [], port: port, kinds: kinds)
        }

        private func complaint(_ text: String, port: UInt16? = nil) -> String? {
            let error = #expect(throws: DaemonError.self) { try bind(text, port: port) }
            #expect(error?.code == .listener)
            return error?.message
        }

        private func canConnect(_ address: SocketAddress) throws -> Bool {
            let client = try Socket.open(address.family, .stream)
            return (try? Socket.connect(client.number, to: address)) != nil
        }

        // MARK: Ports

        @Test("a listener listens, non-blocking and close-on-exec, and tells its address")
        func listens() throws {
            let listener = try #require(try bind("127.0.0.1").first)
            let port = try #require(listener.port)
            #expect(
                listener.address.description == "127.0.0.1:\(port)" && listener.name == "\(listener.address)"
                    && port > 0)
            #expect(fcntl(listener.fileDescriptor, F_GETFD) == FD_CLOEXEC)
            #expect(fcntl(listener.fileDescriptor, F_GETFL) & O_NONBLOCK != 0)
            #expect(try canConnect(.ipv4(0x7F00_0001, port: port)))
        }

        @Test("without an address it is the any-address, for IPv4 as well")
        func anyAddress() throws {
            let listener = try #require(try bind(nil).first)
            let port = try #require(listener.port)
            #expect(try canConnect(.ipv4(0x7F00_0001, port: port)))
            #expect("\(listener.address)" == "[::]:\(port)" || "\(listener.address)" == "0.0.0.0:\(port)")
        }

        @Test("stream and datagram get the same port, if it is a free one too")
        func bothKinds() throws {
            for text in [nil, "127.0.0.1", "[::1]:0"] {
                let listeners = try bind(text, [.stream, .datagram])
                #expect(listeners.map(\.kind) == [.stream, .datagram])
                #expect(listeners[0].port == listeners[1].port && listeners[0].port != 0)
            }
        }

        @Test("every --bind has its sockets, and where one fails none is left")
        func several() throws {
            let binds = try ["127.0.0.1", "[::1]:0", folder["one"], folder["two"]].map { try BindAddress(parsing: $0) }
            let listeners = try Binding.bind(binds, port: 0, kinds: [.stream, .datagram])
            #expect(listeners.map(\.kind) == [.stream, .datagram, .stream, .datagram, .stream, .stream])
            #expect(Files.names(in: folder.path).sorted() == ["one", "two"])
            for listener in listeners { listener.removeFile() }
            let wrong = try [folder["three"], "192.0.2.1:80"].map { try BindAddress(parsing: $0) }
            #expect(throws: DaemonError.self) { try Binding.bind(wrong, port: nil, kinds: [.stream]) }
            #expect(Files.names(in: folder.path).isEmpty)
        }

        @Test("a port of --bind goes before the daemon's, and without one the daemon's is taken")
        func ports() throws {
            let free = try #require(try bind("127.0.0.1").first?.port)
            #expect(try bind("127.0.0.1", port: free)[0].port == free)
            #expect(try bind("127.0.0.1:0", port: 1)[0].port != 1)
        }

        @Test("a port in use and a foreign address are named with the system's reason")
        func refused() throws {
            let first = try #require(try bind("127.0.0.1").first)
            #expect(complaint("\(first.address)") == "cannot bind \(first.address): Address already in use")
            #expect(complaint("192.0.2.1", port: 80) == "cannot bind 192.0.2.1:80: Cannot assign requested address")
        }

        @Test("a listener that stops refuses connections, and its file is gone")
        func stops() throws {
            let listener = try #require(try bind(folder["socket"]).first)
            #expect(try canConnect(listener.location))
            listener.stopListening()
            #expect(try !canConnect(listener.location))
            #expect(Files.names(in: folder.path).isEmpty)
        }

        // MARK: Socket files

        @Test("a stale socket file is replaced")
        func stale() throws {
            do {
                let dead = try Socket.open(AF_UNIX, .stream)
                try Socket.bind(dead.number, to: .unix(folder["socket"]))
            }
            // A program that another test starts just now may hold the dead one until its exec, which listens to nobody.
            let listener = try #require(try bind(folder["socket"]).first)
            #expect(try canConnect(.unix(folder["socket"])))
            listener.removeFile()
            #expect(Files.names(in: folder.path).isEmpty)
        }

        @Test("a live socket file is an error and stays")
        func live() throws {
            let first = try #require(try bind(folder["socket"]).first)
            #expect(complaint(folder["socket"]) == "cannot bind \(folder["socket"]): Address already in use")
            #expect(try canConnect(first.location))
        }

        @Test("a live one with a full queue is live")
        func fullQueue() throws {
            let server = try Socket.open(AF_UNIX, .stream)
            try Socket.bind(server.number, to: .unix(folder["socket"]))
            listen(server.number, 0)
            var clients: [Int32] = []
            defer { for client in clients { Descriptor.close(client) } }
            for _ in 0..<4 {
                clients.append(try Socket.open(AF_UNIX, .stream).release())
                try Descriptor.setNonBlocking(clients[clients.count - 1], true)
                try? Socket.connect(clients[clients.count - 1], to: .unix(folder["socket"]))
            }
            #expect(complaint(folder["socket"])?.hasSuffix(": Address already in use") == true)
            #expect(try FileStatus(path: folder["socket"]).kind == .socket)
        }

        @Test("a live socket of the other kind is an error and stays")
        func otherKind() throws {
            let server = try Socket.open(AF_UNIX, .datagram)
            try Socket.bind(server.number, to: .unix(folder["socket"]))
            #expect(complaint(folder["socket"])?.hasPrefix("cannot bind \(folder["socket"]): ") == true)
            #expect(try FileStatus(path: folder["socket"]).kind == .socket)
        }

        @Test("a regular file, a folder, a link and a fifo in the way are errors and stay")
        func inTheWay() throws {
            try folder.write("precious", to: "file")
            try Files.makeDirectory(folder["folder"], mode: 0o700)
            symlink(folder["none"], folder["link"])
            mkfifo(folder["fifo"], 0o600)
            for (name, kind) in [
                ("file", "a regular file"), ("folder", "a directory"), ("link", "a symbolic link"), ("fifo", "a fifo"),
            ] {
                #expect(complaint(folder[name]) == "cannot bind \(folder[name]): \(kind) is in the way")
            }
            #expect(Set(Files.names(in: folder.path)) == ["file", "folder", "link", "fifo"])
            #expect(try folder.contents("file") == "precious")
        }

        @Test("a missing folder is named")
        func missingFolder() {
            let path = folder["none/socket"]
            #expect(complaint(path) == "cannot bind \(path): No such file or directory")
        }

        @Test("a successor's socket file is not removed")
        func successor() throws {
            let listener = try #require(try bind(folder["socket"]).first)
            try Files.unlink(folder["socket"])
            let next = try #require(try bind(folder["socket"]).first)
            listener.removeFile()
            #expect(try canConnect(next.location))
        }
    }
}
