import Foundation
import Testing
import Unix

/// Clients that do what they should not, and many of them.
@Suite("Sessions of start_server's control socket", .serialized, .blocking, .timeLimit(.minutes(20)))
struct StartServerSessionTests {
    /// That it sleeps when it has nothing to do: it neither works nor wakes.
    private func isIdle(_ server: StartServer) -> Bool {
        eventually(within: .seconds(20)) {
            let before = (server.ticks, server.switches)
            // No wait for something, but the time for which nothing may happen.
            Poll.pause(.milliseconds(200))
            return before == (server.ticks, server.switches)
        }
    }

    @Test("with a thousand idle sessions one more is served, and a reload succeeds")
    func thousand() throws {
        #expect(Limits.raiseOpenFiles(to: 4096) >= 2048)
        let server = try StartServer()
        defer { server.end() }
        let sessions = try (0..<1000).map { _ in try Session(server) }
        #expect(try server.ask("show version").hasPrefix("start_server "))
        #expect(try server.ask("reload").hasPrefix("Success=1\n--\n"))
        #expect(isIdle(server))
        for session in [sessions[0], sessions[500], sessions[999]] {
            try session.send("show version\n")
            #expect(try session.readToEnd().hasPrefix("start_server "))
        }
        let before = server.openDescriptors
        for session in sessions { session.close() }
        #expect(eventually { server.openDescriptors < before - 900 })
    }

    @Test("beyond its limit the session that was silent for longest makes room")
    func limit() throws {
        let server = try StartServer(under: ["/bin/sh", "-c", "ulimit -n 256; exec \"$@\"", "sh"])
        defer { server.end() }
        let first = try Session(server)
        var others: [Session] = []
        for _ in 0..<300 {
            others.append(try Session(server))
            #expect(try server.ask("show version").hasPrefix("start_server "))
        }
        #expect(first.isEnded())
        #expect(isIdle(server))
    }

    @Test(
        "without a free descriptor it does not spin, and serves again when there is one", arguments: [14, 16, 18, 20])
    func noDescriptor(limit: Int) throws {
        let server = try StartServer(under: ["/bin/sh", "-c", "ulimit -n \(limit); exec \"$@\"", "sh"])
        defer { server.end() }
        let sessions = try (0..<40).map { _ in try Session(server) }
        #expect(isIdle(server))
        for session in sessions { session.close() }
        #expect(try server.ask("show version").hasPrefix("start_server "))
    }

    @Test("a client that never reads is dropped, while others are answered")
    func neverReads() throws {
        let server = try StartServer()
        defer { server.end() }
        let session = try Session(server)
        try session.send("prompt\n")
        let lines = Array(String(repeating: "help\n", count: 2000).utf8)
        // It is dropped when it has read nothing for ten seconds; meanwhile nothing more is read from it either.
        let isDropped = eventually {
            #expect((try? server.ask("show version"))?.hasPrefix("start_server ") == true)
            do {
                _ = try session.sendSome(lines)
                return false
            } catch {
                return error as? Errno != .wouldBlock
            }
        }
        #expect(isDropped)
        #expect(try server.ask("reload").hasPrefix("Success=1\n--\n"))
        #expect(isIdle(server))
    }

    @Test("a client that does not read and sends no more costs nothing")
    func neverReadsNorSends() throws {
        let server = try StartServer()
        defer { server.end() }
        let session = try Session(server)
        try session.send("prompt\n\(String(repeating: "help\n", count: 1500))")
        #expect(isIdle(server))
        #expect(try server.ask("show version").hasPrefix("start_server "))
        // What it is owed comes when it reads.
        try session.send("quit\n")
        #expect(try session.readToEnd().components(separatedBy: "valid at this level").count == 1501)
    }

    @Test("a client that goes while its command runs neither makes it spin nor ends it", arguments: [false, true])
    func goesAway(isHalfClosed: Bool) throws {
        // Each start takes half a second: the answers come long after the clients have gone.
        let server = try StartServer(["--interval=0.5"])
        defer { server.end() }
        for _ in 0..<20 {
            let session = try Session(server)
            try session.send("reload\n")
            if isHalfClosed { session.shutdownWriting() }
            session.close()
        }
        let before = (server.ticks, server.switches)
        #expect(try server.ask("reload").hasPrefix("Success=1\n--\n"))
        // Two rounds or three, a hundred clock ticks a second: spinning would be fifty each.
        #expect(server.ticks - before.0 < 20 && server.switches - before.1 < 500)
        #expect(isIdle(server))
        #expect(eventually { server.workers.count == 1 })
    }

    @Test("a client that goes in the middle of everything leaves nothing open")
    func churn() throws {
        let server = try StartServer()
        defer { server.end() }
        let before = server.openDescriptors
        for text in [
            "", "sh", "show version\n", "prompt\nshow ver", "nonsense\n", "a <<E\nx", "reload\nreload\n", "\0\n",
        ] {
            for _ in 0..<50 {
                let session = try Session(server)
                try session.send(text)
            }
        }
        #expect(try server.ask("show version").hasPrefix("start_server "))
        #expect(eventually { server.openDescriptors == before })
    }

