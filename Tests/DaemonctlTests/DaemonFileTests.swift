import Testing

@testable import daemonctl

@Suite("A daemon's file", .timeLimit(.minutes(20)))
struct DaemonFileTests {
    private func read(
        _ text: String, name: String = "d", environment: [String: String] = [:]
    ) throws(ConfigurationError) -> ConfiguredDaemon {
        let file = ConfigurationFile(path: "d.conf", contents: Array(text.utf8))
        return try DaemonFile.parse(file, name: name, environment: environment)
    }

    private func mistakes(_ text: String, name: String = "d") -> [String] {
        do {
            _ = try read(text, name: name)
            return []
        } catch {
            return error.mistakes.map(\.description)
        }
    }

    @Test("a command without a pid file leaves nothing to find the daemon by")
    func noPidFile() {
        #expect(mistakes("command /usr/sbin/d --pid-file none").contains { $0.contains("nothing to find it by") })
        #expect(mistakes("command /usr/sbin/d --pid-file none\npid-file /run/d.pid").isEmpty)
    }

    @Test("every keyword is read, with comments, quotes and escapes")
    func whole() throws {
        let daemon = try read(
            """
            # all of it
            command /usr/sbin/d --a "b c" 'd"e' f\\ g "$HOME" # not this
            check yes
              pid-file "/run/a b.pid"
            log-file /var/log/d.log
            control-socket /run/d.sock
            unit d@1.service
            order 7
            start-timeout 2m
            stop-timeout 1500ms
            user web
            group www
            """, environment: ["HOME": "/root"])
        var expected = ConfiguredDaemon(
            name: "d", command: ["/usr/sbin/d", "--a", "b c", "d\"e", "f g", "/root"], pidFile: "/run/a b.pid")
        expected.isCheckable = true
        expected.logFile = "/var/log/d.log"
        expected.controlSocket = "/run/d.sock"
        expected.unit = "d@1.service"
        expected.order = 7
        expected.startTimeout = .seconds(120)
        expected.stopTimeout = .milliseconds(1500)
        expected.user = "web"
        expected.group = "www"
        expected.file = "d.conf"
        #expect(daemon == expected)
    }

    @Test("what no line says, the command does: as genericMain reads it, from the root folder on")
    func fromCommand() throws {
        let daemon = try read("command /x/prog --pid-file=run/p --log-file /l -S s --pid-file /q -- --log-file /no")
        #expect((daemon.pidFile, daemon.logFile, daemon.controlSocket) == ("/q", "/l", "/s"))
        #expect(try read("command /x/prog -S/s --log-file -").controlSocket == "/s")
        #expect(try read("command /x/prog --log-file -").logFile == nil)
        #expect(try read("command /x/prog").pidFile == DefaultPaths(name: "prog").pidFile)
        #expect(try read("command /x/prog").order == 50)
    }

