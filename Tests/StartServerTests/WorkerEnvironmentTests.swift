import Testing

@testable import start_server

@Suite("Environments of workers", .timeLimit(.minutes(20)))
struct WorkerEnvironmentTests {
    private typealias Sockets = [WorkerEnvironment.PassedSocket]

    /// The entries as texts.
    private func entries(
        _ inherited: [String] = [], _ words: String = "", _ sockets: [WorkerEnvironment.PassedSocket] = [],
        notify: String? = nil, generation: Int = 1, envdir: [EnvDir.Variable] = []
    ) throws -> [String] {
        let environment = WorkerEnvironment(
            inherited: inherited.map { Array($0.utf8) }, settings: try parse(words + " p"), sockets: sockets)
        return environment.entries(generation: generation, envdir: envdir, notifySocket: notify).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    private func variable(_ name: String, _ value: String) -> EnvDir.Variable {
        EnvDir.Variable(name: name, value: Array(value.utf8))
    }

    @Test("without sockets there is an empty SERVER_STARTER_PORT and a generation")
    func empty() throws {
        #expect(try entries() == ["SERVER_STARTER_PORT=", "SERVER_STARTER_GENERATION=1"])
        #expect(try entries(generation: 4711).last == "SERVER_STARTER_GENERATION=4711")
    }

    @Test("sockets in a row from 3 on are named in the words of every protocol")
    func sockets() throws {
        let sockets: Sockets = [
            .init(key: "8080", descriptor: 3, kind: .stream), .init(key: "[::1]:53", descriptor: 5, kind: .datagram),
            .init(key: "/run/a b=ü", descriptor: 4, kind: .stream),
        ]
        #expect(
            try entries([], "", sockets) == [
                "SERVER_STARTER_PORT=8080=3;[::1]:53=5;/run/a b=ü=4", "SERVER_STARTER_UDP=5", "EINHORN_FD_COUNT=3",
                "EINHORN_FD_0=3", "EINHORN_FD_1=5", "EINHORN_FD_2=4", "LISTEN_FDS=3",
                "LISTEN_FDNAMES=8080:/run/a b=__:[__1]_53", "SERVER_STARTER_GENERATION=1",
            ])
    }

    @Test(
        "sockets elsewhere are not announced as LISTEN_FDS",
        arguments: [[4], [3, 5], [0, 3], [0], [3, 3]] as [[Int32]])
    func elsewhere(numbers: [Int32]) throws {
        let sockets = numbers.map { WorkerEnvironment.PassedSocket(key: "80", descriptor: $0, kind: .datagram) }
        let found = try entries([], "", sockets)
        #expect(!found.contains { $0.hasPrefix("LISTEN_") } && found.contains("EINHORN_FD_COUNT=\(numbers.count)"))
        #expect(found.contains("SERVER_STARTER_UDP=" + numbers.map(String.init).joined(separator: ";")))
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
        #expect(try entries(internals + own) == own + ["SERVER_STARTER_PORT=", "SERVER_STARTER_GENERATION=1"])
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
        let last = ["SERVER_STARTER_PORT=", "SERVER_STARTER_GENERATION=1"]
        #expect(found == ["B=2", "A=x=y", "KILL_OLD_DELAY=7", "NEW="] + last)
    }

    @Test("a variable whose file went away has its first value again, or none")
    func goneFile() throws {
        let environment = WorkerEnvironment(inherited: [Array("A=1".utf8)], settings: try parse("p"), sockets: [])
        let before = environment.entries(generation: 1)
        _ = environment.entries(generation: 2, envdir: [variable("A", "2"), variable("B", "3")])
        #expect(environment.entries(generation: 1) == before)
    }

    @Test("the child's pid is asked for where LISTEN_FDS is told, and only there")
    func pidVariable() throws {
        for (numbers, name) in [([3, 4], "LISTEN_PID"), ([4], nil), ([], nil)] as [([Int32], String?)] {
            let sockets = numbers.map { WorkerEnvironment.PassedSocket(key: "80", descriptor: $0, kind: .stream) }
            let environment = WorkerEnvironment(inherited: [], settings: try parse("p"), sockets: sockets)
            #expect(environment.pidVariable == name)
        }
    }

    @Test("the socket for notifications is named where there is one")
    func notify() throws {
        #expect(try entries(["NOTIFY_SOCKET=/old"], notify: "/new").contains("NOTIFY_SOCKET=/new"))
    }

    @Test("bytes that are not UTF-8 are handed on unchanged")
    func bytes() throws {
        let odd: [UInt8] = Array("X=".utf8) + [0xFF, 0xC3]
        let environment = WorkerEnvironment(inherited: [odd], settings: try parse("p"), sockets: [])
        let added = EnvDir.Variable(name: "Y", value: [0xFE])
        #expect(environment.entries(generation: 1, envdir: [added]).prefix(2) == [odd, Array("Y=".utf8) + [0xFE]])
    }

    @Test("the environment of this process is read whole")
    func own() throws {
        let path = try #require(Environment["PATH"])
        let entries = Environment.entries
        #expect(entries.contains(Array("PATH=\(path)".utf8)))
        #expect(entries.allSatisfy { !$0.isEmpty && !$0.contains(0) })
    }
}
