import DaemonCore
import Supervision
import Testing
import Unix

@testable import MasterRuntime

#if os(Linux)
private let hasPython = (try? output(of: Spawn("/usr/bin/env", ["python3", "-c", "print(1)"]))) == "1\n"

/// Says READY=1 to $NOTIFY_SOCKET, or what its argument says, and lives on.
private let say = """
    import os, socket, sys, time
    client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    client.sendto(sys.argv[1].encode(), os.environ['NOTIFY_SOCKET'])
    if len(sys.argv) > 2: open(sys.argv[2], 'w')
    time.sleep(600)
    """

private let python = ["python3", "-c", say]

@Suite("NotifySocket", .enabled(if: hasPython, "needs python3"), .timeLimit(.minutes(20)))
struct NotifySocketTests {
    /// It belongs to the test, not to the process of its exit test, which never ends its life.
    private let folder = TemporaryFolder()

    /// Runs a master of some services that get ready by a word; each is started by its closure.
    private static func run(
        _ services: [(String, Spawn)], access: NotifyAccess? = nil, account: SpawnAccount? = nil,
        take: ((NotifySockets.Notification) -> Void)? = nil,
        _ prepare: (Master, StubHost, NotifySockets) throws -> Void
    ) throws -> Never {
        try runMaster { master, host in
            let sockets = NotifySockets(master, room: { _ in 4 }, complain: { print($0) }) {
                take?($0)
                if $0.message.isReady { master.send(.ready(pid: $0.child.pid)) }
            }
            host.plan = Plan(
                services: services.map { name, _ in
                    var service = Service(name: name, stopSignal: SIGKILL)
                    service.readiness = .notified
                    return service
                })
            host.starts = { child throws(Errno) in
                guard let service = services.first(where: { $0.0 == child.service }) else { throw .noSuchFile }
                var spawn = service.1
                let address = try sockets.open(for: child.id, account: account, access: access)
                spawn.environment = Environment.entries + [Array("NOTIFY_SOCKET=\(address)".utf8)]
                spawn.account = account
                return try spawn.start()
            }
            host.ends = { sockets.removeAll() }
            try prepare(master, host, sockets)
        }
    }

    private static func speaker(_ text: String) -> Spawn { Spawn("/usr/bin/env", python + [text]) }

    private static let silent = Spawn("/bin/sleep", ["600"])

