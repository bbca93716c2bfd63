#if os(Linux)
import Testing
import Unix

@testable import DaemonCore

/// A service's user chooses what stands in its pid file, and who has the lock.
@Suite("A forged pid file", .enabled(if: CurrentProcess.userID == 0, "needs root"), .timeLimit(.minutes(20)))
struct RunningInstanceForgeryTests {
    private let folder = TemporaryFolder()
    private static let user: UserID = 54321

    private var path: String { folder["testd.pid"] }

    private func instance(user: String? = nil) -> RunningInstance {
        RunningInstance(daemon: "testd", path: path, user: user, stopLimit: .milliseconds(200))
    }

    private static func sleeper(_ descriptors: [(Int32, Int32)] = [], as user: UserID? = nil) throws -> ProcessID {
        var spawn = Spawn("/bin/sleep", ["600"])
        spawn.descriptors = descriptors.map { (child: $0.0, ours: $0.1) }
        spawn.account = user.map { SpawnAccount(user: $0, group: $0, groups: []) }
        return try spawn.start()
    }

    /// Returns when it stands: another signal that comes before would end it.
    private static func suspend(_ pid: ProcessID) throws {
        try Child.send(Signal(rawValue: SIGSTOP), to: pid)
        let isSuspended = try eventually {
            try TemporaryFolder.contents(of: "/proc/\(pid)/stat").split(separator: ")").last?.hasPrefix(" T") == true
        }
        #expect(isSuspended)
    }

    private static func end(_ pid: ProcessID) {
        try? Child.send(.kill, to: pid)
        _ = try? Child.reap(pid, waiting: true)
    }

    /// The file with this content and owner, locked by a process of `holder`.
    private func forge(_ content: String, owner: UserID, holder: UserID?, mode: mode_t = 0o600) throws -> ProcessID {
        let path = try folder.write(content, to: "testd.pid")
        #expect(chmod(path, mode) == 0 && chown(path, owner, owner) == 0)
        let file = try FileDescriptor.open(path, [])
        #expect(try Descriptor.tryLock(file.number))
        return try Self.sleeper([(7, file.number)], as: holder)
    }

    private func expectRefusal(_ reason: String, of instance: RunningInstance, victim: ProcessID) throws {
        let status = instance.status()
        #expect(status.exitStatus == 4 && status.text.hasPrefix("status of testd is unknown: pid file \(path): "))
        for answer in [status, instance.stop(), instance.reload(), instance.reopenLogs(), instance.signal(.kill)] {
            #expect(answer.exitStatus == 4 && answer.text.contains(reason), "\(answer)")
        }
        #expect(try Child.reap(victim, waiting: false) == nil)
    }

    @Test("a process that the file names and that has no lock is sent nothing, and the answer names it")
    func noHolder() throws {
        let victim = try Self.sleeper()
        let holder = try forge("\(victim)\n", owner: Self.user, holder: Self.user)
        defer { for pid in [victim, holder] { Self.end(pid) } }
        let reason = "is locked, but not by process \(victim), which it names"
        try expectRefusal(reason, of: instance(user: "\(Self.user)"), victim: victim)
    }

    @Test("a process of root's that has got the locked file is not the user's daemon")
    func storedDescriptor() throws {
        let path = try folder.write("", to: "testd.pid")
        let file = try FileDescriptor.open(path, .readWrite)
        #expect(try Descriptor.tryLock(file.number))
        let victim = try Self.sleeper([(7, file.number)])
        defer { Self.end(victim) }
        try Descriptor.writeAll(file.number, "\(victim)\n")
        #expect(chmod(path, 0o600) == 0 && chown(path, Self.user, Self.user) == 0)
        try expectRefusal("not by process \(victim)", of: instance(user: "\(Self.user)"), victim: victim)
    }

    @Test("a file of a user who is neither root nor the caller nor the daemon's is not believed, locked or not")
    func foreignFile() throws {
        let victim = try Self.sleeper()
        let holder = try forge("\(victim)\n", owner: Self.user, holder: Self.user)
        defer { Self.end(victim) }
        try expectRefusal("belongs to user \(Self.user)", of: instance(), victim: victim)
        Self.end(holder)
        try expectRefusal("belongs to user \(Self.user)", of: instance(user: "54322"), victim: victim)
        #expect((try? FileStatus(path: path)) != nil)
        // Where only root can make files, a start puts its own in its place.
        try PidFile.lock(path, daemon: "testd").close()
        #expect(try FileStatus(path: path).owner == 0)
        // Where the user can, it does not.
        #expect(chown(folder.path, Self.user, Self.user) == 0 && chown(path, Self.user, Self.user) == 0)
        #expect(throws: DaemonError.self) { try PidFile.lock(path, daemon: "testd").close() }
        #expect(try FileStatus(path: path).owner == Self.user)
    }

    @Test("a file that others may write to, and one with another name, is not believed")
    func writable() throws {
        let victim = try Self.sleeper()
        let holder = try forge("\(victim)\n", owner: 0, holder: nil, mode: 0o622)
        defer { for pid in [victim, holder] { Self.end(pid) } }
        try expectRefusal("others than its owner may write to it", of: instance(), victim: victim)
        #expect(chmod(path, 0o600) == 0 && link(path, folder["other"]) == 0)
        try expectRefusal("has another name (hard link)", of: instance(), victim: victim)
    }

    @Test("the user's own daemon is found and stopped, suspended or not")
    func daemon() throws {
        let path = try folder.write("", to: "testd.pid")
        let file = try FileDescriptor.open(path, .readWrite)
        #expect(try Descriptor.tryLock(file.number))
        let daemon = try Self.sleeper([(7, file.number)], as: Self.user)
        try Descriptor.writeAll(file.number, "\(daemon)\n")
        #expect(chmod(path, 0o600) == 0 && chown(path, Self.user, Self.user) == 0)
        try Self.suspend(daemon)
        let instance = instance(user: "\(Self.user)")
        #expect(instance.status().text == "testd is running (pid \(daemon))")
        #expect(instance.signal(.continue).text == "testd (pid \(daemon)) was sent signal \(SIGCONT)")
        try Self.suspend(daemon)
        let answer = RunningInstance(
            daemon: "testd", path: path, user: "\(Self.user)", stopLimit: .seconds(20)
        ).stop()
        #expect(answer.text == "testd (pid \(daemon)) stopped")
        #expect(try Child.reap(daemon, waiting: true) == .signaled(.terminate))
    }

    @Test("a start takes no file over that the daemon's user may have open for writing")
    func replaced() throws {
        let path = try folder.write("1\n", to: "testd.pid")
        #expect(chown(path, Self.user, Self.user) == 0)
        let writer = try FileDescriptor.open(path, .writeOnly)
        let file = try PidFile.lock(path, daemon: "testd", owners: [Self.user])
        try file.write(4711)
        try Descriptor.writeAll(writer.number, "1\n")
        #expect(try folder.contents("testd.pid") == "4711\n")
        #expect(try FileStatus(path: path).owner == 0)
        // What is left of it can only read.
        #expect(throws: Errno.badDescriptor) { try Descriptor.writeAll(file.descriptor, "1\n") }
        file.remove()
        Descriptor.close(file.descriptor)
    }
}
#endif
