import Supervision
import Testing
import Unix

@testable import DaemonKit

#if os(Linux)
private let hasPython = (try? output(of: Spawn("/usr/bin/env", ["python3", "-c", "print(1)"]))) == "1\n"

/// Says READY=1 to $NOTIFY_SOCKET, or what its argument says, and lives on.
private let say = """
    import os, socket, sys, time
    client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    client.sendto(sys.argv[1].encode(), os.environ['NOTIFY_SOCKET'].replace('@', '\\0'))
    if len(sys.argv) > 2: open(sys.argv[2], 'w')
    time.sleep(600)
    """

private let python = ["python3", "-c", say]

@Suite("NotifySocket", .enabled(if: hasPython, "needs python3"))
struct NotifySocketTests {
    /// It belongs to the test, not to the process of its exit test, which never ends its life.
    private let folder = TemporaryFolder()

    /// Runs a master of some services that get ready by a word; each is started by its closure.
    private static func run(
        _ services: [(String, (NotifySocket) -> Spawn)], _ prepare: (Master, StubHost, NotifySocket) throws -> Void
    ) throws -> Never {
        let socket = try NotifySocket()
        Environment.set("NOTIFY_SOCKET", socket.address)
        try runMaster { master, host in
            host.plan = Plan(
                services: services.map { name, _ in
                    var service = Service(name: name, stopSignal: SIGKILL)
                    service.readiness = .notified
                    return service
                })
            host.starts = { child throws(Errno) in
                guard let service = services.first(where: { $0.0 == child.service }) else { throw .noSuchFile }
                return try service.1(socket).start()
            }
            try master.watch(socket.descriptor) { socket.read(for: master) }
            try prepare(master, host, socket)
        }
    }

    private static func speaker(_ text: String) -> (NotifySocket) -> Spawn {
        { _ in Spawn("/usr/bin/env", python + [text]) }
    }

    private static func silent(_ socket: NotifySocket) -> Spawn { Spawn("/bin/sleep", ["600"]) }

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
            let nested: (NotifySocket) -> Spawn = { _ in
                Spawn("/bin/sh", ["-c", "sh -c '\"$@\"; :' sh \"$@\"; :", "sh", "/usr/bin/env"] + python + ["READY=1"])
            }
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

    /// Whether the only child is ready once the socket has read all that came before a last word of our own.
    private static func staysUnready(after send: @escaping (Master, NotifySocket) throws -> Void) throws -> Never {
        try run([("worker", silent)]) { master, host, socket in
            master.after(.zero) {
                do { try send(master, socket) } catch { Issue.record(error) }
                socket.read(for: master)
                #expect(master.supervisor.children.values.map(\.phase) == [.starting])
                master.stopNow()
            }
        }
    }

    private static func send(_ text: String, to socket: NotifySocket) throws {
        let client = try Socket.open(AF_UNIX, .datagram)
        try Socket.connect(client.number, to: .unix(socket.address))
        #expect(try Socket.send(client.number, Array(text.utf8).span) == text.utf8.count)
    }

    @Test("READY=1 of the master itself is nobody's")
    func ourselves() async {
        await #expect(processExitsWith: .success) {
            try Self.staysUnready { _, socket in try Self.send("READY=1", to: socket) }
        }
    }

    @Test("READY=1 of a stranger, who is no descendant of a child, is nobody's")
    func stranger() async {
        await #expect(processExitsWith: .success) { [said = folder["said"] as String] in
            try Self.staysUnready { _, socket in
                // An orphan: its parent is gone before it speaks.
                let script = "(trap '' HUP; while kill -0 $$ 2>/dev/null; do :; done; \"$@\") & echo $!"
                let arguments = ["-c", script, "sh", "/usr/bin/env"] + python + ["READY=1", said]
                let shell = Spawn("/bin/sh", arguments)
                var started = shell
                let null = try FileDescriptor.open("/dev/null", .readWrite)
                started.descriptors = [(1, null.number)]
                let group = try started.start()
                _ = try Unix.Child.reap(group, waiting: true)
                #expect(eventually { (try? FileStatus(path: said)) != nil })
                try Signal.kill.send(to: -group)
            }
        }
    }

    @Test("READY=1 of a helper is no child's")
    func helper() async {
        await #expect(processExitsWith: .success) { [said = folder["said"] as String] in
            try Self.staysUnready { master, socket in
                let helper = try Spawn("/usr/bin/env", python + ["READY=1", said]).start()
                master.adopt(helper: helper) { _ in }
                #expect(eventually { (try? FileStatus(path: said)) != nil })
                socket.read(for: master)
                try Signal.kill.send(to: -helper)
            }
        }
    }

    @Test(
        "what is not READY=1 makes nobody ready", arguments: ["READY=0", "XREADY=1", "READY=1 ", "ready=1", ""])
    func otherWords(text: String) async {
        await #expect(processExitsWith: .success) { [text = text as String, said = folder["said"] as String] in
            let speaker: (NotifySocket) -> Spawn = { _ in Spawn("/usr/bin/env", python + [text, said]) }
            try Self.run([("worker", speaker)]) { master, _, socket in
                master.after(.zero) {
                    #expect(eventually { (try? FileStatus(path: said)) != nil })
                    socket.read(for: master)
                    #expect(master.supervisor.children.values.map(\.phase) == [.starting])
                    master.stopNow()
                }
            }
        }
    }

    @Test("a child that never stops talking does not stop the loop")
    func talker() async {
        await #expect(processExitsWith: .success) {
            let loop = say.replacing(
                "time.sleep(600)",
                with: "while 1: client.sendto(b'STATUS=x', os.environ['NOTIFY_SOCKET'].replace('@', '\\0'))")
            try Self.run([("worker", { _ in Spawn("/usr/bin/env", ["python3", "-c", loop, "STATUS=x"]) })]) {
                master, _, _ in
                var rounds = 0
                func again() {
                    rounds += 1
                    guard rounds == 200 else {
                        _ = master.after(.milliseconds(1), again)
                        return
                    }
                    master.stopNow()
                }
                master.after(.zero, again)
            }
        }
    }

    @Test("two sockets of one process have names of their own, and are close-on-exec")
    func names() throws {
        let (one, two) = (try NotifySocket(), try NotifySocket())
        defer { for socket in [one, two] { Descriptor.close(socket.descriptor) } }
        #expect(one.address != two.address && one.address.hasPrefix("@"))
        #expect(fcntl(one.descriptor, F_GETFD) == FD_CLOEXEC)
    }
}
#endif
