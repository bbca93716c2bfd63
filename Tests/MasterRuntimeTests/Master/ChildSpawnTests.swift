import DaemonCore
import Supervision
import Testing
import Unix

@testable import MasterRuntime

@Suite("How a child is told of its sockets", .timeLimit(.minutes(20)))
struct ChildSpawnTests {
    /// As the engine asks for it.
    private func child(generation: Int = 1) throws -> Supervision.Child {
        var plan = Plan(services: [Service(name: "web", stopSignal: 15)])
        plan.rollout = .persistent
        var supervisor = Supervisor(seed: 0)
        _ = supervisor.handle(.start, at: Instant(nanoseconds: 0))
        for case .spawn(let child) in supervisor.handle(.loaded(plan), at: Instant(nanoseconds: 0)) { return child }
        throw Errno.noSuchProcess
    }

    private func socket(
        _ key: String, _ number: Int32? = nil, _ kind: Listener.Kind = .stream
    ) -> HandedSocket { HandedSocket(name: key, address: key, descriptor: 99, kind: kind, number: number) }

    private func spawn(
        _ sockets: [HandedSocket], _ dialect: EnvironmentDialect, stored: [String] = [],
        _ change: (inout Program) -> Void = { _ in }, start: (inout ChildSpawn) -> Void = { _ in }
    ) throws -> Spawn {
        var program = Program(executable: "/bin/true", name: "true", environment: [[0x42, 0x3D, 0xFF]])
        program.sockets = sockets
        change(&program)
        let kept = stored.map { DescriptorStore.Entry(name: $0, descriptor: 98) }
        var made = ChildSpawn(try child(), program, kept: kept, dialect: dialect)
        start(&made)
        return made.spawn
    }

    /// Behind what the program's own environment says.
    private func variables(_ spawn: Spawn) -> [String] {
        (spawn.environment ?? []).dropFirst().map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("in Server::Starter's words there is an empty list without sockets, and a generation")
    func empty() throws {
        let made = try spawn([], .serverStarter)
        #expect(variables(made) == ["SERVER_STARTER_PORT=", "SERVER_STARTER_GENERATION=1"])
        #expect(made.environment?.first == [0x42, 0x3D, 0xFF] && made.pidVariables == [])
        #expect(variables(try spawn([], .master)) == ["DAEMONKIT_GENERATION=1"])
    }

    @Test("sockets in a row from 3 on are named in the words of every protocol")
    func sockets() throws {
        let sockets = [socket("8080", 3), socket("[::1]:53", 5, .datagram), socket("/run/a b=ü", 4)]
        let made = try spawn(sockets, .serverStarter)
        #expect(
            variables(made) == [
                "SERVER_STARTER_PORT=8080=3;[::1]:53=5;/run/a b=ü=4", "SERVER_STARTER_UDP=5", "EINHORN_FD_COUNT=3",
                "EINHORN_FD_0=3", "EINHORN_FD_1=5", "EINHORN_FD_2=4", "LISTEN_FDS=3",
                "LISTEN_FDNAMES=8080:/run/a b=__:[__1]_53", "SERVER_STARTER_GENERATION=1",
            ])
        #expect(made.descriptors.map(\.child) == [3, 5, 4] && made.pidVariables == ["LISTEN_PID"])
    }

    @Test(
        "sockets elsewhere are not announced as LISTEN_FDS",
        arguments: [[4], [3, 5], [0, 3], [0], [3, 3]] as [[Int32]])
    func elsewhere(numbers: [Int32]) throws {
        let made = try spawn(numbers.map { socket("80", $0, .datagram) }, .serverStarter)
        let found = variables(made)
        #expect(!found.contains { $0.hasPrefix("LISTEN_") } && found.contains("EINHORN_FD_COUNT=\(numbers.count)"))
        #expect(found.contains("SERVER_STARTER_UDP=" + numbers.map(String.init).joined(separator: ";")))
        #expect(made.descriptors.map(\.child) == numbers && made.pidVariables == [])
    }

    @Test("those without a number of their own take the next ones that are free")
    func free() throws {
        let made = try spawn([socket("a"), socket("b", 4), socket("c"), socket("d")], .serverStarter)
        #expect(made.descriptors.map(\.child) == [3, 4, 5, 6])
    }

    @Test("bytes that are not UTF-8 are handed on unchanged")
    func bytes() throws {
        let path = String(system: Array("/run/".utf8) + [0xFF, 0xFE])
        let entries = try #require(try spawn([socket(path)], .serverStarter).environment)
        #expect(entries.contains(Array("SERVER_STARTER_PORT=/run/".utf8) + [0xFF, 0xFE] + Array("=3".utf8)))
    }

    @Test("what was stored follows the sockets, and the channel follows both")
    func storedAndChannel() throws {
        let made = try spawn([socket("http")], .master, stored: ["state"]) {
            $0.hasChannel = true
            $0.watchdog = .seconds(2)
        } start: {
            $0.channel = 97
            $0.notifySocket = "/run/n"
            $0.isPaused = true
        }
        #expect(made.descriptors.map(\.child) == [3, 4, 5] && made.descriptors.map(\.ours) == [99, 98, 97])
        #expect(
            variables(made) == [
                "LISTEN_FDS=2", "LISTEN_FDNAMES=http:state", "DAEMONKIT_GENERATION=1", "NOTIFY_SOCKET=/run/n",
                "FDSTORE=64",
                "WATCHDOG_USEC=2000000", "DAEMONKIT_WORKER=1 5 reports paused",
            ])
        #expect(made.pidVariables == ["LISTEN_PID", "WATCHDOG_PID"])
        // Where no name can tell of it, it is not handed out.
        #expect(try spawn([socket("http", 7)], .serverStarter, stored: ["state"]).descriptors.count == 1)
        let elsewhere = try spawn([socket("http", 7)], .serverStarter, start: { $0.notifySocket = "/run/n" })
        #expect(!variables(elsewhere).contains("FDSTORE=64"))
    }

    @Test("standard input is /dev/null, but where descriptor 0 is a socket's")
    func input() throws {
        #expect(
            try spawn([], .master) { _ in
            } start: {
                $0.input = 96
            }.descriptors.map(\.child) == [0])
        let made = try spawn([socket("80", 0)], .serverStarter) { _ in
        } start: {
            $0.input = 96
        }
        #expect(made.descriptors.map(\.ours) == [99])
    }
}
