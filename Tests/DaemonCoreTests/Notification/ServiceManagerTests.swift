import Synchronization
import Testing
import Unix

@testable import DaemonCore

/// What goes over NOTIFY_SOCKET. The environment belongs to the process, so each test has one of its own.
@Suite("ServiceManager", .timeLimit(.minutes(20)))
struct ServiceManagerTests {
    private let folder = TemporaryFolder()

    /// The manager's end, and all that came.
    private struct Receiver: ~Copyable {
        let socket: FileDescriptor

        init(_ address: String) throws {
            let socket = try Socket.open(AF_UNIX, .datagram)
            try Socket.bind(socket.number, to: .unix(address))
            self.socket = socket
        }

        func messages() throws -> [String] {
            var messages: [String] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while Poll.readable(socket.number, timeout: .zero) {
                let count = try Descriptor.read(socket.number, into: &buffer)
                messages.append(String(decoding: buffer[..<count], as: UTF8.self))
            }
            return messages
        }
    }

    @Test("each state has its words")
    func words() async {
        await #expect(processExitsWith: .success) { [path = folder["notify"] as String] in
            let receiver = try Receiver(path)
            setenv("NOTIFY_SOCKET", path, 1)
            let manager = ServiceManager.take()
            #expect(Environment["NOTIFY_SOCKET"] == nil)
            for message in [ManagerMessage.ready(), .beat, .status("serving 5 clients"), .stopping] {
                try manager.tell(message)
            }
            let messages = try receiver.messages()
            #expect(
                messages == [
                    "READY=1\nMAINPID=\(CurrentProcess.id)\nSTATUS=Ready.", "WATCHDOG=1", "STATUS=serving 5 clients",
                    "STOPPING=1\nSTATUS=Stopping.",
                ])
        }
    }

    @Test("a reload tells the monotonic time in microseconds")
    func reloading() async {
        await #expect(processExitsWith: .success) { [path = folder["notify"] as String] in
            let receiver = try Receiver(path)
            setenv("NOTIFY_SOCKET", path, 1)
            let before = MonotonicTime.now.nanoseconds / 1000
            try ServiceManager.take().tell(.reloading)
            let message = try #require(try receiver.messages().first)
            let match = try #require(message.wholeMatch(of: /RELOADING=1\nSTATUS=Reloading.\nMONOTONIC_USEC=(\d+)/))
            let time = try #require(Int64(match.1))
            #expect(time >= before && time <= MonotonicTime.now.nanoseconds / 1000)
        }
    }

    @Test("a status is one line, so that it can say nothing but a status")
    func forgedStatus() async {
        await #expect(processExitsWith: .success) { [path = folder["notify"] as String] in
            let receiver = try Receiver(path)
            setenv("NOTIFY_SOCKET", path, 1)
            try ServiceManager.take().tell(.status("fine\nMAINPID=1\r\0x"))
            let messages = try receiver.messages()
            #expect(messages == ["STATUS=fine MAINPID=1  x"])
        }
    }

    #if os(Linux)
    @Test("the manager may be at an abstract name")
    func abstract() async {
        await #expect(processExitsWith: .success) {
            let name = "@daemonkit-tests/\(CurrentProcess.id)"
            let receiver = try Receiver(name)
            setenv("NOTIFY_SOCKET", name, 1)
            try ServiceManager.take().tell(.beat)
            let messages = try receiver.messages()
            #expect(messages == ["WATCHDOG=1"])
        }
    }
    #endif

    @Test(
        "without a manager, or with nonsense for one, all is silent; one that is gone is an error of the message",
        arguments: ["", "relative", "/nonexistent/x"])
    func silent(value: String) async {
        await #expect(processExitsWith: .success) { [value = value as String] in
            setenv("NOTIFY_SOCKET", value, 1)
            let manager = ServiceManager.take()
            if value.hasPrefix("/") {
                // Nobody waits for it: the start goes on, and says so.
                #expect(throws: ServiceManager.Failure.self) { try manager.tell(.ready()) }
            } else {
                try manager.tell(.ready())
                try manager.tell(.status("x"))
            }
            #expect(manager.watchdogInterval == nil && Environment["NOTIFY_SOCKET"] == nil)
            try ServiceManager.none.tell(.ready())
        }
    }

    @Test("READY=1 waits for room, and arrives: a queue of ten datagrams is full at once")
    func waits() async {
        await #expect(processExitsWith: .success) { [path = folder["notify"] as String] in
            let receiver = try Receiver(path)
            setenv("NOTIFY_SOCKET", path, 1)
            let manager = ServiceManager.take()
            var count = 0
            while (try? manager.tell(.status("x"))) != nil { count += 1 }
            let waiting = count
            #expect(waiting > 0)
            let number = receiver.socket.number
            let taken = Atomic(0)
            try Unix.Thread.start {
                // Long enough, most often, to find no room first.
                Poll.pause(.milliseconds(100))
                var buffer = [UInt8](repeating: 0, count: 64)
                for _ in 0..<waiting {
                    taken.add(1, ordering: .sequentiallyConsistent)
                    _ = try? Descriptor.read(number, into: &buffer)
                }
            }
            try manager.tell(.ready())
            #expect(taken.load(ordering: .sequentiallyConsistent) > 0, "it was said where there was no room")
            let messages = try receiver.messages()
            #expect(messages.last?.hasPrefix("READY=1\n") == true)
        }
    }

    @Test("where READY=1 finds no room in all its time, it fails")
    func failsLoudly() async {
        await #expect(processExitsWith: .success) { [path = folder["notify"] as String] in
            let receiver = try Receiver(path)
            setenv("NOTIFY_SOCKET", path, 1)
            let manager = ServiceManager.take()
            while (try? manager.tell(.status("x"))) != nil {}
            #expect(throws: ServiceManager.Failure.self) { try manager.tell(.ready()) }
            _ = receiver
        }
    }

    @Test("a manager that was replaced is told all the same")
    func replaced() async {
        await #expect(processExitsWith: .success) { [path = folder["notify"] as String] in
            let manager: ServiceManager
            do {
                let first = try Receiver(path)
                setenv("NOTIFY_SOCKET", path, 1)
                manager = ServiceManager.take()
                try manager.tell(.beat)
                _ = first
            }
            unlink(path)
            let second = try Receiver(path)
            try manager.tell(.beat)
            #expect(try second.messages() == ["WATCHDOG=1"])
        }
    }

    @Test("a manager that does not read blocks nobody for long")
    func deaf() async {
        await #expect(processExitsWith: .success) { [path = folder["notify"] as String] in
            let receiver = try Receiver(path)
            setenv("NOTIFY_SOCKET", path, 1)
            let manager = ServiceManager.take()
            for _ in 0..<10_000 { try? manager.tell(.beat) }
            #expect(Poll.readable(receiver.socket.number, timeout: .zero))
        }
    }

    @Test(
        "the watchdog is ours only when it is meant for us and has a time",
        arguments: [
            ("2000000", nil, 2_000_000), ("1", nil, 1), ("0", nil, nil), ("-5", nil, nil), ("x", nil, nil),
            ("2000000", "1", nil), ("2000000", "own", 2_000_000), ("2000000", "x", nil),
        ] as [(String, String?, Int64?)])
    func watchdog(microseconds: String, pid: String?, expected: Int64?) async {
        await #expect(processExitsWith: .success) {
            [
                path = folder["notify"] as String, microseconds = microseconds as String, pid = pid as String?,
                expected = expected as Int64?
            ] in
            let receiver = try Receiver(path)
            setenv("NOTIFY_SOCKET", path, 1)
            setenv("WATCHDOG_USEC", microseconds, 1)
            if let pid { setenv("WATCHDOG_PID", pid == "own" ? "\(CurrentProcess.id)" : pid, 1) }
            #expect(ServiceManager.take().watchdogInterval == expected.map { .microseconds($0) })
            #expect(Environment["WATCHDOG_USEC"] == nil && Environment["WATCHDOG_PID"] == nil)
            _ = receiver
        }
    }
}
