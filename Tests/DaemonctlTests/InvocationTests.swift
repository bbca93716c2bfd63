import Testing

@testable import daemonctl

@Suite("daemonctl's command line", .timeLimit(.minutes(20)))
struct InvocationTests {
    private func mistakes(_ words: String...) -> [String] {
        let interface = CommandLineInterface(
            Daemon("daemonctl", version: "1"), ControlOption.list, commands: Verb.words)
        let (values, operands, rest) = interface.readAll(["daemonctl"] + words)
        do {
            _ = try Invocation(values, operands: operands, rest: rest)
            return []
        } catch {
            return error.list
        }
    }

    @Test("what is right")
    func right() {
        #expect(mistakes("start", "a", "b") == [])
        #expect(mistakes("start", "--all") == [] && mistakes("-a", "stop") == [])
        #expect(mistakes("start", "/usr/sbin/x", "--", "--port", "7") == [])
        #expect(mistakes("status") == [] && mistakes("status", "a", "--json") == [] && mistakes("start-all") == [])
        #expect(mistakes("connect", "a", "show", "proc") == [] && mistakes("connect", "a", "--", "x", "-y") == [])
        #expect(mistakes("logs", "a", "-f", "-n5") == [] && mistakes("top", "--once", "--interval", "100ms") == [])
    }

    @Test("what is wrong, all of it")
    func wrong() {
        #expect(mistakes() == ["a command is missing"])
        #expect(mistakes("stp") == ["unknown command 'stp' (did you mean 'stop'?)"])
        #expect(mistakes("start") == ["'start' needs a name, or --all"])
        #expect(mistakes("start", "a", "--all") == ["a name and --all exclude each other"])
        #expect(mistakes("stop-all", "a") == ["'stop-all' takes no name, but 'a' was given"])
        #expect(mistakes("logs", "a", "b") == ["'logs' needs one name, and 2 were given"])
        #expect(mistakes("connect") == ["'connect' needs a name"])
        #expect(mistakes("connect", "a", "x\ny") == ["a command is one line"])
        let behind = "words behind '--' need one path of an executable before them"
        #expect(mistakes("start", "a", "--", "--port") == [behind])
        #expect(mistakes("start", "/a", "/b", "--", "x") == [behind])
        #expect(
            mistakes("start", "--json", "--once", "-n3") == [
                "'start' needs a name, or --all", "option '--json' is not for 'start'",
                "option '--lines' is not for 'start'", "option '--once' is not for 'start'",
            ])
    }
}

@Suite("The end of a log, and what follows", .timeLimit(.minutes(20)))
struct LogsTests {
    private let folder = TemporaryFolder()

    private var log: String { folder["log"] }

    private func append(_ text: String) throws {
        let file = try FileDescriptor.open(log, [.writeOnly, .create, .append])
        try Descriptor.writeAll(file.number, text)
    }

    private func tail(_ lines: Int) throws -> String {
        let out = try FileDescriptor.open(folder["out"], [.writeOnly, .create, .truncate])
        try Logs(path: log, output: out.number).tail(lines)
        return try folder.contents("out")
    }

    @Test("the last lines, whether the last one has its end or not")
    func last() throws {
        try folder.write("a\nb\nc\n", to: "log")
        #expect(try tail(0) == "" && tail(1) == "c\n" && tail(2) == "b\nc\n")
        #expect(try tail(3) == "a\nb\nc\n" && tail(9) == "a\nb\nc\n")
        try folder.write("\n\nx", to: "log")
        #expect(try tail(1) == "x" && tail(2) == "\nx" && tail(3) == "\n\nx")
        try folder.write("", to: "log")
        #expect(try tail(5) == "")
        let long = (0..<30_000).map { "line \($0)\n" }
        try folder.write(long.joined(), to: "log")
        #expect(try tail(20_000) == long.suffix(20_000).joined() && tail(1) == "line 29999\n")
        #expect(throws: Errno.noSuchFile) { try Logs(path: folder["none"]).tail(1) }
        #expect(throws: Errno.invalidArgument) { try Logs(path: folder.path).tail(1) }
    }

    @Test("every line is followed over rotations, late writers, truncation and removal")
    func follow() throws {
        let out = try FileDescriptor.open(folder["out"], [.writeOnly, .create, .append]).release()
        defer { Descriptor.close(out) }
        let (path, stop) = (log, folder["stop"])
        try append("old\nlast\n")
        let ends = try FileDescriptor.pipe()
        let done = ends.write.number
        try Thread.start {
            try? Logs(path: path, output: out).follow(1) { (try? FileStatus(path: stop)) != nil }
            try? Descriptor.writeAll(done, ".")
        }
        var expected = "last\n"
        func comes(_ text: String) throws -> Bool {
            expected += text
            return try eventually { try folder.contents("out") == expected }
        }
        #expect(try comes(""))
        try append("one\n")
        #expect(try comes("one\n"))
        // The writer has not reopened its log yet.
        let late = try FileDescriptor.open(log, [.writeOnly, .append])
        try Files.rename(log, to: log + ".1")
        try append("two\n")
        #expect(try comes("two\n"))
        try Descriptor.writeAll(late.number, "late\n")
        #expect(try comes("late\n"))
        try append("three\n")
        #expect(try comes("three\n"))
        let written = try FileDescriptor.open(log, .readWrite)
        try Descriptor.truncate(written.number)
        try append("four\n")
        #expect(try comes("four\n"))
        try Files.unlink(log)
        try append("five\n")
        #expect(try comes("five\n"))
        try folder.write("", to: "stop")
        #expect(Poll.readable(ends.read.number, timeout: .seconds(20)))
    }
}
