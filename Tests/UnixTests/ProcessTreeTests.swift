import Testing
import Unix

#if os(Linux)
@Suite("Parents and children", .timeLimit(.minutes(20)))
struct ProcessTreeTests {
    @Test("the parent of a child is this process, and that of this process its own")
    func parent() throws {
        let pid = try Spawn("/bin/sleep", ["600"]).start()
        #expect(CurrentProcess.parent(of: pid) == CurrentProcess.id)
        #expect(CurrentProcess.parent(of: CurrentProcess.id) == getppid())
        try Signal.kill.send(to: pid)
        _ = try Child.reap(pid, waiting: true)
    }

    @Test("one that has ended has its parent until it is reaped, and then none")
    func ended() throws {
        let pid = try Spawn("/bin/true", []).start()
        let process = try ProcessHandle(pid: pid)
        #expect(process.waitForEnd(.seconds(20)))
        #expect(CurrentProcess.parent(of: pid) == CurrentProcess.id)
        _ = try Child.reap(pid, waiting: true)
        #expect(CurrentProcess.parent(of: pid) == nil)
    }

    @Test("process 1 has the parent 0, and what is no process none", arguments: [(1, 0), (0, nil), (-1, nil)])
    func others(pid: ProcessID, parent: ProcessID?) { #expect(CurrentProcess.parent(of: pid) == parent) }

    @Test("a name with blanks and parentheses in it does not confuse", arguments: [") R 1 1", "a (b) c", "x)", "((("])
    func names(name: String) throws {
        let folder = TemporaryFolder()
        let path = folder[name]
        // The kernel takes the name of the file that is executed.
        #expect(try output(of: Spawn("/bin/cp", ["/bin/sleep", path])) == "")
        let pid = try Spawn(path, ["600"]).start()
        defer {
            try? Signal.kill.send(to: pid)
            _ = try? Child.reap(pid, waiting: true)
        }
        #expect(try eventually { try TemporaryFolder.contents(of: "/proc/\(pid)/comm") == "\(name)\n" })
        #expect(CurrentProcess.parent(of: pid) == CurrentProcess.id)
    }

    @Test("children are those that run and those that have ended, not those that were reaped, nor grandchildren")
    func children() async {
        await #expect(processExitsWith: .success) {
            #expect(CurrentProcess.children == [])
            let ends = try FileDescriptor.pipe()
            var running = Spawn("/bin/sh", ["-c", "sleep 600 & echo; wait"])
            running.descriptors = [(1, ends.write.number)]
            let first = try running.start()
            #expect(Poll.readable(ends.read.number, timeout: .seconds(20)))
            let second = try Spawn("/bin/true", []).start()
            #expect(try ProcessHandle(pid: second).waitForEnd(.seconds(20)))
            #expect(Set(CurrentProcess.children) == [first, second])
            _ = try Child.reap(second, waiting: true)
            #expect(CurrentProcess.children == [first])
            try Signal.kill.send(to: -first)
            _ = try Child.reap(first, waiting: true)
            #expect(CurrentProcess.children == [])
        }
    }

    @Test("five hundred children are all told")
    func manyChildren() async {
        await #expect(processExitsWith: .success) {
            let ends = try FileDescriptor.pipe().release()
            var pids: [ProcessID] = []
            for _ in 0..<500 {
                var spawn = Spawn("/bin/cat", [])
                spawn.descriptors = [(0, ends.read)]
                pids.append(try spawn.start())
            }
            #expect(Set(CurrentProcess.children) == Set(pids))
            Descriptor.close(ends.write)
            for pid in pids { #expect(try Child.reap(pid, waiting: true) == .exited(0)) }
            #expect(CurrentProcess.children == [])
        }
    }
}
#endif
