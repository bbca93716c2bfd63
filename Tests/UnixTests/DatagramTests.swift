import Testing
import Unix

private let hasPython = (try? output(of: Spawn("/usr/bin/env", ["python3", "-c", "print(1)"]))) == "1\n"

@Suite("Datagrams with credentials", .timeLimit(.minutes(20)))
struct DatagramTests {
    private let folder = TemporaryFolder()

    private func receiving() throws -> FileDescriptor {
        let socket = try Socket.open(AF_UNIX, .datagram)
        try Socket.bind(socket.number, to: .unix(folder["socket"]))
        try Socket.askForCredentials(socket.number)
        return socket
    }

    private func send(_ bytes: [UInt8]) throws {
        let client = try Socket.open(AF_UNIX, .datagram)
        try Socket.connect(client.number, to: .unix(folder["socket"]))
        #expect(try Socket.send(client.number, bytes.span) == bytes.count)
    }

    @Test("where none waits it would block")
    func wouldBlock() throws {
        let socket = try receiving()
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(throws: Errno.wouldBlock) { try Socket.receive(socket.number, into: &buffer) }
        try Descriptor.setNonBlocking(socket.number, true)
        #expect(throws: Errno.wouldBlock) { try Socket.receive(socket.number, into: &buffer) }
    }

    @Test("what is no socket, or not open, says so")
    func noSocket() throws {
        let file = try FileDescriptor.open("/dev/null", .readWrite)
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(throws: Errno(rawValue: ENOTSOCK)) { try Socket.receive(file.number, into: &buffer) }
        #expect(throws: Errno.badDescriptor) { try Socket.receive(-1, into: &buffer) }
        #expect(throws: Errno(rawValue: ENOTSOCK)) { try Socket.askForCredentials(file.number) }
    }

    @Test("datagrams come one by one, in their order, the empty one too")
    func order() throws {
        let socket = try receiving()
        for text in ["one", "", "three"] { try send(Array(text.utf8)) }
        var buffer = [UInt8](repeating: 0, count: 16)
        var texts: [String] = []
        for _ in 0..<3 {
            let (count, _) = try Socket.receive(socket.number, into: &buffer)
            texts.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
        #expect(texts == ["one", "", "three"])
    }

    @Test("one that is longer than the buffer is cut, and its rest is not the next one")
    func tooLong() throws {
        let socket = try receiving()
        try send(Array("0123456789".utf8))
        try send(Array("next".utf8))
        var buffer = [UInt8](repeating: 0, count: 4)
        #expect(try Socket.receive(socket.number, into: &buffer).count == 4)
        #expect(buffer == Array("0123".utf8))
        #expect(try Socket.receive(socket.number, into: &buffer).count == 4)
        #expect(buffer == Array("next".utf8))
    }

    #if os(Linux)
    @Test("the sender is told: this process, when it is us")
    func ourselves() throws {
        let socket = try receiving()
        try send([1])
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(try Socket.receive(socket.number, into: &buffer).sender == CurrentProcess.id)
    }

    @Test("without asking for credentials nobody is named")
    func notAsked() throws {
        let socket = try Socket.open(AF_UNIX, .datagram)
        try Socket.bind(socket.number, to: .unix(folder["socket"]))
        try send([1])
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(try Socket.receive(socket.number, into: &buffer) == (1, 0))
    }

    /// Runs a script with the socket's path as its argument, to its end; its pid.
    private func python(_ script: String) throws -> ProcessID {
        let pid = try Spawn("/usr/bin/env", ["python3", "-c", script, folder["socket"]]).start()
        #expect(try Child.reap(pid, waiting: true) == .exited(0))
        return pid
    }

    @Test("a child is told by its pid, also when it has ended", .enabled(if: hasPython, "needs python3"))
    func child() throws {
        let socket = try receiving()
        let pid = try python(
            "import socket,sys; socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM).sendto(b'READY=1',sys.argv[1])")
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(try Socket.receive(socket.number, into: &buffer) == (7, pid))
    }

    @Test(
        "a pid that is not the sender's cannot be claimed without privileges",
        .enabled(if: hasPython && getuid() == 0, "needs python3, and root to become nobody"))
    func forged() throws {
        let socket = try receiving()
        chmod(folder.path, 0o755)
        chmod(folder["socket"], 0o777)
        _ = try python(
            """
            import os, socket, struct, sys
            os.setgid(65534); os.setuid(65534)
            client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            client.connect(sys.argv[1])
            try:
                client.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack('3i', 1, 65534, 65534))])
                sys.exit(1)
            except PermissionError:
                pass
            """)
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(throws: Errno.wouldBlock) { try Socket.receive(socket.number, into: &buffer) }
    }

    @Test("descriptors that come along are closed, however many", .enabled(if: hasPython, "needs python3"))
    func descriptors() async {
        await #expect(processExitsWith: .success) {
            let test = DatagramTests()
            let socket = try test.receiving()
            let pid = try test.python(
                """
                import array, os, socket, sys
                client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                client.connect(sys.argv[1])
                for count in (1, 2, 100):
                    client.sendmsg([b'FDSTORE=1'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [1] * count))])
                """)
            let before = openDescriptors()
            var buffer = [UInt8](repeating: 0, count: 16)
            for _ in 0..<3 {
                #expect(try Socket.receive(socket.number, into: &buffer) == (9, pid))
                #expect(openDescriptors() == before)
            }
        }
    }

