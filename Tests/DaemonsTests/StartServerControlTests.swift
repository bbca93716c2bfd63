import Foundation
import Testing
import Unix

@Suite("start_server's control socket", .blocking, .timeLimit(.minutes(20)))
struct StartServerControlTests {
    // MARK: Answers

    @Test("every answer ends with the only empty line of it, those of mistakes too")
    func emptyLine() throws {
        let server = try StartServer()
        defer { server.end() }
        let long = String(repeating: "x", count: 20_000)
        let many = String(repeating: "x ", count: 70)
        for line in ["help", "help show", "help nonsense", "show version", "show proc", "nonsense", "show", many, long]
        {
            let answer = try server.ask(line)
            #expect(answer.hasSuffix("\n\n") && answer != "\n\n", "\(line.prefix(20)): \(answer)")
            #expect(answer.components(separatedBy: "\n\n").count == 2, "\(line.prefix(20)): \(answer)")
        }
    }

    @Test("an unknown command is told, with the nearest that there is")
    func unknown() throws {
        let server = try StartServer()
        defer { server.end() }
        #expect(try server.ask("relaod") == "Unknown command: 'relaod', but maybe 'reload' is meant. Try 'help'.\n\n")
        #expect(try server.ask("show porc").contains("'show proc'"))
        #expect(try server.ask("zzzzzz zzzzzz") == "Unknown command: 'zzzzzz zzzzzz'. Try 'help'.\n\n")
    }

    @Test("help tells every command, or those that begin with some words")
    func help() throws {
        let server = try StartServer()
        defer { server.end() }
        let help = try server.ask("help")
        for command in ["help", "prompt", "quit", "reload", "show proc", "show version", "stop", "upgrade"] {
            #expect(help.contains("\n  \(command) "), "\(command)")
        }
        let some = try server.ask("help show")
        #expect(some.contains("show proc") && some.contains("show version") && !some.contains("reload"))
    }

    @Test("show proc tells the superdaemon and its worker")
    func processes() throws {
        let server = try StartServer()
        defer { server.end() }
        let lines = try server.ask("show proc").split(separator: "\n")
        let words = lines.map { $0.split(separator: " ").map(String.init) }
        #expect(words[0] == ["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"])
        #expect(words[1].prefix(3) == ["\(server.pid)", "master", "0"] && lines[2] == "# workers")
        let worker = try #require(server.workers.first)
        #expect(words[3].prefix(3) == ["\(worker)", "worker", "0"])
        let debug = try server.ask("show proc debug")
        #expect(debug.contains(" ready "), "\(debug)")
        #expect(try server.ask("show proc json").contains("\"generation\":1,"))
        #expect(try server.ask("show metrics").hasSuffix("# EOF\n\n"))
    }

    @Test("what a session may do is its level's: a user looks, an operator reloads, and nobody raises his own")
    func levels() throws {
        let server = try StartServer()
        defer { server.end() }
        #expect(try server.ask("user;reload").hasSuffix("Permission denied!\n\n"))
        #expect(try server.ask("user;show metrics").hasSuffix("# EOF\n\n"))
        #expect(try server.ask("operator;stop").hasSuffix("Permission denied!\n\n"))
        #expect(try server.ask("operator;reload").hasPrefix("\nSuccess=1\n"))
        #expect(try server.ask("user;operator;show cli level").hasSuffix("user\n\n"))
        #expect(try server.ask("start worker").hasPrefix("Unknown command"))
    }

    // MARK: Lines and sessions

    @Test("each line is answered, and then the session ends")
    func oneLine() throws {
        let server = try StartServer()
        defer { server.end() }
        let version = try server.ask("show version")
        #expect(version.hasPrefix("start_server "))
        #expect(try server.ask("show version\nshow version") == version + version)
        #expect(try server.ask("show version;show version") == version + version)
        #expect(try server.ask("nonsense;show version").hasSuffix(version))
    }

    @Test("a line may come in pieces, and end as telnet ends it")
    func pieces() throws {
        let server = try StartServer()
        defer { server.end() }
        let session = try Session(server)
        for piece in ["sh", "ow ver", "sion", "\r", "\n"] {
            try session.send(piece)
            #expect(try server.ask("show version").hasPrefix("start_server "))
        }
        #expect(try session.readToEnd().hasPrefix("start_server "))
    }

    @Test("a client that sends its line and then the end of its stream gets its answer")
    func halfClosed() throws {
        let server = try StartServer()
        defer { server.end() }
        let session = try Session(server)
        try session.send("reload\n")
        session.shutdownWriting()
        #expect(try session.readToEnd().hasPrefix("Success=1\n--\n"))
    }

    @Test("a line without an end is no command, and its session ends with the stream")
    func noEnd() throws {
        let server = try StartServer()
        defer { server.end() }
        let session = try Session(server)
        try session.send("stop")
        session.shutdownWriting()
        #expect(try session.readToEnd() == "")
        #expect(try server.ask("show version").hasPrefix("start_server "))
    }

    @Test("with prompt a session takes many lines, until quit")
    func prompt() throws {
        let server = try StartServer()
        defer { server.end() }
        let version = try server.ask("show version")
        let session = try Session(server)
        try session.send("prompt\n")
        try session.expect("\nmaster> ")
        for _ in 0..<3 {
            try session.send("show version\n")
            try session.expect("\(version)master> ")
        }
        try session.send("\n")
        try session.expect("master> ")
        try session.send("nonsense\nshow version\n")
        try session.expect("Unknown command: 'nonsense'. Try 'help'.\n\nmaster> \(version)master> ")
        #expect(session.isQuiet)
        try session.send("quit;show version\n")
        #expect(try session.readToEnd() == "\n")
    }

