import Testing
import Unix

#if os(Linux)
@Suite(
    "The account of a spawned program", .enabled(if: CurrentProcess.userID == 0, "only root can change the user"),
    .timeLimit(.minutes(20)))
struct SpawnAccountTests {
    private let account = SpawnAccount(user: 54321, group: 54322, groups: [54322, 54323, 54324])

    @Test("the program has the user, the group and all groups, and no way back")
    func ids() throws {
        let status = try ownStatus { $0.account = account }
        #expect(status["Uid"] == "54321 54321 54321 54321")
        #expect(status["Gid"] == "54322 54322 54322 54322")
        #expect(status["Groups"] == "54322 54323 54324")
        #expect(status["CapEff"] == "0000000000000000" && status["CapPrm"] == "0000000000000000")
    }

    @Test("without further groups it has none of root's")
    func noGroups() throws {
        let status = try ownStatus { $0.account = SpawnAccount(user: 54321, group: 54322, groups: []) }
        #expect(status["Groups"] == "")
    }

    @Test("the death of its parent is told to a program of another user, too: the change of the user forgets the wish")
    func deathSignal() async {
        await #expect(processExitsWith: .success) {
            let ends = try FileDescriptor.pipe()
            let parent = forked {
                var spawn = Spawn("/bin/sleep", ["600"])
                spawn.account = SpawnAccount(user: 54321, group: 54321, groups: [])
                spawn.deathSignal = .kill
                let pid = (try? spawn.start()) ?? -1
                try? Descriptor.writeAll(ends.write.number, "\(pid)\n")
                CurrentProcess.exitNow(0)
            }
            _ = try Child.reap(parent, waiting: true)
            var buffer = [UInt8](repeating: 0, count: 16)
            let count = try Descriptor.read(ends.read.number, into: &buffer)
            let pid = try #require(ProcessID(String(decoding: buffer.prefix(count - 1), as: UTF8.self)))
            #expect(pid > 0)
            if let process = try? ProcessHandle(pid: pid) {
                #expect(process.waitForEnd(.seconds(20)))
                try? process.send(.kill)
            }
        }
    }

    @Test("without an account it is ours")
    func none() throws {
        let status = try ownStatus()
        #expect(status["Uid"]?.hasPrefix("\(getuid()) ") == true && status["Gid"]?.hasPrefix("\(getgid()) ") == true)
    }

    @Test("this process, and all of its threads, stay who they are")
    func ours() throws {
        let before = try TemporaryFolder.contents(of: "/proc/thread-self/status")
        let status = try ownStatus { $0.account = account }
        #expect(status["Uid"]?.hasPrefix("54321") == true)
        for thread in Files.names(in: "/proc/self/task") {
            guard let text = try? TemporaryFolder.contents(of: "/proc/self/task/\(thread)/status") else { continue }
            #expect(text.contains("Uid:\t\(getuid())\t") && text.contains("Gid:\t\(getgid())\t"))
        }
        #expect(before.contains("Uid:\t\(getuid())\t"))
    }

    @Test("the user is changed after the descriptors, and before the folder is entered")
    func order() throws {
        let folder = TemporaryFolder()
        chmod(folder.path, 0o700)
        let file = try FileDescriptor.open(try folder.write("root's", to: "file"), [])
        var spawn = Spawn("/bin/cat", [])
        spawn.account = account
        spawn.descriptors = [(0, file.number)]
        #expect(try output(of: spawn) == "root's")
        spawn.directory = folder.path
        #expect(throws: Errno.permissionDenied) { try spawn.start() }
    }

    @Test("an executable that the user may not execute is an error")
    func notAllowed() throws {
        let folder = TemporaryFolder()
        chmod(folder.path, 0o755)
        chmod(try folder.write("#!/bin/sh\n", to: "script"), 0o700)
        var spawn = Spawn(folder["script"], [])
        spawn.account = account
        #expect(throws: Errno.permissionDenied) { try spawn.start() }
    }

    @Test("a number that means \"unchanged\" to the system is refused")
    func unchanged() {
        var spawn = Spawn("/bin/true", [])
        spawn.account = SpawnAccount(user: .max, group: .max, groups: [])
        #expect(throws: Errno.invalidArgument) { try spawn.start() }
    }

    @Test("who is not root is told so, and starts nothing")
    func notRoot() async {
        await #expect(processExitsWith: .success) {
            try Privileges.drop(to: User(id: 54321, name: "", group: 54321), group: 54321)
            var spawn = Spawn("/bin/true", [])
            spawn.account = SpawnAccount(user: 54320, group: 54320, groups: [])
            #expect(throws: Errno.notPermitted) { try spawn.start() }
            #expect(throws: Errno(rawValue: ECHILD)) { try Child.reap(-1, waiting: true) }
        }
    }

    @Test("this process can still be dumped and traced: the child changes its user in our memory")
    func dumpable() async {
        await #expect(processExitsWith: .success) {
            isDumpable = true
            var spawn = Spawn("/bin/true", [])
            spawn.account = SpawnAccount(user: 54321, group: 54321, groups: [])
            _ = try Child.reap(try spawn.start(), waiting: true)
            #expect(isDumpable)
        }
    }
}
#endif
