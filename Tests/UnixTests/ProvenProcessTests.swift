import CUnix
import Testing
import Unix

@Suite("Processes that are proven", .timeLimit(.minutes(20)))
struct ProvenProcessTests {
    private let folder = TemporaryFolder()

    private static func sleeper(_ change: (inout Spawn) -> Void = { _ in }) throws -> ProcessID {
        var spawn = Spawn("/bin/sleep", ["600"])
        change(&spawn)
        return try spawn.start()
    }

    private static func end(_ pid: ProcessID) {
        try? Signal.kill.send(to: pid)
        _ = try? Child.reap(pid, waiting: true)
    }

    /// Its pid, said by itself on a pipe that is its standard output.
    private static func pid(saidBy script: String, leadsGroup: Bool = true) throws -> (
        said: ProcessID, shell: ProcessID
    ) {
        let ends = try FileDescriptor.pipe()
        var spawn = Spawn("/bin/sh", ["-c", script])
        spawn.descriptors = [(1, ends.write.number)]
        spawn.leadsGroup = leadsGroup
        let shell = try spawn.start()
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = try Descriptor.read(ends.read.number, into: &buffer)
        let text = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n")
        return (try #require(ProcessID(text[0])), shell)
    }

    // MARK: Children

    @Test("a child can be signalled and waited for, though nobody has reaped it")
    func child() throws {
        let pid = try Self.sleeper()
        let process = try ProvenProcess(pid, .child)
        #expect(!process.hasEnded && !process.waitForEnd(.milliseconds(1)))
        try process.send(.terminate)
        #expect(process.waitForEnd(.seconds(20)) && process.hasEnded)
        #expect(throws: ProvenProcess.Failure.gone) { try ProvenProcess(pid, .child) }
        #expect(try Child.reap(pid, waiting: true) == .signaled(.terminate))
        #expect(throws: Errno.noSuchProcess) { try process.send(.terminate) }
        #expect(process.waitForEnd(.zero))
        #expect(throws: ProvenProcess.Failure.gone) { try ProvenProcess(pid, .child) }
    }

    @Test("a stranger is no child, and a child's number is signalled only until it is reaped")
    func stranger() throws {
        #expect(throws: ProvenProcess.Failure.refuted) { try ProvenProcess(1, .child) }
        #expect(throws: Errno.noSuchProcess) { try Child.send(.continue, to: 1) }
        #expect(throws: Errno.noSuchProcess) { try Child.send(.continue, to: CurrentProcess.id) }
        #expect(throws: Errno.noSuchProcess) { try Child.send(.continue, to: 0) }
        #expect(throws: Errno.noSuchProcess) { try Child.send(.continue, to: -1) }
        let pid = try Self.sleeper()
        try Child.send(.kill, to: pid)
        #expect(try Child.reap(pid, waiting: true) == .signaled(.kill))
        #expect(throws: Errno.noSuchProcess) { try Child.send(.continue, to: pid) }
    }

    @Test("a group is its leader's while that is not reaped")
    func group() throws {
        let (inner, shell) = try Self.pid(saidBy: "sleep 600 & echo $!; wait")
        let process = try ProcessHandle(pid: inner)
        try Child.send(.terminate, to: shell, group: true)
        #expect(process.waitForEnd(.seconds(20)))
        _ = try Child.reap(shell, waiting: true)
        #expect(throws: Errno.noSuchProcess) { try Child.send(.terminate, to: shell, group: true) }
    }

    @Test("what a reaped child left in its group is signalled while a child of ours is in it")
    func leftovers() async {
        await #expect(processExitsWith: .success) {
            #expect(CurrentProcess.becomeSubreaper())
            let (inner, shell) = try Self.pid(saidBy: "sleep 600 & echo $!")
            _ = try Child.reap(shell, waiting: true)
            let other = try Self.sleeper()
            // The other has left, or was never in it: then the number may be a stranger's.
            #expect(throws: Errno.noSuchProcess) { try Child.send(.kill, toGroupOf: shell, witnesses: [other]) }
            // Its leader lives: so it is not what a reaped child left.
            #expect(throws: Errno.noSuchProcess) { try Child.send(.kill, toGroupOf: other, witnesses: [other]) }
            try Child.send(.kill, toGroupOf: shell, witnesses: [inner])
            #expect(try Child.reap(inner, waiting: true) == .signaled(.kill))
            Self.end(other)
        }
    }

