import Foundation
import Testing
import Unix

@Suite("echod, a real daemon", .blocking, .timeLimit(.minutes(20)))
struct EchodTests {
    private func start(_ more: String...) throws -> (TestDaemon, SocketAddress) {
        let daemon = try TestDaemon(Product.echod)
        let outcome = try daemon.folder.run(Product.echod, daemon.files + ["-b", "127.0.0.1:0"] + more)
        #expect(outcome.code == 0, "\(outcome.errors)")
        let match = try #require(daemon.log.firstMatch(of: /listening on 127\.0\.0\.1:(\d+)/))
        return (daemon, .ipv4(0x7F00_0001, port: try #require(UInt16(match.1))))
    }

    @Test("1,500 open connections get their bytes back, and so do UDP and a second, Unix, socket")
    func manyClients() throws {
        Limits.raiseOpenFiles(to: 8192)
        let (daemon, address) = try start("--also-bind", "/tmp/dk-also-\(UUID().uuidString.prefix(8))")
        let also = try #require(daemon.log.firstMatch(of: /listening on (\/tmp\/dk-also-\S+)/)).1
        let clients = try (0..<1500).map { _ in try Client(address) }
        for (number, client) in clients.enumerated() { try client.send("client \(number)") }
        for (number, client) in clients.enumerated() {
            #expect(try client.receive("client \(number)".utf8.count) == "client \(number)")
        }
        #expect(try Client(address, .datagram).echoes("a datagram"))
        #expect(try Client(.unix(String(also))).echoes("over a Unix socket"))
        daemon.end()
        #expect((try? FileStatus(path: String(also))) == nil)
    }

    @Test("Megabytes come back whole from a slow reader")
    func bigAndSlow() throws {
        let (daemon, address) = try start()
        let client = try Client(address)
        let text = String(repeating: "0123456789abcdef", count: 200_000)
        let sender = Sender(client.socket.number, text)
        var length = 0
        var digest = 0
        var buffer = [UInt8](repeating: 0, count: 10_000)
        while length < text.utf8.count, Poll.readable(client.socket.number, timeout: .seconds(30)) {
            let count = try Descriptor.read(client.socket.number, into: &buffer)
            if count == 0 { break }
            for index in 0..<count { digest = (digest &* 31 &+ Int(buffer[index])) & 0xFFFF_FFFF }
            length += count
        }
        #expect(sender.wait())
        #expect(length == text.utf8.count)
        #expect(digest == text.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF_FFFF })
        daemon.end()
    }

    @Test("A stop drains: bytes on their way come back, then the stream ends, and new clients are refused")
    func drain() throws {
        let (daemon, address) = try start()
        let clients = try (0..<50).map { _ in try Client(address) }
        for client in clients { #expect(try client.echoes("warm")) }
        let process = try ProcessHandle(pid: try #require(daemon.pid))
        try process.send(.terminate)
        for client in clients { #expect(try client.echoes("last words")) }
        for client in clients { #expect(try client.receive(1).isEmpty) }
        #expect((try? Client(address)) == nil)
        #expect(process.waitForEnd(.seconds(30)))
        #expect(daemon.log.contains("draining 50 connections"))
        #expect(daemon.isClean)
    }

    @Test("Connections above --max-connections wait, and are served when one closes")
    func maximum() throws {
        let (daemon, address) = try start("-m", "3")
        var clients = try (0..<3).map { _ in try Client(address) }
        for client in clients { #expect(try client.echoes("in")) }
        let waiting = try Client(address)
        try waiting.send("waiting")
        #expect(!Poll.readable(waiting.socket.number, timeout: .milliseconds(100)))
        clients.removeLast()
        #expect(try waiting.receive(7) == "waiting")
        daemon.end()
    }

    @Test("A connection that says nothing for --idle-timeout is closed; one that talks stays")
    func idle() throws {
        let (daemon, address) = try start("-i", "400ms")
        let (quiet, busy) = (try Client(address), try Client(address))
        // One talks on until the other is closed.
        var isServed = true
        let isClosed = try eventually { () throws -> Bool in
            isServed = try busy.echoes("x") && isServed
            return Poll.readable(quiet.socket.number, timeout: .milliseconds(20))
        }
        #expect(isClosed && isServed)
        #expect(try quiet.receive(1).isEmpty)
        #expect(try busy.echoes("still here"))
        daemon.end()
    }

    @Test("Out of descriptors it goes on serving those who are in, without spinning, and takes more when some leave")
    func outOfDescriptors() throws {
        let daemon = try TestDaemon(Product.echod)
        let outcome = try daemon.folder.shell(
            "ulimit -n 24; exec \"$1\" -b \"$2/s\" --pid-file \"$2/d.pid\" --log-file \"$2/d.log\"",
            Product.echod, [daemon.folder.path])
        #expect(outcome.code == 0, "\(outcome.errors)")
        var clients = try (0..<40).map { _ in try Client(.unix(daemon.folder["s"])) }
        #expect(try clients[0].echoes("in"))
        #expect(eventually { daemon.log.contains("Too many open files; clients wait") })
        #expect(daemon.log.split(separator: "\n").count(where: { $0.contains("clients wait") }) < 5)
        let last = clients.removeLast()
        clients.removeAll()
        #expect(try last.echoes("in at last"))
        daemon.end()
    }

    @Test("Without a descriptor for its first client it neither spins nor fills its log, and serves when it can")
    func noDescriptorAtAll() throws {
        let daemon = try TestDaemon(Product.echod)
        #expect(try daemon.launch().code == 0)
        let pid = try #require(daemon.pid)
        // Behind its first client main is in its loop, and what the start had open for a moment is closed.
        #expect(try Client(.unix(daemon.folder["s"])).echoes("first"))
        let open = { Set(Files.names(in: "/proc/\(pid)/fd").compactMap { Int($0) }) }
        #expect(
            eventually {
                let before = open()
                Poll.pause(.milliseconds(20))
                return open() == before
            })
        // The first number that is free is none that a client may have.
        let limit = "\((0...).first { !open().contains($0) } ?? 0)"
        try limitOpenFiles(of: pid, to: limit)
        let client = try Client(.unix(daemon.folder["s"]))
        #expect(eventually { daemon.log.contains("Too many open files; clients wait times=1") }, "\(daemon.log)")
        let before = (ticks(pid), MonotonicTime.now)
        #expect(eventually { warnings(daemon).count >= 3 })
        let seconds = Double((MonotonicTime.now - before.1).inNanoseconds) / 1e9
        // A spinning server takes all of a processor, 100 ticks a second.
        #expect(Double(ticks(pid) - before.0) < 10 * max(1, seconds))
        #expect(Double(warnings(daemon).count) <= 2 + seconds)
        #expect(warnings(daemon).last?.contains(#/ times=\d+$/#) == true)
        try limitOpenFiles(of: pid, to: "1024")
        #expect(try client.echoes("in at last"))
        daemon.end()
    }

    private func warnings(_ daemon: TestDaemon) -> [Substring] {
        daemon.log.split(separator: "\n").filter { $0.contains("WARNING") }
    }

    private func limitOpenFiles(of pid: ProcessID, to limit: String) throws {
        let prlimit = try #require(Machine.find("prlimit"))
        #expect(try TestDirectory().run(prlimit, ["--pid", "\(pid)", "--nofile=\(limit):"]).code == 0)
    }

    /// Of processor time.
    private func ticks(_ pid: ProcessID) -> Int {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        let words = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        return words.count > 12 ? (Int(words[11]) ?? 0) + (Int(words[12]) ?? 0) : 0
    }

    @Test("At rest it never wakes up")
    func noWakeups() throws {
        let (daemon, address) = try start()
        #expect(try Client(address).echoes("warm"))
        let pid = try #require(daemon.pid)
        // Its client's end is handled, the look at its signals a second after the start is over, and both threads wait.
        var before = switches(pid)
        #expect(
            eventually {
                Poll.pause(.milliseconds(1500))
                defer { before = switches(pid) }
                return before == switches(pid)
            })
        Poll.pause(.seconds(3))
        #expect(switches(pid) == before)
        daemon.end()
    }

    private func switches(_ pid: ProcessID) -> Int {
        Files.names(in: "/proc/\(pid)/task").reduce(0) { sum, task in
            guard let file = try? FileDescriptor.open("/proc/\(pid)/task/\(task)/status", []) else { return sum }
            let text = String(decoding: Descriptor.contents(of: file.number, limit: 8192), as: UTF8.self)
            return sum
                + text.split(separator: "\n").filter { $0.contains("ctxt_switches") }
                .compactMap { $0.split(separator: "\t").last.flatMap { Int($0) } }.reduce(0, +)
        }
    }

    @Test("It links neither Foundation nor any package")
    func linkage() throws {
        let folder = try TestDirectory(mode: 0o755)
        let ldd = try #require(Machine.find("ldd"))
        let output = try folder.run(ldd, [Product.echod]).output
        #expect(output.contains("libc.so") && !output.contains("Foundation") && !output.contains("XCTest"))
    }
}

/// Sends on a thread of its own.
private final class Sender: Sendable {
    private let pipe: (read: Int32, write: Int32)

    init(_ socket: Int32, _ text: String) {
        let pipe = (try? FileDescriptor.pipe().release()) ?? (read: -1, write: -1)
        self.pipe = pipe
        try? Unix.Thread.start(stackSize: 1 << 20) {
            let sent = (try? Descriptor.writeAll(socket, text)) != nil
            try? Descriptor.writeAll(pipe.write, sent ? "y" : "n")
        }
    }

    func wait() -> Bool {
        var buffer: [UInt8] = [0]
        _ = try? Descriptor.read(pipe.read, into: &buffer)
        Descriptor.close(pipe.read)
        Descriptor.close(pipe.write)
        return buffer[0] == UInt8(ascii: "y")
    }
}