    @Test("random bytes do no harm", arguments: 0..<4)
    func randomBytes(seed: Int) throws {
        let server = try StartServer()
        defer { server.end() }
        var random = Numbers(state: UInt64(seed))
        for _ in 0..<100 {
            let session = try Session(server)
            let bytes = (0..<Int.random(in: 0..<3000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            _ = try? session.sendSome(bytes)
            if Bool.random(using: &random) { session.shutdownWriting() }
        }
        #expect(try server.ask("show version").hasPrefix("start_server "))
    }

    // MARK: Upgrades

    @Test("an upgrade is answered to whoever asked, by the new image, and the worker stays")
    func upgrade() throws {
        let server = try StartServer()
        defer { server.end() }
        let workers = server.workers
        #expect(try server.ask("upgrade").hasPrefix("Success=1\n--\n"))
        #expect(server.log.contains("upgraded start_server (pid:\(server.pid))"))
        #expect(server.workers == workers)
        #expect(try FileStatus(path: server.folder["control"]).mode == 0o600)
    }

    @Test("what stands behind an upgrade in its line is answered by the new image")
    func behindUpgrade() throws {
        let server = try StartServer()
        defer { server.end() }
        let version = try server.ask("show version")
        let answers = try server.ask("upgrade;show version;show version")
        #expect(answers.hasPrefix("Success=1\n--\n") && answers.hasSuffix("\n\n\(version)\(version)"))
    }

    @Test("idle sessions survive it: one that has not asked, one in the middle of a line, one with a prompt")
    func idleSessions() throws {
        let server = try StartServer()
        defer { server.end() }
        let version = try server.ask("show version")
        let (silent, halfway, interactive) = (try Session(server), try Session(server), try Session(server))
        try halfway.send("show ver")
        try interactive.send("prompt\n")
        try interactive.expect("\nmaster> ")
        #expect(try server.ask("show version;upgrade").hasPrefix("\(version)Success=1\n--\n"))
        #expect(silent.isQuiet && halfway.isQuiet && interactive.isQuiet)
        try silent.send("show version\n")
        #expect(try silent.readToEnd() == version)
        try halfway.send("sion\n")
        #expect(try halfway.readToEnd() == version)
        try interactive.send("show version\n")
        try interactive.expect("\(version)master> ")
    }

    @Test("sessions that wait for a reload get their answer from the new image")
    func waitingSessions() throws {
        let server = try StartServer(["--interval=0.3"])
        defer { server.end() }
        let session = try Session(server)
        try session.send("prompt\nreload\n")
        try session.expect("\nmaster> ")
        let upgrade = try Session(server)
        try upgrade.send("upgrade\n")
        try session.expectSuccess()
        #expect(try upgrade.readToEnd().hasPrefix("Success=1\n--\n"))
        try session.send("show version\n")
        #expect(try session.answer().hasPrefix("start_server "))
    }

    @Test("what a slow reader has not read yet survives it, to the byte")
    func unread() throws {
        let server = try StartServer()
        defer { server.end() }
        let help = try server.ask("help")
        let session = try Session(server)
        try session.send("prompt\n\(String(repeating: "help\n", count: 1500))quit\n")
        #expect(try server.ask("upgrade").hasPrefix("Success=1\n--\n"))
        #expect(try session.readToEnd() == "\nmaster> \(String(repeating: "\(help)master> ", count: 1500))\n")
    }

    @Test("an upgrade without the socket's file leaves no session hanging")
    func removedFile() throws {
        let server = try StartServer()
        let session = try Session(server)
        try session.send("prompt\n")
        try session.expect("\nmaster> ")
        #expect(unlink(server.folder["control"]) == 0)
        server.running.send(.user2)
        #expect(eventually { server.log.contains("upgraded start_server") })
        try session.send("show version\nquit\n")
        #expect(session.isEnded(within: .seconds(10)))
        server.end()
    }

    @Test("twenty upgrades with sessions leave no descriptor")
    func twentyUpgrades() throws {
        let server = try StartServer()
        defer { server.end() }
        let session = try Session(server)
        try session.send("prompt\n")
        try session.expect("\nmaster> ")
        #expect(try server.ask("upgrade").hasPrefix("Success=1\n--\n"))
        #expect(isIdle(server))
        let before = server.openDescriptors
        for _ in 0..<20 {
            try session.send("upgrade\n")
            try session.expectSuccess()
        }
        #expect(eventually { server.openDescriptors == before })
    }

    @Test(
        "an upgrade that is refused is told why, and nothing has changed", .enabled(if: Machine.has("cp"), "needs cp"))
    func refused() throws {
        let folder = try TestDirectory(mode: 0o755)
        let copy = folder["start_server"]
        #expect(try folder.run("/bin/cp", [Product.startServer, copy]).code == 0)
        let words = ["--interval=0", "--control-socket=\(folder["control"])", "--pid-file=\(folder["s.pid"])", "--"]
        let running = try folder.start(copy, words + StartServer.sleeper)
        #expect(eventually { running.standardError.contains("starting new worker") }, "\(running.standardError)")
        #expect(unlink(copy) == 0)
        try folder.write("start_server", "#!/bin/sh\nexit 0\n")
        #expect(chmod(copy, 0o755) == 0)
        let client = try FileDescriptor(owning: Socket.open(AF_UNIX, .stream).release())
        try Socket.connect(client.number, to: .unix(folder["control"]))
        try Descriptor.writeAll(client.number, "upgrade\n")
        #expect(Poll.readable(client.number, timeout: .seconds(30)))
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try Descriptor.read(client.number, into: &buffer)
        #expect(
            String(decoding: buffer[..<count], as: UTF8.self)
                == "Success=0\n--\n\(copy) does not understand the state (exit status 0)\n\n")
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
    }
}

/// The same numbers from the same seed. Knuth's MMIX
private struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        var number: UInt64 = 0
        for _ in 0..<2 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            number = number << 32 | state >> 32
        }
        return number
    }
}