    @Test("all mistakes are told at once, each with its line")
    func mistakesTogether() {
        let text = """
            commnd /x
            command relative
            order many
            order 3
            start-timeout 5
            pid-file x
            no order
            unit ../x
            check maybe
            log-file /a /b
            user
            'open
            """
        #expect(
            mistakes(text) == [
                "d.conf:1: unknown keyword 'commnd'; did you mean 'command' maybe ?",
                "d.conf:2: 'command' expects an absolute path, not 'relative'.",
                "d.conf:3: 'order' expects a number from 0 to 1000000, not 'many'.",
                "d.conf:4: 'order' already specified at d.conf:3.",
                "d.conf:5: 'start-timeout' expects a time with its unit (us, ms, s, m, h or d), not '5'.",
                "d.conf:6: 'pid-file' expects an absolute path, not 'x'.",
                "d.conf:7: unknown keyword 'no'.",
                "d.conf:8: 'unit' expects the name of a unit, such as d.service, not '../x'.",
                "d.conf:9: 'check' expects 'yes' or 'no', not 'maybe'.",
                "d.conf:10: 'log-file' cannot handle unexpected argument '/b'.",
                "d.conf:11: 'user' expects the name of a user.",
                "d.conf:12: unmatched quote at position 1.",
            ])
        #expect(mistakes("") == ["d.conf: a 'command' is missing."])
        #expect(mistakes("command /x\ngroup g") == ["d.conf:2: 'group' needs a 'user'."])
    }

    @Test("a name is a plain word", arguments: ["", "-d", "a b", "a$b", "ü", "a/b", "a'b"])
    func names(name: String) {
        #expect(mistakes("command /x", name: name).count == 1)
        #expect(DaemonFile.complaint(name: "web@1.2_x-y:z+") == nil)
    }

    @Test(
        "nothing that a file holds makes its reader fail otherwise than by mistakes", arguments: 0..<40 as Range<UInt64>
    )
    func fuzz(seed: UInt64) {
        var random = Seeded(seed)
        let pieces = [
            "command", " ", "/x", "\n", "order", "-1", "99999999999999999999", "'", "\"", "\\", "#", "$A", "${A}", "\0",
            "\r", "pid-file", "é", "unit", "a.service", "start-timeout", "3s", "\\x00", "no", "check", "yes",
        ]
        for _ in 0..<rounds(500) {
            var bytes = (0..<Int.random(in: 0..<40, using: &random)).flatMap { _ in
                Array((pieces.randomElement(using: &random) ?? "").utf8)
            }
            if !bytes.isEmpty, Bool.random(using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let file = ConfigurationFile(path: "f", contents: bytes)
            do {
                let daemon = try DaemonFile.parse(file, name: "n", environment: ["A": "a b"])
                #expect(daemon.command.first?.hasPrefix("/") == true && daemon.pidFile.hasPrefix("/"))
            } catch {
                #expect(!error.mistakes.isEmpty && error.mistakes.allSatisfy { !$0.text.contains("\n") })
            }
        }
    }

    @Test("what is written word by word is read again", arguments: 0..<20 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = Seeded(seed)
        let letters = ["a", " ", "'", "\"", "\\", "$", "#", "\t", "é", "日", "=", "-"]
        func word() -> String {
            (0..<Int.random(in: 0..<8, using: &random)).map { _ in letters.randomElement(using: &random) ?? "" }
                .joined()
        }
        for _ in 0..<50 {
            let words = ["/" + word()] + (0..<Int.random(in: 0..<6, using: &random)).map { _ in word() }
            let text = words.map { word in
                "\"" + word.map { "\\\"$".contains($0) ? "\\\($0)" : String($0) }.joined() + "\""
            }
            #expect(try read("command \(text.joined(separator: " "))\npid-file /p").command == words)
        }
    }
}

@Suite("The folder of daemons' files", .timeLimit(.minutes(20)))
struct RegistryTests {
    private let folder = TemporaryFolder()

    @Test("a broken file does not hide the others, and an unknown name gets a hint")
    func broken() throws {
        try folder.write("command /x\norder 60", to: "web.conf")
        try folder.write("command /x\norder 5", to: "zebra.conf")
        try folder.write("nonsense", to: "bad.conf")
        try folder.write("command /x", to: ".hidden.conf")
        try folder.write("command /x", to: "other.txt")
        try Files.makeDirectory(folder["folder.conf"], mode: 0o700)
        let registry = Registry(folder.path)
        #expect(registry.inOrder.map(\.name) == ["zebra", "web"])
        #expect(registry.broken.keys.sorted() == ["bad", "folder"])
        let bad = "\(folder.path)/bad.conf"
        #expect(registry.mistakes.hasPrefix("\(bad): a 'command' is missing.\n\(bad):1: unknown keyword"))
        #expect(registry.mistakes.hasSuffix("\(folder.path)/folder.conf: Is a directory\n"))
        func said(_ name: String) -> [String] {
            do {
                return [try registry.daemon(name).name]
            } catch {
                return error.lines
            }
        }
        #expect(said("web") == ["web"])
        #expect(said("wbe") == ["no 'wbe' in \(folder.path)"])
        #expect(said("zebr") == ["no 'zebr' in \(folder.path) (did you mean 'zebra'?)"])
        #expect(said("bad").count == 2)
    }
}

@Suite("Options of a command line, as others need them", .timeLimit(.minutes(20)))
struct CommandOptionsTests {
    @Test("the last one wins, in every form")
    func forms() {
        func pidFile(_ words: String...) -> String? { CommandOptions(words)["pid-file", "p"] }
        #expect(pidFile("--pid-file", "a") == "a")
        #expect(pidFile("--pid-file=a", "--pid-file", "b") == "b")
        #expect(pidFile("-pa") == "a" && pidFile("-p", "a") == "a")
        #expect(pidFile("--", "--pid-file=a") == nil && pidFile("--pid-files=a") == nil && pidFile("--pid-file") == nil)
        #expect(pidFile("--pid-file=") == "")
    }
}
