import Supervision
import Testing
import Unix

@testable import MasterRuntime

/// Clients that go, that stay silent, and that live through another image of the master.
@Suite("ControlServer's sessions", .timeLimit(.minutes(20)))
struct ControlSessionTests {
    private let folder = TemporaryFolder()

    /// What a test's commands have seen; of the master's thread.
    private final class Seen {
        var answers: [(String) -> Void] = []
        var abandoned: [Requester] = []
        var requests = 0
        var other: ControlServer?
    }

    /// `wait` is answered by `release`, or never; `seen` tells how many wait and who was given up.
    private static func commands(_ seen: Seen, _ server: ControlServer) -> [ControlCommand] {
        [
            ControlCommand("wait", "") { _, session, answer in
                seen.requests += 1
                session.requester = seen.requests
                seen.answers.append(answer)
            },
            ControlCommand("release", "") { _, _, answer in
                for release in seen.answers { release("released") }
                seen.answers = []
                answer("ok")
            },
            ControlCommand("seen", "") { [unowned server] _, _, answer in
                answer("\(server.sessions.count) sessions, \(seen.answers.count) wait, given up: \(seen.abandoned)")
            },
        ]
    }

    private static func serve(
        at path: String, prepare: @escaping (Master, ControlServer, Seen) throws -> Void = { _, _, _ in },
        client: @escaping @Sendable (String) throws -> Void
    ) throws -> Never {
        let seen = Seen()
        try serveControl(
            at: path,
            prepare: { master, server in
                server.add(commands(seen, server))
                server.abandoned = { seen.abandoned.append($0) }
                try prepare(master, server, seen)
            }, client: client)
    }

    // MARK: Clients that go

