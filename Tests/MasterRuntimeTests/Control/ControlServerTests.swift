import Testing
import Unix

@testable import MasterRuntime

/// The server in a master of its own, with commands that a test needs. What start_server's does is tested there.
@Suite("ControlServer", .timeLimit(.minutes(20)))
struct ControlServerTests {
    /// It belongs to the test, not to the process of its exit test, which never ends its life.
    private let folder = TemporaryFolder()

    /// Runs the server with these commands, while `client` talks to it from another thread; its end is the end.
    private static func serve(
        _ commands: [ControlCommand] = [], at path: String, client: @escaping @Sendable (String) throws -> Void
    ) throws -> Never {
        try runMaster { master, _ in
            let (descriptor, file) = try ControlServer.bind(path)
            let server = try ControlServer(descriptor, file: file, master: master, accounts: ControlAccounts(master))
            server.add(commands)
            server.add([
                ControlCommand("later", "") { words, _, answer in
                    master.after(.milliseconds(Int(words[0]) ?? 0)) { answer(words[0]) }
                }
            ])
            // The server is kept by this closure.
            master.after(.seconds(60)) { _ = server }
            try Thread.start {
                do { try client(path) } catch { Issue.record(error) }
                CurrentProcess.exit(0)
            }
        }
    }

    private static func ask(_ line: String, at path: String) throws -> String {
        let socket = try Socket.open(AF_UNIX, .stream)
        try Socket.connect(socket.number, to: .unix(path))
        try Descriptor.writeAll(socket.number, "\(line)\n")
        return try readAll(socket.number)
    }

    @Test("a command above the session's level is refused, and not in its help")
    func levels() async {
        await #expect(processExitsWith: .success) { [path = folder["control"] as String] in
            let commands =
                [
                    ControlCommand("lower", "to the user's level") { _, session, answer in
                        session.level = .user
                        answer("")
                    },
                    ControlCommand("danger", "for the administrator", level: .admin) { _, _, answer in answer("done") },
                    ControlCommand("work", "for the operator", level: .operator) { _, _, answer in answer("done") },
                ]
            try Self.serve(commands, at: path) { path in
                #expect(try Self.ask("danger;work", at: path) == "done\n\ndone\n\n")
                #expect(try Self.ask("lower;danger;work", at: path) == "\nPermission denied!\n\nPermission denied!\n\n")
                let help = try Self.ask("lower;help", at: path)
                #expect(help.contains("  lower ") && !help.contains("danger") && !help.contains("work"))
                let mistake = try Self.ask("lower;dangr", at: path)
                #expect(!mistake.contains("danger'"))
            }
        }
    }

    @Test("the longest words that fit are the command, and the rest its arguments")
    func longest() async {
        await #expect(processExitsWith: .success) { [path = folder["control"] as String] in
            let commands =
                ["show", "show all", "show all things"].map { words in
                    ControlCommand(words, "") { arguments, _, answer in answer("\(words)|\(arguments)") }
                }
            try Self.serve(commands, at: path) { path in
                #expect(try Self.ask("show", at: path) == "show|[]\n\n")
                #expect(try Self.ask("show all of it", at: path) == "show all|[\"of\", \"it\"]\n\n")
                #expect(try Self.ask("show all things", at: path) == "show all things|[]\n\n")
                let mistake = try Self.ask("show\\ all", at: path)
                #expect(mistake.hasPrefix("Unknown command: 'show all'"))
            }
        }
    }

    @Test("answers that come later come in the order of their commands, and meanwhile others are served")
    func later() async {
        await #expect(processExitsWith: .success) { [path = folder["control"] as String] in
            let commands =
                [
                    ControlCommand("now", "") { _, _, answer in answer("now") }
                ]
            try Self.serve(commands, at: path) { path in
                let socket = try Socket.open(AF_UNIX, .stream)
                try Socket.connect(socket.number, to: .unix(path))
                try Descriptor.writeAll(socket.number, "later 30;later 1;now\n")
                #expect(try Self.ask("now", at: path) == "now\n\n")
                #expect(try readAll(socket.number) == "30\n\n1\n\nnow\n\n")
            }
        }
    }

    @Test("a second answer to a command is none to the next one")
    func twice() async {
        await #expect(processExitsWith: .success) { [path = folder["control"] as String] in
            let commands =
                [
                    ControlCommand("twice", "") { _, _, answer in
                        answer("one")
                        answer("two")
                    }
                ]
            try Self.serve(commands, at: path) { path in
                let answers = try Self.ask("twice;twice", at: path)
                #expect(answers == "one\n\none\n\n")
            }
        }
    }

    @Test("an answer has one line's end before its empty line, however it was given")
    func ends() async {
        await #expect(processExitsWith: .success) { [path = folder["control"] as String] in
            let commands =
                [
                    ControlCommand("none", "") { _, _, answer in answer("") },
                    ControlCommand("bare", "") { _, _, answer in answer("a\nb") },
                    ControlCommand("ended", "") { _, _, answer in answer("a\nb\n") },
                ]
            try Self.serve(commands, at: path) { path in
                let answers = try ["none", "bare", "ended"].map { try Self.ask($0, at: path) }
                #expect(answers == ["\n", "a\nb\n\n", "a\nb\n\n"])
            }
        }
    }

    @Test("an answer of a megabyte arrives whole at a client that reads slowly")
    func large() async {
        await #expect(processExitsWith: .success) { [path = folder["control"] as String] in
            let line = String(repeating: "x", count: 99) + "\n"
            let commands =
                [ControlCommand("large", "") { _, _, answer in answer(String(repeating: line, count: 10_000)) }]
            try Self.serve(commands, at: path) { path in
                let socket = try Socket.open(AF_UNIX, .stream)
                try Socket.connect(socket.number, to: .unix(path))
                try Descriptor.writeAll(socket.number, "large\n")
                var (count, buffer) = (0, [UInt8](repeating: 0, count: 1000))
                while case let more = try Descriptor.read(socket.number, into: &buffer), more > 0 { count += more }
                #expect(count == 1_000_001)
            }
        }
    }

    @Test("a payload is neither a word nor a command")
    func payload() async {
        await #expect(processExitsWith: .success) { [path = folder["control"] as String] in
            let commands =
                [ControlCommand("set", "") { words, _, answer in answer(words.joined(separator: "|")) }]
            try Self.serve(commands, at: path) { path in
                let answer = try Self.ask("set a <<E\nstop\nE", at: path)
                #expect(answer == "a\n\n")
            }
        }
    }
}