    // MARK: The lock

    private func lockedFile(shared: Bool = false) throws -> (descriptor: Int32, identity: FileStatus.Identity) {
        let path = try folder.write("", to: "pid")
        chmod(path, 0o666)
        let file = try FileDescriptor.open(path, []).release()
        #expect(try Descriptor.tryLock(file, shared: shared))
        return (file, try FileStatus(descriptor: file).identity)
    }

    @Test("the holder of the lock is proven, and who inherited it too")
    func holder() throws {
        let (file, identity) = try lockedFile()
        _ = try ProvenProcess(CurrentProcess.id, .lock(identity, user: nil))
        let heir = try Self.sleeper { $0.descriptors = [(7, file)] }
        defer { Self.end(heir) }
        Descriptor.close(file)
        let process = try ProvenProcess(heir, .lock(identity, user: CurrentProcess.userID))
        try process.send(.continue)
        #expect(throws: ProvenProcess.Failure.refuted) {
            try ProvenProcess(CurrentProcess.id, .lock(identity, user: nil))
        }
    }

    @Test("who has nothing of it, or only opened the file, or shares a lock, or has another file's, is not")
    func others() throws {
        let (file, identity) = try lockedFile()
        defer { Descriptor.close(file) }
        let opener = try FileDescriptor.open(folder["pid"], .readWrite)
        let other = try FileDescriptor.open(try folder.write("", to: "other"), .readWrite)
        #expect(try Descriptor.tryLock(other.number))
        for number in [nil, opener.number, other.number] {
            let pid = try Self.sleeper { if let number { $0.descriptors = [(7, number)] } }
            defer { Self.end(pid) }
            #expect(throws: ProvenProcess.Failure.refuted) { try ProvenProcess(pid, .lock(identity, user: nil)) }
        }
    }

    @Test("a shared lock proves nothing, nor does one that was given up")
    func weakLocks() throws {
        let (file, identity) = try lockedFile(shared: true)
        defer { Descriptor.close(file) }
        let refused = { () throws(ProvenProcess.Failure) in
            _ = try ProvenProcess(CurrentProcess.id, .lock(identity, user: nil))
        }
        #expect(throws: ProvenProcess.Failure.refuted) { try refused() }
        #expect(try Descriptor.tryLock(file))
        try refused()
        flock(file, LOCK_UN)
        #expect(throws: ProvenProcess.Failure.refuted) { try refused() }
    }

    #if os(Linux)
    @Test(
        "a lock that another user's process holds is not one of his",
        .enabled(if: CurrentProcess.userID == 0, "needs root"))
    func users() throws {
        let (file, identity) = try lockedFile()
        let own = try Self.sleeper { $0.descriptors = [(7, file)] }
        let his = try Self.sleeper {
            $0.descriptors = [(7, file)]
            $0.account = SpawnAccount(user: 54321, group: 54321, groups: [])
        }
        defer { for pid in [own, his] { Self.end(pid) } }
        Descriptor.close(file)
        _ = try ProvenProcess(his, .lock(identity, user: 54321))
        #expect(throws: ProvenProcess.Failure.refuted) { try ProvenProcess(own, .lock(identity, user: 54321)) }
        #expect(throws: ProvenProcess.Failure.refuted) { try ProvenProcess(his, .lock(identity, user: 54322)) }
        _ = try ProvenProcess(his, .user(54321))
        #expect(throws: ProvenProcess.Failure.refuted) { try ProvenProcess(his, .user(54322)) }
        #expect(throws: ProvenProcess.Failure.refuted) { try ProvenProcess(own, .user(0)) }
    }

    @Test(
        "a set-user-id program that a user started is not his process",
        .enabled(if: CurrentProcess.userID == 0, "needs root"))
    func setUserID() throws {
        let (file, identity) = try lockedFile()
        let path = folder["sleep"]
        #expect(try output(of: Spawn("/bin/cp", ["/bin/sleep", path])) == "")
        #expect(chmod(folder.path, 0o755) == 0 && chmod(path, 0o4755) == 0)
        var spawn = Spawn(path, ["600"])
        spawn.descriptors = [(7, file)]
        spawn.account = SpawnAccount(user: 54321, group: 54321, groups: [])
        let pid = try spawn.start()
        defer { Self.end(pid) }
        Descriptor.close(file)
        #expect(throws: ProvenProcess.Failure.refuted) { try ProvenProcess(pid, .lock(identity, user: 54321)) }
        #expect(throws: ProvenProcess.Failure.refuted) { try ProvenProcess(pid, .user(54321)) }
    }

    @Test("who may not look into a process is told so", .enabled(if: CurrentProcess.userID == 0, "needs root"))
    func unseen() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            let file = try FileDescriptor.open(try folder.write("", to: "pid"), [])
            #expect(try Descriptor.tryLock(file.number))
            let identity = try FileStatus(descriptor: file.number).identity
            // It ends with us, who may not end it any more.
            let pid = try Self.sleeper {
                $0.descriptors = [(7, file.number)]
                $0.deathSignal = .kill
            }
            let parent = getppid()
            try Privileges.drop(to: User(id: 54321, name: "", group: 54321), group: 54321)
            for pid in [pid, parent] {
                #expect(throws: ProvenProcess.Failure.unseen(.permissionDenied)) {
                    try ProvenProcess(pid, .lock(identity, user: nil))
                }
            }
        }
    }

    @Test("a number of another pid namespace names nobody here", .enabled(if: CurrentProcess.userID == 0, "needs root"))
    func namespace() throws {
        let (file, identity) = try lockedFile()
        let ends = try FileDescriptor.pipe()
        var spawn = Spawn("/usr/bin/unshare", ["-p", "-f", "--kill-child", "sh", "-c", "echo $$; exec sleep 600"])
        spawn.descriptors = [(1, ends.write.number), (7, file)]
        let outer = try spawn.start()
        defer { Self.end(outer) }
        Descriptor.close(file)
        var buffer = [UInt8](repeating: 0, count: 16)
        #expect(try Descriptor.read(ends.read.number, into: &buffer) == 2 && buffer[0] == UInt8(ascii: "1"))
        #expect(throws: ProvenProcess.Failure.self) { try ProvenProcess(1, .lock(identity, user: nil)) }
        let children = try TemporaryFolder.contents(of: "/proc/\(outer)/task/\(outer)/children").split(separator: " ")
        let inner = try #require(children.first.flatMap { ProcessID($0) })
        _ = try ProvenProcess(inner, .lock(identity, user: nil))
    }
    #endif

    // MARK: Relations

    @Test("a grandchild is a descendant of its parent, and of nobody else's child")
    func descendant() throws {
        let (inner, shell) = try Self.pid(saidBy: "sleep 600 & echo $!; wait")
        let sibling = try Self.sleeper()
        defer { for pid in [sibling, shell] { Self.end(pid) } }
        let process = try ProvenProcess(inner, .descendant(of: shell))
        let others = [(sibling, shell), (inner, sibling), (shell, shell), (inner, CurrentProcess.id), (1, shell)]
        for (pid, ancestor) in others {
            #expect(throws: ProvenProcess.Failure.refuted) { try ProvenProcess(pid, .descendant(of: ancestor)) }
        }
        try process.send(.kill)
        #expect(process.waitForEnd(.seconds(20)))
    }

    @Test("a session is proven by who began it, until that is reaped")
    func session() throws {
        let script = "exec setsid sh -c 'sleep 600 & echo $!; exec sleep 600'"
        // setsid(1) forks where it leads a group.
        let (inner, shell) = try Self.pid(saidBy: script, leadsGroup: false)
        let stranger = try Self.sleeper()
        let process = try ProvenProcess(inner, .session(of: shell))
        #expect(throws: ProvenProcess.Failure.refuted) { try ProvenProcess(stranger, .session(of: shell)) }
        #expect(throws: ProvenProcess.Failure.refuted) { try ProvenProcess(stranger, .session(of: getsid(0))) }
        for pid in [shell, stranger] { Self.end(pid) }
        #expect(throws: ProvenProcess.Failure.refuted) { try ProvenProcess(inner, .session(of: shell)) }
        try process.send(.kill)
        #expect(process.waitForEnd(.seconds(20)))
    }

    @Test("what is no process is gone", arguments: [0, -1, ProcessID.max])
    func nobody(pid: ProcessID) {
        for proof in [ProvenProcess.Proof.child, .user(54321), .descendant(of: 1)] {
            #expect(throws: ProvenProcess.Failure.gone) { try ProvenProcess(pid, proof) }
        }
    }

    // MARK: Without pidfd

    #if os(Linux)
    @Test(
        "where a container's filter refuses pidfds, the proof is looked at again before each signal",
        .enabled(if: CurrentProcess.userID == 0, "needs root"))
    func filtered() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            let file = try FileDescriptor.open(try folder.write("", to: "pid"), [])
            #expect(try Descriptor.tryLock(file.number))
            let identity = try FileStatus(descriptor: file.number).identity
            #expect(Self.refusePidfds())
            let pid = try Self.sleeper { $0.descriptors = [(7, file.number)] }
            let stranger = try Self.sleeper()
            let process = try ProvenProcess(pid, .lock(identity, user: nil))
            #expect(process.descriptor == -1)
            #expect(throws: ProvenProcess.Failure.refuted) { try ProvenProcess(stranger, .lock(identity, user: nil)) }
            try process.send(.continue)
            // The lock is the open file's: it is given up for all who share it.
            flock(file.number, LOCK_UN)
            #expect(throws: Errno.noSuchProcess) { try process.send(.kill) }
            #expect(!process.waitForEnd(.milliseconds(30)))
            #expect(try Descriptor.tryLock(file.number))
            try process.send(.kill)
            #expect(process.waitForEnd(.seconds(20)))
            Self.end(pid)
            Self.end(stranger)
            #expect(throws: ProvenProcess.Failure.self) { try ProvenProcess(pid, .lock(identity, user: nil)) }
        }
    }

    /// A seccomp(2) filter as old container engines have it: pidfd_open and pidfd_send_signal are not permitted.
    private static func refusePidfds() -> Bool {
        func instruction(_ code: UInt16, _ jump: (UInt8, UInt8), _ value: UInt32) -> UInt64 {
            UInt64(code) | UInt64(jump.0) << 16 | UInt64(jump.1) << 24 | UInt64(value) << 32
        }
        let program = [
            instruction(0x20, (0, 0), 0),  // the call's number
            instruction(0x15, (1, 0), UInt32(SYS_pidfd_open)), instruction(0x15, (0, 1), UInt32(SYS_pidfd_send_signal)),
            instruction(0x06, (0, 0), 0x0005_0000 | UInt32(EPERM)), instruction(0x06, (0, 0), 0x7FFF_0000),
        ]
        return program.withUnsafeBufferPointer { program in
            var header = (UInt16(program.count), UnsafeRawPointer(program.baseAddress))
            return withUnsafePointer(to: &header) {
                // SECCOMP_SET_MODE_FILTER
                cunix_syscall(Int(SYS_seccomp), 1, 0, Int(bitPattern: $0), 0, 0, 0) == 0
            }
        }
    }
    #endif
}
