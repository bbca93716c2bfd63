import Testing
import Unix

@testable import DaemonCore

@Suite("Listener and Connection")
struct ListenerTests {
    private let folder = TemporaryFolder()

    private func connect(_ address: SocketAddress) throws -> FileDescriptor {
        let client = try Socket.open(address.family, .stream)
        try Socket.connect(client.number, to: address)
        return client
    }

    @Test("clients are accepted one by one, and nil is nobody")
    func accept() throws {
        let listener = try Binding.listen(.stream, at: .unix(folder["s"]))
        #expect(try listener.accept() == nil)
        let client = try connect(listener.location)
        guard let connection = try listener.accept() else {
            Issue.record("nobody")
            return
        }
        var buffer = [UInt8](repeating: 0, count: 100)
        #expect(try connection.read(into: &buffer) == nil)
        try Descriptor.writeAll(client.number, "hello")
        #expect(try connection.read(into: &buffer) == 5)
        #expect(try connection.write(buffer.span.extracting(0..<5)) == 5)
        #expect(try Descriptor.read(client.number, into: &buffer) == 5)
        connection.endWriting()
        #expect(try Descriptor.read(client.number, into: &buffer) == 0)
        Socket.shutdownWriting(client.number)
        #expect(try connection.read(into: &buffer) == 0)
        #expect(try listener.accept() == nil)
        let number = connection.release()
        #expect(Descriptor.isOpen(number))
        Descriptor.close(number)
        listener.removeFile()
    }

    @Test("a client that takes nothing leaves no room, which is no error; one that is gone is an error")
    func full() throws {
        let listener = try Binding.listen(.stream, at: .unix(folder["s"]))
        let client = try connect(listener.location)
        guard let connection = try listener.accept() else { return }
        let bytes = [UInt8](repeating: 1, count: 1 << 16)
        while try connection.write(bytes.span) > 0 {}
        #expect(try connection.write(bytes.span) == 0)
        Descriptor.close(client.release())
        do {
            _ = try connection.write(bytes.span)
            Issue.record("written")
        } catch {
            #expect(error.code == .connection)
        }
        listener.removeFile()
    }

    @Test("a duplicate is the caller's: it lives and closes apart from the listener")
    func duplicate() throws {
        let listener = try Binding.listen(.stream, at: .unix(folder["s"]))
        let copy = try listener.duplicate()
        #expect(copy != listener.fileDescriptor)
        #expect(try Descriptor.isCloseOnExec(copy))
        let client = try connect(listener.location)
        Descriptor.close(try Socket.accept(copy).release())
        Descriptor.close(copy)
        #expect(try listener.accept() == nil)
        _ = client
        listener.removeFile()
    }

    @Test("a queue that somebody has made shorter is as long as before again")
    func backlog() throws {
        let listener = try Binding.listen(.stream, at: .unix(folder["s"]))
        try Socket.listen(listener.fileDescriptor, backlog: 0)
        // Where a blocking one would wait for room, this one is told.
        func client() throws -> FileDescriptor {
            let client = try Socket.open(listener.location.family, .stream)
            try Descriptor.setNonBlocking(client.number, true)
            try Socket.connect(client.number, to: listener.location)
            return client
        }
        let first = try client()
        #expect(throws: Errno.wouldBlock) { _ = try client() }
        listener.restoreBacklog()
        let second = try client()
        _ = (first.number, second.number)
        listener.removeFile()
    }

    @Test("a datagram comes with its sender, to whom an answer can be sent")
    func datagrams() throws {
        let address = SocketAddress.ipv4(0x7F00_0001, port: 0)
        let listener = try Binding.listen(.datagram, at: address)
        var buffer = [UInt8](repeating: 0, count: 100)
        #expect(try listener.receive(into: &buffer) == nil)
        let client = try Binding.listen(.datagram, at: address)
        client.send(Array("hello".utf8).span, to: listener.address)
        #expect(Poll.readable(listener.fileDescriptor, timeout: .seconds(30)))
        let datagram = try #require(try listener.receive(into: &buffer))
        #expect(datagram.count == 5 && datagram.sender?.description == client.address.description)
        listener.send(buffer.span.extracting(0..<5), to: try #require(datagram.sender))
        #expect(Poll.readable(client.fileDescriptor, timeout: .seconds(30)))
        #expect(try client.receive(into: &buffer)?.count == 5)
    }

    @Test("an address has its parts")
    func parts() throws {
        let ip = try BindAddress(parsing: "[::1]:80")
        #expect(ip.host == "::1" && ip.port == 80 && ip.path == nil)
        let plain = try BindAddress(parsing: "127.0.0.1")
        #expect(plain.host == "127.0.0.1" && plain.port == 0)
        let file = try BindAddress(parsing: "/run/x")
        #expect(file.host == nil && file.port == nil && file.path == "/run/x")
    }
}
