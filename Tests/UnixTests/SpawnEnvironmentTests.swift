import Testing
import Unix

@Suite("Names and variables of a spawned program", .timeLimit(.minutes(20)))
struct SpawnEnvironmentTests {
    /// What `/proc/PID/environ` of the program says: every byte of it.
    private func variables(_ environment: [[UInt8]]?) throws -> [[UInt8]] {
        let folder = TemporaryFolder()
        var spawn = Spawn("/bin/sh", ["-c", "cat /proc/$$/environ > \"$0\"", folder["environ"]])
        spawn.environment = environment
        #expect(try Child.reap(try spawn.start(), waiting: true) == .exited(0))
        let file = try FileDescriptor.open(folder["environ"], [])
        return Descriptor.contents(of: file.number, limit: 1 << 20).split(separator: 0).map(Array.init)
    }

    #if os(Linux)
    @Test("the environment is handed on byte by byte, also what is not UTF-8, empty or twice there")
    func bytes() throws {
        let odd: [UInt8] = Array("ODD=".utf8) + (1...255).map { UInt8($0) }
        let environment = [odd, Array("EMPTY=".utf8), Array("TWICE=1".utf8), Array("TWICE=2".utf8), Array("bare".utf8)]
        #expect(try variables(environment) == environment)
    }

    @Test("without an environment our own is handed on byte by byte")
    func ownBytes() async {
        await #expect(processExitsWith: .success) {
            let value: [CChar] = (128...255).map { CChar(bitPattern: UInt8($0)) } + [0]
            setenv("UNIX_ODD", value, 1)
            let found = try SpawnEnvironmentTests().variables(nil)
            #expect(found.contains(Array("UNIX_ODD=".utf8) + (128...255).map { UInt8($0) }))
            #expect(found == Environment.entries)
        }
    }

    @Test("a large environment arrives whole")
    func large() throws {
        let environment = (0..<500).map { Array("NAME_\($0)=".utf8) + [UInt8](repeating: 0xFE, count: 1000) }
        #expect(try variables(environment) == environment)
    }
    #endif

    @Test("an environment that is too large is an error, and no child")
    func tooLarge() throws {
        var spawn = Spawn("/bin/true", [])
        spawn.environment = [Array("A=".utf8) + [UInt8](repeating: 0x61, count: 8 << 20)]
        #expect(throws: Errno(rawValue: E2BIG)) { try spawn.start() }
    }

    // MARK: argv[0]

    @Test("the name is what the program finds as argv[0], whatever its path")
    func name() throws {
        var spawn = Spawn("/bin/sh", ["-c", "tr '\\0' ' ' < /proc/$$/cmdline", "x"])
        spawn.name = "-a name: grüße"
        #expect(try output(of: spawn).hasPrefix("-a name: grüße -c "))
    }

    @Test("without a name argv[0] is the path")
    func noName() throws {
        #expect(try output(of: Spawn("/bin/sh", ["-c", "tr '\\0' ' ' < /proc/$$/cmdline"])).hasPrefix("/bin/sh -c "))
    }

    // MARK: The child's pid

    #if os(Linux)
    @Test("the variable for the pid has the child's real pid", arguments: [true, false])
    func pidVariable(isOwn: Bool) throws {
        let ends = try FileDescriptor.pipe()
        var spawn = Spawn("/bin/sh", ["-c", "echo $LISTEN_PID $$"])
        if !isOwn { spawn.environment = [Array("A=1".utf8)] }
        spawn.pidVariables = ["LISTEN_PID"]
        spawn.descriptors = [(1, ends.write.number)]
        let pid = try spawn.start()
        #expect(try Child.reap(pid, waiting: true) == .exited(0))
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = try Descriptor.read(ends.read.number, into: &buffer)
        #expect(String(decoding: buffer[..<count], as: UTF8.self) == "\(pid) \(pid)\n")
    }

    @Test("the variable for the pid has no blanks behind it, and the others stay as they are")
    func pidVariableBytes() throws {
        var spawn = Spawn("/usr/bin/env", [], environment: ["A=1", "B= 2 "])
        spawn.pidVariables = ["P"]
        let lines = try output(of: spawn).split(separator: "\n")
        #expect(lines.count == 3 && lines.prefix(2) == ["A=1", "B= 2 "])
        #expect(lines.last?.wholeMatch(of: /P=[1-9][0-9]*/) != nil)
    }

    @Test("a value of ours for that variable does not reach the child")
    func pidVariableReplaces() throws {
        var spawn = Spawn("/bin/sh", ["-c", "test $P = $$ && echo right"], environment: ["P=1"])
        spawn.pidVariables = ["P"]
        #expect(try output(of: spawn) == "right\n")
    }

    @Test("each of many children has its own pid")
    func manyPids() throws {
        for _ in 0..<100 {
            var spawn = Spawn("/bin/sh", ["-c", "test \"$P\" = $$"], environment: [])
            spawn.pidVariables = ["P"]
            #expect(try Child.reap(try spawn.start(), waiting: true) == .exited(0))
        }
    }
    #endif
}
