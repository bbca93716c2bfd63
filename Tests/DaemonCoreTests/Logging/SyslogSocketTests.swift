import Testing
import Unix

@testable import DaemonCore

/// Loggers of our own, at a path of our own.
@Suite("Syslog's sockets", .timeLimit(.minutes(20)))
struct SyslogSocketTests {
    private let folder = TemporaryFolder()
    private var path: String { folder["log"] }

    private func listen() throws -> FileDescriptor {
        let listener = try Socket.open(SocketAddress.unix(path).family, .stream)
        try Socket.bind(listener.number, to: .unix(path))
        try Socket.listen(listener.number)
        return listener
    }

    private func write(_ syslog: Syslog, _ text: String) {
        syslog.write(Array(text.utf8)) { Array("lost \($0)".utf8) }
    }

    /// What has come until now.
    private func read(_ socket: Int32) throws -> [UInt8] {
        var (bytes, buffer): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 1 << 16))
        while Poll.readable(socket, timeout: .zero), case let count = try Descriptor.read(socket, into: &buffer),
            count > 0
        { bytes += buffer[..<count] }
        return bytes
    }

    private func records(_ bytes: [UInt8]) -> [String] {
        bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    @Test("a stream gets records that end with a zero byte, and another logger behind the path gets the next ones")
    func stream() throws {
        let syslog = Syslog(path: path)
        do {
            let listener = try listen()
            for text in ["one", "two"] { write(syslog, text) }
            let peer = try Socket.accept(listener.number)
            #expect(records(try read(peer.number)) == ["one", "two"])
        }
        try Files.unlink(path)
        let listener = try listen()
        write(syslog, "three")
        let peer = try Socket.accept(listener.number)
        #expect(records(try read(peer.number)) == ["three"])
        #expect(syslog.lost.isEmpty)
    }

    @Test("what comes behind a loss is lost too until that was told: nothing is told before what came before it")
    func order() throws {
        let syslog = Syslog(path: path, queueLimit: 20)
        for text in ["fifteen letters", "fifteen letters", "abc"] { write(syslog, text) }
        let listener = try listen()
        let isTold = eventually {
            syslog.flush { Array("lost \($0)".utf8) }
            return !syslog.isWaiting
        }
        #expect(isTold)
        let peer = try Socket.accept(listener.number)
        #expect(records(try read(peer.number)) == ["fifteen letters", "lost 2"])
    }

    @Test("datagrams have no end of their own")
    func datagrams() throws {
        let socket = try Socket.open(SocketAddress.unix(path).family, .datagram)
        try Socket.bind(socket.number, to: .unix(path))
        let syslog = Syslog(path: path)
        write(syslog, "one")
        #expect(try read(socket.number) == Array("one".utf8))
    }

    @Test("a stream that nobody reads blocks nobody; every record is whole, or counted and told")
    func unread() throws {
        let listener = try listen()
        let syslog = Syslog(path: path, queueLimit: 10_000)
        let text = String(repeating: "x", count: 1000)
        for _ in 0..<2000 { write(syslog, text) }
        #expect(syslog.isWaiting && !syslog.lost.isEmpty)
        let peer = try Socket.accept(listener.number)
        var bytes: [UInt8] = []
        while syslog.isWaiting {
            bytes += try read(peer.number)
            syslog.flush { Array("lost \($0)".utf8) }
        }
        bytes += try read(peer.number)
        let records = records(bytes)
        #expect(records.last == "lost \(syslog.lost.records)")
        #expect(records.dropLast().allSatisfy { $0 == text })
        #expect(records.count - 1 + syslog.lost.records == 2000)
    }

    @Test("a record that the old logger has seen a part of goes to the new one as a whole")
    func begunTwice() throws {
        let syslog = Syslog(path: path)
        let long = String(repeating: "y", count: 4 << 20)
        do {
            let listener = try listen()
            write(syslog, long)
            let peer = try Socket.accept(listener.number)
            #expect(syslog.isWaiting && syslog.lost.isEmpty)
            _ = peer
        }
        try Files.unlink(path)
        let listener = try listen()
        syslog.flush { _ in [] }
        let peer = try Socket.accept(listener.number)
        var bytes: [UInt8] = []
        while syslog.isWaiting {
            bytes += try read(peer.number)
            syslog.flush { _ in [] }
        }
        bytes += try read(peer.number)
        #expect(records(bytes) == [long])
    }

    @Test("facility and tag stand in the records")
    func origin() {
        let record = LogRecord(level: .error, message: "m").syslog(
            WallTime(seconds: 0, microseconds: 0), name: "testd", pid: 7,
            from: Syslog.Origin(facility: .local1, tag: "other"))
        let text = String(decoding: record, as: UTF8.self)
        #expect(text.hasPrefix("<\(17 * 8 + 3)>") && text.hasSuffix(" other[7]: m"))
    }
}