    @Test("READY=1 of a child makes it ready")
    func child() async {
        await #expect(processExitsWith: .success) {
            try Self.run([("worker", Self.speaker("READY=1"))]) { master, host, _ in
                host.reports = { if case .accepted = $0 { master.after(.zero) { master.stopNow() } } }
            }
        }
    }

    @Test("READY=1 counts among other lines, in any place", arguments: ["STATUS=x\nREADY=1", "READY=1\nMAINPID=1\n"])
    func lines(text: String) async {
        await #expect(processExitsWith: .success) { [text = text as String] in
            try Self.run([("worker", Self.speaker(text))]) { master, host, _ in
                host.reports = { if case .accepted = $0 { master.after(.zero) { master.stopNow() } } }
            }
        }
    }

    @Test("READY=1 of a grandchild counts for the child that it descends from")
    func grandchild() async {
        await #expect(processExitsWith: .success) {
            let nested = Spawn(
                "/bin/sh", ["-c", "sh -c '\"$@\"; :' sh \"$@\"; :", "sh", "/usr/bin/env"] + python + ["READY=1"])
            try Self.run([("silent", Self.silent), ("worker", nested)]) { master, host, _ in
                func look() {
                    let ready = master.supervisor.children.values.filter { $0.phase == .ready }
                    guard !ready.isEmpty else {
                        _ = master.after(.milliseconds(1), look)
                        return
                    }
                    #expect(ready.map(\.service) == ["worker"])
                    master.stopNow()
                }
                master.after(.zero, look)
            }
        }
    }

    @Test("whoever speaks and ends at once is recognised, each time", arguments: 1...25)
    func senderIsGone(_: Int) async {
        await #expect(processExitsWith: .success) {
            let script = say.replacing("time.sleep(600)", with: "")
            let shell = Spawn("/bin/sh", ["-c", "python3 -c \"$1\" READY=1; exec sleep 600", "sh", script])
            try Self.run([("worker", shell)]) { master, host, _ in
                host.reports = { if case .accepted = $0 { master.after(.zero) { master.stopNow() } } }
            }
        }
    }

    /// Runs a child that says nothing; `send` speaks in its place, and the child stays unready.
    private static func staysUnready(
        access: NotifyAccess? = nil, account: SpawnAccount? = nil,
        _ send: @escaping (Master, _ address: String) throws -> Void
    ) throws -> Never {
        try run([("worker", silent)], access: access, account: account) { master, _, sockets in
            master.after(.zero) {
                do {
                    let child = try #require(master.supervisor.children.keys.first)
                    try send(master, try #require(sockets.address(of: child)))
                } catch {
                    Issue.record(error)
                }
                master.after(.milliseconds(20)) {
                    #expect(master.supervisor.children.values.map(\.phase) == [.starting])
                    master.stopNow()
                }
            }
        }
    }

    private static func send(_ text: String, to address: String) throws {
        let client = try Socket.open(AF_UNIX, .datagram)
        try Socket.connect(client.number, to: .unix(address))
        #expect(try Socket.send(client.number, Array(text.utf8).span) == text.utf8.count)
    }

    @Test("READY=1 of the master itself is nobody's")
    func ourselves() async {
        await #expect(processExitsWith: .success) {
            try Self.staysUnready { _, address in try Self.send("READY=1", to: address) }
        }
    }

    /// Another process of the same user, which lives on: it says `text` and has then made the file `said`.
    private static func stranger(_ text: String, _ said: String, _ address: String) throws -> ProcessID {
        var spawn = Spawn("/usr/bin/env", python + [text, said])
        spawn.environment = Environment.entries + [Array("NOTIFY_SOCKET=\(address)".utf8)]
        let pid = try spawn.start()
        #expect(eventually { (try? FileStatus(path: said)) != nil })
        return pid
    }

    @Test("READY=1 of a helper is no child's")
    func helper() async {
        await #expect(processExitsWith: .success) { [said = folder["said"] as String] in
            try Self.staysUnready { master, address in
                let helper = try Self.stranger("READY=1", said, address)
                master.adopt(helper: helper) { _ in }
                master.after(.milliseconds(30)) { try? Signal.kill.send(to: -helper) }
            }
        }
    }

    @Test("notify-access main: READY=1 of a descendant is not heard")
    func mainOnly() async {
        await #expect(processExitsWith: .success) { [said = folder["said"] as String] in
            let script = "\"$@\" & sleep 600"
            let shell = Spawn("/bin/sh", ["-c", script, "sh", "/usr/bin/env"] + python + ["READY=1", said])
            try Self.run([("worker", shell)], access: .main) { master, _, _ in
                func look() {
                    guard (try? FileStatus(path: said)) != nil else {
                        _ = master.after(.milliseconds(5), look)
                        return
                    }
                    master.after(.milliseconds(20)) {
                        #expect(master.supervisor.children.values.map(\.phase) == [.starting])
                        master.stopNow()
                    }
                }
                master.after(.zero, look)
            }
        }
    }

    @Test(
        "a heartbeat of another process than the main one counts only with notify-access all",
        arguments: [NotifyAccess.all, nil])
    func beats(access: NotifyAccess?) async {
        await #expect(processExitsWith: .success) { [all = (access == .all) as Bool] in
            let script = "\"$@\" & sleep 600"
            let shell = Spawn("/bin/sh", ["-c", script, "sh", "/usr/bin/env"] + python + ["WATCHDOG=1\nREADY=1"])
            let take: (NotifySockets.Notification) -> Void = {
                #expect($0.message.beats && !$0.isMain && $0.givesBeat == all)
            }
            try Self.run([("worker", shell)], access: all ? .all : nil, take: take) { master, host, _ in
                host.reports = { if case .accepted = $0 { master.after(.zero) { master.stopNow() } } }
            }
        }
    }

    @Test(
        "a stranger cannot reach the socket of a child, whatever its user, but the child's user can",
        .enabled(if: getuid() == 0, "needs root"))
    func otherUser() async {
        await #expect(processExitsWith: .success) {
            let account = SpawnAccount(user: 65534, group: 65534, groups: [])
            try Self.staysUnready(account: account) { _, address in
                let folder = String(address.dropLast("/s".count))
                let whole = folder.split(separator: "/").dropLast().map { "/\($0)" }.joined()
                let status = try FileStatus(path: folder)
                #expect(status.owner == 65534 && status.mode == 0o700)
                #expect(try FileStatus(path: whole).mode == 0o711)
                for (user, code) in [(65533, Int32(13)), (65534, 0)] as [(UserID, Int32)] {
                    let script = """
                        import socket, sys
                        try: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'STATUS=x', sys.argv[1])
                        except PermissionError: sys.exit(13)
                        """
                    var spawn = Spawn("/usr/bin/env", ["python3", "-c", script, address])
                    spawn.account = SpawnAccount(user: user, group: 65534, groups: [])
                    #expect(try Unix.Child.reap(try spawn.start(), waiting: true) == .exited(code))
                }
            }
        }
    }

    @Test(
        "what is not READY=1 makes nobody ready", arguments: ["READY=0", "XREADY=1", "READY=1 ", "ready=1", ""])
    func otherWords(text: String) async {
        await #expect(processExitsWith: .success) { [text = text as String, said = folder["said"] as String] in
            let speaker = Spawn("/usr/bin/env", python + [text, said])
            try Self.run([("worker", speaker)]) { master, _, _ in
                master.after(.zero) {
                    #expect(eventually { (try? FileStatus(path: said)) != nil })
                    master.after(.milliseconds(20)) {
                        #expect(master.supervisor.children.values.map(\.phase) == [.starting])
                        master.stopNow()
                    }
                }
            }
        }
    }

    @Test("a child that never stops talking neither stops the loop nor holds up another one's READY=1")
    func talker() async {
        await #expect(processExitsWith: .success) {
            let loop = say.replacing(
                "time.sleep(600)", with: "while 1: client.sendto(b'STATUS=x', os.environ['NOTIFY_SOCKET'])")
            let talker = Spawn("/usr/bin/env", ["python3", "-c", loop, "STATUS=x"])
            try Self.run([("talker", talker), ("worker", Self.speaker("READY=1"))]) { master, host, _ in
                host.reports = { if case .accepted = $0 { master.after(.milliseconds(50)) { master.stopNow() } } }
            }
        }
    }

    @Test("of what is stored, a file that may wait for a server at each close is refused, and the rest is kept")
    func unusualFiles() async {
        await #expect(processExitsWith: .success) {
            let script = """
                import array, os, socket, time
                out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                files = [os.open('/proc/self/status', os.O_RDONLY), os.pipe()[0]]
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', files))]
                out.sendmsg([b'FDSTORE=1'], rights, 0, os.environ['NOTIFY_SOCKET'])
                out.sendto(b'READY=1', os.environ['NOTIFY_SOCKET'])
                time.sleep(600)
                """
            var stored: [Int] = []
            let take: (NotifySockets.Notification) -> Void = {
                if $0.message.storesDescriptors { stored.append($0.descriptors.count) }
            }
            try Self.run([("worker", Spawn("/usr/bin/env", ["python3", "-c", script]))], take: take) {
                master, host, _ in
                host.reports = { if case .accepted = $0 { master.after(.zero) { master.stopNow() } } }
                host.ends = { #expect(stored == [1]) }
            }
        }
    }

    @Test("descriptors that may wait at their end hold up no loop", arguments: ["direct", "nested"])
    func lingering(how: String) async {
        await #expect(processExitsWith: .success) { [how = how as String] in
            let script = """
                import array, os, socket, struct, sys, time
                listener = socket.create_server(('127.0.0.1', 0))
                client = socket.socket()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 600))
                client.connect(listener.getsockname())
                client.setblocking(False)
                try:
                    while True: client.send(b'x' * 65536)
                except BlockingIOError: pass
                fd = client.detach()
                if sys.argv[1] == 'nested':
                    one, two = socket.socketpair()
                    one.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))])
                    os.close(fd)
                    fd = two.detach()
                to = os.environ['NOTIFY_SOCKET']
                out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                for text in (b'BARRIER=1', b'FDSTORE=1', b'FDSTORE=1'):
                    out.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))], 0, to)
                os.close(fd)
                if sys.argv[1] == 'nested': one.close()
                out.sendto(b'READY=1', to)
                time.sleep(600)
                """
            let speaker = Spawn("/usr/bin/env", ["python3", "-c", script, how])
            var worst = Duration.zero
            try Self.run([("worker", speaker)]) { master, host, _ in
                var last = MonotonicTime.now
                func tick() {
                    worst = max(worst, .now - last)
                    last = .now
                    master.after(.milliseconds(2), tick)
                }
                tick()
                host.reports = { report in
                    if case .accepted = report { master.after(.zero) { master.stopNow() } }
                }
                host.ends = { #expect(worst < .seconds(5), "the loop stood still for \(worst)") }
            }
        }
    }

    @Test("a directory of a master that was killed is removed by the next, one of a living master stays")
    func sweep() async throws {
        await #expect(processExitsWith: .success) { [place = folder.path as String] in
            Environment.set("RUNTIME_DIRECTORY", place)
            chmod(place, 0o755)
            let dead = try NotifyDirectory()
            _ = try dead.bind(1, user: nil, group: nil)
            _ = try FileDescriptor.open("\(dead.path)/1/junk", [.create, .writeOnly])
            let living = try NotifyDirectory()
            #expect(dead.path.hasPrefix(place) && Files.names(in: place).count == 2)
            Descriptor.close(dead.descriptor)
            let third = try NotifyDirectory()
            #expect(third.abandoned == [dead.path])
            NotifyDirectory.clear(third.abandoned)
            #expect(Set(Files.names(in: place).map { "\(place)/\($0)" }) == [living.path, third.path])
            third.removeAll()
        }
    }

    @Test("a place that others may write to is not used")
    func unsafePlace() async {
        await #expect(processExitsWith: .success) { [place = folder.path as String] in
            Environment.set("RUNTIME_DIRECTORY", place)
            chmod(place, 0o777)
            let directory = try NotifyDirectory()
            #expect(!directory.path.hasPrefix(place))
            directory.removeAll()
        }
    }
}
#endif