    @Test("a client that goes while its command runs ends its session at once, and its requester is forgotten")
    func goes() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try Self.serve(at: path) { (path: String) throws in
                for number in 1...3 {
                    let client = try ControlClient(path)
                    try client.send(number == 2 ? "wait;echo a\necho b" : "wait\n")
                    // What it sends later is not read, and holds nobody.
                    if number == 3 { try client.send(String(repeating: "x", count: 5000)) }
                    #expect(try eventually { try ControlClient.ask("seen", at: path).contains("\(number) wait") })
                    client.close()
                    let gone = "1 sessions, \(number) wait, given up: \(Array(1...number))\n\n"
                    #expect(try eventually { try ControlClient.ask("seen", at: path) == gone })
                }
                // The late answers hurt nobody.
                #expect(try ControlClient.ask("release", at: path) == "ok\n\n")
                #expect(try ControlClient.ask("seen", at: path) == "1 sessions, 0 wait, given up: [1, 2, 3]\n\n")
            }
        }
    }

    @Test("a client that has only ended its own side gets its answers, and its session costs no work meanwhile")
    func halfClosed() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try Self.serve(at: path) { (path: String) throws in
                let client = try ControlClient(path)
                try client.send("wait;echo a\n")
                Socket.shutdownWriting(client.number)
                #expect(try eventually { try ControlClient.ask("seen", at: path).contains("1 wait") })
                let before = clock()
                // No wait for something, but the time in which a busy loop would work.
                Poll.pause(.milliseconds(200))
                #expect(clock() - before < 100_000)
                #expect(try ControlClient.ask("release", at: path) == "ok\n\n")
                #expect(try client.readToEnd() == "released\n\na\n\n")
                #expect(try ControlClient.ask("seen", at: path) == "1 sessions, 0 wait, given up: []\n\n")
            }
        }
    }

    @Test("of a client that goes with unread answers and a running command nothing stays")
    func goesUnread() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try Self.serve(
                at: path,
                prepare: { _, server, _ in
                    // As much as the session still takes: with more unread the last command would not begin.
                    let text = String(repeating: "x", count: 100 << 10)
                    server.add([ControlCommand("large", "") { _, _, answer in answer(text) }])
                },
                client: { (path: String) throws in
                    let client = try ControlClient(path)
                    try client.send("large;large;wait\n")
                    #expect(try eventually { try ControlClient.ask("seen", at: path).contains("1 wait") })
                    client.close()
                    #expect(
                        try eventually {
                            try ControlClient.ask("seen", at: path) == "1 sessions, 1 wait, given up: [1]\n\n"
                        })
                })
        }
    }

    // MARK: Many

    @Test("a session that waits for an answer is not the one that makes room, and the one silent for longest is")
    func eviction() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            // Sixteen sessions, and descriptors for the clients.
            openFilesLimit = (528, 528)
            try Self.serve(at: path) { (path: String) throws in
                let busy = try ControlClient(path)
                try busy.send("wait\n")
                let first = try ControlClient(path)
                try first.ask("prompt i", "\n")
                let second = try ControlClient(path)
                try second.ask("prompt i", "\n")
                try first.ask("echo a", "a\n\n")
                #expect(try ControlClient.ask("seen", at: path).hasPrefix("4 sessions, 1 wait"))
                for _ in 0..<13 {
                    // Kept open by its number.
                    let other = try Socket.open(AF_UNIX, .stream).release()
                    try Socket.connect(other, to: .unix(path))
                }
                // The seventeenth: the second was silent for longest.
                #expect(try ControlClient.ask("seen", at: path).hasPrefix("16 sessions, 1 wait"))
                #expect(try second.readToEnd() == "")
                try first.ask("echo b", "b\n\n")
                #expect(try ControlClient.ask("release", at: path) == "ok\n\n")
                #expect(try busy.readToEnd() == "released\n\n")
            }
        }
    }

    @Test("the list of idle sessions keeps its order through any use")
    func idleList() {
        var list = IdleSessions()
        var model: [Int32] = []
        let sessions = (0..<20).map { ControlSession(Int32($0)) }
        var random = Seeded(1)
        for _ in 0..<20_000 {
            let session = sessions[Int(random.next() % 20)]
            model.removeAll { $0 == session.descriptor }
            if random.next() % 3 == 0 {
                list.remove(session)
            } else {
                list.append(session)
                model.append(session.descriptor)
            }
            guard list.first?.descriptor == model.first else {
                Issue.record("\(model)")
                return
            }
        }
        for number in model {
            #expect(list.first?.descriptor == number)
            if let first = list.first { list.remove(first) }
        }
        #expect(list.first == nil)
    }

    // MARK: Another image

    /// Another server takes the sessions over, as after an exec; what waits is answered by it.
    private static func handOver(_ master: Master, _ old: ControlServer, _ seen: Seen, _ router: StubRouter?) throws {
        let state = SavedState(decoding: SavedState(old.records).bytes)
        for number in old.descriptors { master.unwatch(number) }
        // After an exec there is no old server that could go on with them.
        for session in old.sessions.values { session.server = nil }
        let listener = try Descriptor.duplicate(old.listener, above: [2])
        let server = try ControlServer(
            listener, file: old.file, master: master, accounts: old.accounts, level: old.level)
        server.add(commands(seen, server))
        server.router = router
        server.state = "New"
        server.abandoned = { seen.abandoned.append($0) }
        seen.other = server
        seen.answers = []
        server.restore(state) { requester, answer in seen.answers.append { answer("\($0) \(requester)") } }
    }

    /// `upgrade` hands over when its own session has been answered.
    private static func serveUpgrades(at path: String, client: @escaping @Sendable (String) throws -> Void) throws
        -> Never
    {
        let router = StubRouter()
        router.forwarded = { request, pid, session, answer in
            if request.words != ["hang"] {
                answer("\(pid) \(session.level): \(request.words) \(request.payload ?? "-")")
            }
        }
        try serve(
            at: path,
            prepare: { master, server, seen in
                server.router = router
                server.add([
                    ControlCommand("upgrade", "") { [unowned server] _, _, answer in
                        answer("soon")
                        master.after(.zero) { try? handOver(master, server, seen, router) }
                    }
                ])
            }, client: client)
    }

    @Test("target, level and mode of a session survive")
    func survives() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try Self.serveUpgrades(at: path) { (path: String) throws in
                let (routed, plain) = (try ControlClient(path), try ControlClient(path))
                try routed.ask("operator;@web;prompt", "\n\n102> ")
                try plain.ask("prompt i", "\n")
                #expect(try ControlClient.ask("upgrade", at: path) == "soon\n\n")
                try routed.ask("a", "102 operator: [\"a\"] -\n\n102> ")
                try routed.ask("@0", "master[New]> ")
                try plain.ask("show cli level", "admin\n\n")
                try plain.ask("@7", "Can't find the target PID matching the prefix '@7'\n\n")
            }
        }
    }

    @Test("queued commands survive with their payload, and a payload that has come half")
    func queued() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try Self.serveUpgrades(at: path) { (path: String) throws in
                let (queued, half) = (try ControlClient(path), try ControlClient(path))
                try queued.send("prompt i\nwait;@1 a b\\ c;@web;set <<E\none\n<<F;x\nE\necho more")
                try half.send("@1;set <<E\r\ntwo\n;th")
                try queued.expect("\n")
                #expect(try eventually { try ControlClient.ask("seen", at: path).contains("1 wait") })
                #expect(try ControlClient.ask("upgrade", at: path) == "soon\n\n")
                #expect(try eventually { try ControlClient.ask("seen", at: path).contains("3 sessions, 1 wait") })
                #expect(try ControlClient.ask("release", at: path) == "ok\n\n")
                try queued.expect(
                    "released 1\n\n101 admin: [\"a\", \"b c\"] -\n\n102 admin: [\"set\"] one\n<<F;x\n\n")
                try queued.ask(" than;@0;echo that", "102 admin: [\"echo\", \"more\", \"than\"] -\n\nthat\n\n")
                try half.send("ree\nE\n")
                #expect(try half.readToEnd() == "101 admin: [\"set\"] two\n;three\n\n")
            }
        }
    }

    @Test("a command that nobody answers after it is told to be lost, and those behind it go on")
    func lost() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try Self.serveUpgrades(at: path) { (path: String) throws in
                let client = try ControlClient(path)
                try client.send("@1 hang;echo a\n")
                #expect(try eventually { try ControlClient.ask("seen", at: path).hasPrefix("2 sessions") })
                #expect(try ControlClient.ask("upgrade", at: path) == "soon\n\n")
                #expect(try client.readToEnd() == "Lost by an upgrade of the master.\n\na\n\n")
            }
        }
    }

    @Test(
        "the next image answers a waiting client that has ended its side, and gives up one that goes"
    )
    func waitingClients() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try Self.serveUpgrades(at: path) { (path: String) throws in
                let (half, going) = (try ControlClient(path), try ControlClient(path))
                try half.send("wait\n")
                Socket.shutdownWriting(half.number)
                #expect(try eventually { try ControlClient.ask("seen", at: path).contains("1 wait") })
                try going.send("wait\n")
                #expect(try eventually { try ControlClient.ask("seen", at: path).contains("2 wait") })
                #expect(try ControlClient.ask("upgrade", at: path) == "soon\n\n")
                #expect(try eventually { try ControlClient.ask("seen", at: path).hasPrefix("3 sessions, 2 wait") })
                going.close()
                let gone = "2 sessions, 2 wait, given up: [2]\n\n"
                #expect(try eventually { try ControlClient.ask("seen", at: path) == gone })
                #expect(try ControlClient.ask("release", at: path) == "ok\n\n")
                #expect(try half.readToEnd() == "released 1\n\n")
            }
        }
    }

    @Test("sessions of one control socket are not another's")
    func twoSockets() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try runMaster { master, _ in
                let accounts = ControlAccounts(master)
                let servers = try [path, "\(path)2"].map { (path: String) throws in
                    let (descriptor, file) = try ControlServer.bind(path)
                    return try ControlServer(descriptor, file: file, master: master, accounts: accounts)
                }
                var record = StateRecord("session")
                let (ours, theirs) = (try Self.pair(), try Self.pair())
                var records: [StateRecord] = []
                for (number, path) in [(ours.0, path), (theirs.0, "\(path)2")] {
                    record[number: "descriptor"] = Int(number)
                    record["socket"] = path
                    records.append(record)
                }
                for server in servers { server.restore(SavedState(records)) { _, _ in } }
                #expect(Array(servers[0].sessions.keys) == [ours.0] && Array(servers[1].sessions.keys) == [theirs.0])
                CurrentProcess.exit(0)
            }
        }
    }

    private static func pair() throws -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, streamKind, 0, &ends) == 0 else { throw Errno.current }
        return (ends[0], ends[1])
    }

    @Test("records that make no sense are no session, and harm none")
    func nonsense() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try serveControl(
                at: path,
                prepare: { _, server in
                    var records: [StateRecord] = []
                    for descriptor in ["", "-1", "4294967296", "999999", "x"] {
                        var record = StateRecord("session")
                        record["descriptor"] = descriptor
                        records.append(record)
                    }
                    records += [StateRecord("session"), StateRecord("request")]
                    server.restore(SavedState(records)) { _, _ in Issue.record("nobody waits") }
                    #expect(server.sessions.isEmpty)
                },
                client: { (path: String) throws in
                    #expect(try ControlClient.ask("echo a", at: path) == "a\n\n")
                })
        }
    }
}

#if canImport(Glibc)
private let streamKind = Int32(SOCK_STREAM.rawValue)
#else
private let streamKind = SOCK_STREAM
#endif
