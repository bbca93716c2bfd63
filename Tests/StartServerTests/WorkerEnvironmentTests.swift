import Testing

@testable import start_server

@Suite("Environments of workers", .timeLimit(.minutes(20)))
struct WorkerEnvironmentTests {
    /// The entries as texts.
    private func entries(
        _ inherited: [String] = [], _ words: String = "", envdir: [EnvDir.Variable] = []
    ) throws -> [String] {
        let environment = WorkerEnvironment(
            inherited: inherited.map { Array($0.utf8) }, settings: try parse(words + " p"))
        return environment.entries(envdir: envdir).map { String(decoding: $0, as: UTF8.self) }
    }

    private func variable(_ name: String, _ value: String) -> EnvDir.Variable {
        EnvDir.Variable(name: name, value: Array(value.utf8))
    }

    @Test("what belongs to the superdaemon is not handed on, what only looks alike is")
    func inherited() throws {
        let own = [
            "PATH=/bin", "EMPTY=", "ODD", "LISTEN_ADDRESS=::", "LISTEN_PORT=80", "WATCHDOG=x", "LISTEN_FDS_X=1",
            "A=b=c",
        ]
        let internals = [
            "NOTIFY_SOCKET=/run/x", "WATCHDOG_USEC=1", "WATCHDOG_PID=1", "LISTEN_FDS=1", "LISTEN_PID=1",
            "LISTEN_FDNAMES=x", "LISTEN_PIDFDID=1", "DAEMONKIT_STATE=5", "EINHORN_FD_0=3", "EINHORN_MASTER_PID=1",
            "SERVER_STARTER_PORT=80=3", "SERVER_STARTER_GENERATION=9", "SERVER_STARTER_UDP=4",
        ]
        #expect(try entries(internals + own) == own)
    }

    @Test("given options are exported and replace what was inherited")
    func exported() throws {
        let words = "--envdir=/e --enable-auto-restart --auto-restart-interval=+033 --kill-old-delay=0.50"
        let inherited = ["KILL_OLD_DELAY=9", "ENVDIR=/x", "A=1", "ENABLE_AUTO_RESTART=0", "AUTO_RESTART_INTERVAL=8"]
        #expect(
            try entries(inherited, words).prefix(5) == [
                "A=1", "ENVDIR=/e", "ENABLE_AUTO_RESTART=1", "AUTO_RESTART_INTERVAL=33", "KILL_OLD_DELAY=0.5",
            ])
        #expect(try entries(inherited).prefix(5) == inherited[...])
    }

    @Test("the envdir replaces both, but not what tells of the sockets")
    func envdir() throws {
        let found = try entries(
            ["A=1", "B=2"], "--kill-old-delay=3",
            envdir: [
                variable("A", "x=y"), variable("KILL_OLD_DELAY", "7"), variable("SERVER_STARTER_PORT", "99=9"),
                variable("LISTEN_FDS", "7"), variable("NEW", ""),
            ])
        #expect(found == ["B=2", "A=x=y", "KILL_OLD_DELAY=7", "NEW="])
    }

    @Test("a variable whose file went away has its first value again, or none")
    func goneFile() throws {
        let environment = WorkerEnvironment(inherited: [Array("A=1".utf8)], settings: try parse("p"))
        let before = environment.entries()
        _ = environment.entries(envdir: [variable("A", "2"), variable("B", "3")])
        #expect(environment.entries() == before)
    }

    @Test("bytes that are not UTF-8 are handed on unchanged")
    func bytes() throws {
        let odd: [UInt8] = Array("X=".utf8) + [0xFF, 0xC3]
        let environment = WorkerEnvironment(inherited: [odd], settings: try parse("p"))
        let added = EnvDir.Variable(name: "Y", value: [0xFE])
        #expect(environment.entries(envdir: [added]) == [odd, Array("Y=".utf8) + [0xFE]])
    }

    @Test("the environment of this process is read whole")
    func own() throws {
        let path = try #require(Environment["PATH"])
        let entries = Environment.entries
        #expect(entries.contains(Array("PATH=\(path)".utf8)))
        #expect(entries.allSatisfy { !$0.isEmpty && !$0.contains(0) })
    }
}