    @Test(
        "descriptors that come along are closed at once: sd_notify_barrier(3) returns",
        .enabled(if: hasPython, "needs python3"))
    func barrier() throws {
        let socket = try receiving()
        let ends = try FileDescriptor.pipe()
        var spawn = Spawn(
            "/usr/bin/env",
            [
                "python3", "-c",
                """
                import array, os, select, socket, sys
                client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                client.connect(sys.argv[1])
                read, write = os.pipe()
                client.sendmsg([b'BARRIER=1'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [write]))])
                os.close(write)
                sys.exit(0 if select.select([read], [], [], 20)[0] else 1)
                """, folder["socket"],
            ])
        spawn.descriptors = [(1, ends.write.number)]
        let pid = try spawn.start()
        #expect(Poll.readable(socket.number, timeout: .seconds(20)))
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(try Socket.receive(socket.number, into: &buffer) == (9, pid))
        #expect(try Child.reap(pid, waiting: true) == .exited(0))
    }

    @Test("a stream with a descriptor in it is not read where nothing refuses it; one that refuses gets none")
    func stream() throws {
        let (one, other) = try Socket.pair()
        defer { for end in [one, other] { Descriptor.close(end) } }
        var buffer = [UInt8](repeating: 0, count: 64)
        _ = try Socket.send(one, Array("plain".utf8).span)
        #expect(try Socket.read(other, into: &buffer, looksFirst: true) == 5)
        // What waits in front of it is read in one with it.
        _ = try Socket.send(one, Array("plain".utf8).span)
        try Socket.send(one, Array("with".utf8), descriptor: 0)
        #expect(throws: Errno.notPermitted) { try Socket.read(other, into: &buffer, looksFirst: true) }
        guard Socket.canRefuseDescriptors else { return }
        #expect(Socket.refuseDescriptors(other))
        #expect(throws: Errno.notPermitted) { try Socket.send(one, [1], descriptor: 0) }
    }

    @Test("a look leaves the datagram where it is, and closes nothing")
    func looks() throws {
        let socket = try receiving()
        let client = try Socket.open(AF_UNIX, .datagram)
        try Socket.connect(client.number, to: .unix(folder["socket"]))
        let ends = try FileDescriptor.pipe().release()
        defer { Descriptor.close(ends.read) }
        try Socket.send(client.number, Array("x".utf8), descriptor: ends.write)
        Descriptor.close(ends.write)
        var buffer = [UInt8](repeating: 0, count: 16)
        for _ in 0..<3 {
            let seen = try Socket.peek(socket.number, into: &buffer)
            #expect(seen.leavesDescriptors && seen.count == 1 && seen.sender == CurrentProcess.id)
            #expect(seen.user == CurrentProcess.userID && !Poll.readable(ends.read, timeout: .zero))
        }
        let taken = try Socket.receive(socket.number, into: &buffer, mostDescriptors: Socket.mostDescriptors)
        #expect(taken.descriptors.count == 1 && !Poll.readable(ends.read, timeout: .zero))
        for number in taken.descriptors { Descriptor.close(number) }
        #expect(Poll.readable(ends.read, timeout: .seconds(1)))
    }
    #endif
}