    @Test("prompt and a command in one line")
    func promptInLine() throws {
        let server = try StartServer()
        defer { server.end() }
        let version = try server.ask("show version")
        let session = try Session(server)
        try session.send("prompt;show version\nprompt\n")
        #expect(try session.readToEnd() == "\nmaster> \(version)master> \n")
    }

    // MARK: Commands

    @Test("reload answers when the new worker has been taken, and commands behind it wait")
    func reload() throws {
        let server = try StartServer()
        defer { server.end() }
        let before = server.workers
        let answers = try server.ask("reload;show proc")
        #expect(answers.hasPrefix("Success=1\n--\nstarting new worker "))
        #expect(answers.contains("\n\n#<PID>"))
        let proc = try server.ask("show proc")
        #expect(proc.contains("master          1"))
        #expect(eventually { server.workers.count == 1 && server.workers != before })
    }

    @Test("reloads of several sessions at once are all answered")
    func reloads() throws {
        let server = try StartServer()
        defer { server.end() }
        let sessions = try (0..<20).map { _ in try Session(server) }
        for session in sessions { try session.send("reload\n") }
        for session in sessions { #expect(try session.readToEnd().hasPrefix("Success=1\n--\n")) }
    }

    @Test("stop answers, and then everything ends and the socket is gone")
    func stop() throws {
        let server = try StartServer()
        #expect(try server.ask("stop") == "Stopping.\n\n")
        server.end()
    }

    // MARK: The socket

    @Test("the socket is its owner's alone: mode 600, whatever the umask")
    func mode() throws {
        for mask in ["000", "022", "777"] {
            let server = try StartServer(under: ["/bin/sh", "-c", "umask \(mask); exec \"$@\"", "sh"])
            #expect(try FileStatus(path: server.folder["control"]).mode == 0o600)
            server.end()
        }
    }

    @Test(
        "another user is not served", .enabled(if: Machine.isRoot && Machine.has("python3"), "needs root and python3"))
    func otherUser() throws {
        let server = try StartServer()
        defer { server.end() }
        #expect(chmod(server.folder["control"], 0o666) == 0)
        let script = """
            import os, socket, sys
            os.setgid(65534); os.setuid(65534)
            client = socket.socket(socket.AF_UNIX)
            client.connect(sys.argv[1])
            try:
                client.sendall(b'show version\\n')
                print('<' + client.recv(100).decode() + '>')
            except OSError:
                print('<>')
            """
        let python = try #require(Machine.find("python3"))
        #expect(try server.folder.run(python, ["-c", script, server.folder["control"]]).output == "<>\n")
        #expect(try server.ask("show version").hasPrefix("start_server "))
    }

    @Test("a stale socket is replaced; one that somebody listens at is not")
    func stale() throws {
        let folder = try TestDirectory(mode: 0o755)
        do {
            let old = try Socket.open(AF_UNIX, .stream)
            try Socket.bind(old.number, to: .unix(folder["control"]))
            try Socket.listen(old.number)
            let words = ["--control-socket=\(folder["control"])", "--", "/bin/sleep", "600"]
            let outcome = try folder.run(Product.startServer, words)
            #expect(outcome.code == EADDRINUSE, "\(outcome.errors)")
        }
        #expect(folder.exists("control") && isDeserted(folder["control"], .stream))
        let words = ["--control-socket=\(folder["control"])", "--"] + StartServer.sleeper
        let running = try folder.start(Product.startServer, words)
        #expect(eventually { running.standardError.contains("starting new worker") }, "\(running.standardError)")
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
        #expect(!folder.exists("control"))
    }

    @Test("workers get neither the control socket nor a session")
    func workersHaveNone() throws {
        let server = try StartServer()
        defer { server.end() }
        let session = try Session(server)
        try session.send("prompt\n")
        try session.expect("\nmaster> ")
        #expect(try server.ask("reload").hasPrefix("Success=1\n--\n"))
        #expect(eventually { server.workers.count == 1 })
        let worker = try #require(server.workers.first)
        let links = Files.names(in: "/proc/\(worker)/fd").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(worker)/fd/\($0)")
        }
        #expect(links.count >= 3 && !links.contains { $0.hasPrefix("socket:") || $0.hasPrefix("anon_inode:") })
    }

    // MARK: Budgets

    @Test("sixty sessions with thousands of commands that read nothing hold up nobody, and cost little memory")
    func unread() throws {
        let server = try StartServer()
        defer { server.end() }
        #expect(try server.ask("help").contains("show proc"))
        let before = try #require(ProcessFacts(of: server.pid)?.residentSize)
        // Some megabytes of answers for each.
        let line = Array(repeating: "help", count: 3000).joined(separator: ";") + "\n"
        let sessions = try (0..<60).map { _ in try Session(server) }
        defer { for session in sessions { session.close() } }
        for session in sessions { try session.send(line) }
        for _ in 0..<20 { #expect(try server.ask("echo a") == "a\n\n") }
        let after = try #require(ProcessFacts(of: server.pid)?.residentSize)
        #expect(after - before < 32 << 20, "\(before) \(after)")
    }
}
