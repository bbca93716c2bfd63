import Foundation
import Testing
import Unix

#if os(Linux)
@Suite("--chroot", .enabled(if: Machine.isRoot, "needs root"), .blocking, .timeLimit(.minutes(20)))
struct ChrootTests {
    private let daemon: TestDaemon
    private var folder: TestDirectory { daemon.folder }

    /// The account's own folder, in which it may remove files.
    init() throws {
        daemon = try TestDaemon(Product.echod, pidFile: "mine/d.pid", logFile: "mine/d.log")
        #expect(mkdir(folder["root"], 0o755) == 0 && mkdir(folder["mine"], 0o755) == 0)
        #expect(chown(folder["mine"], 54321, 54321) == 0 && chmod(folder.path, 0o755) == 0)
    }

    private var words: [String] {
        ["--chroot", folder["root"], "-u", "54321", "-g", "54321", "-b", folder["mine/s"]]
    }
    private var pid: ProcessID? { folder.holder(of: "mine/d.pid") }
    private var log: String { folder.read("mine/d.log") }

    /// Every process that was started with a path in the folder.
    private var processes: [ProcessID] {
        Files.names(in: "/proc").compactMap { ProcessID($0) }.filter { pid in
            guard let file = try? FileDescriptor.open("/proc/\(pid)/cmdline", []) else { return false }
            return String(decoding: Descriptor.contents(of: file.number, limit: 1 << 16), as: UTF8.self).contains(
                folder.path)
        }
    }

    private func openFolders(of pid: ProcessID) -> [String] {
        Files.names(in: "/proc/\(pid)/fd").map { "/proc/\(pid)/fd/\($0)" }.filter {
            (try? FileStatus(following: $0))?.kind == .directory
        }
    }

    private func start(_ more: String...) throws -> ProcessID {
        let outcome = try folder.run(daemon.executable, daemon.files + words + more)
        #expect(outcome.code == 0, "\(outcome)")
        return try #require(pid)
    }

    private func end(_ pid: ProcessID) throws {
        let process = try ProcessHandle(pid: pid)
        try process.send(.terminate)
        #expect(process.waitForEnd(.seconds(40)))
        #expect(eventually { processes.isEmpty })
    }

    @Test("no folder stays open inside: there is no way out by openat")
    func folders() throws {
        let pid = try start()
        #expect(Files.linkTarget("/proc/\(pid)/root") == folder["root"] && openFolders(of: pid).isEmpty)
        #expect(Files.linkTarget("/proc/\(pid)/cwd") == folder["root"])
        try end(pid)
        #expect(!folder.exists("mine/d.pid") && !folder.exists("mine/s"))
    }

    @Test("the process outside has the daemon's user, may not be traced by it, and outlives no end of the daemon")
    func keeper() throws {
        let pid = try start()
        let others = processes.filter { $0 != pid }
        let keeper = try #require(others.first)
        #expect(others.count == 1)
        let status = try String(contentsOfFile: "/proc/\(keeper)/status", encoding: .utf8)
        #expect(status.contains("Uid:\t54321\t54321\t54321\t54321\n"))
        // What cannot be traced belongs to root in /proc.
        #expect(try FileStatus(following: "/proc/\(keeper)/fd").owner == 0)
        // Neither the lock nor a listener is there, and no folder: 0 to 2, and the socket.
        let behind = Files.names(in: "/proc/\(keeper)/fd").compactMap { Files.linkTarget("/proc/\(keeper)/fd/\($0)") }
        #expect(Set(behind).isSubset(of: ["/dev/null"] + behind.filter { $0.hasPrefix("socket:") }))
        #expect(behind.count { $0.hasPrefix("socket:") } == 1, "\(behind)")
        try Signal.terminate.send(to: keeper)
        try Signal.kill.send(to: pid)
        #expect(eventually { processes.isEmpty })
        // A killed daemon is dead, and its pid file says so.
        #expect(try folder.run(daemon.executable, ["--status"] + daemon.files).code == 1)
    }

    @Test("the log is reopened by its path outside, again and again")
    func rotation() throws {
        let pid = try start()
        for round in 1...3 {
            #expect(rename(folder["mine/d.log"], folder["mine/old.\(round)"]) == 0)
            try Signal.hangup.send(to: pid)
            #expect(eventually { log.contains("Reopening log files") })
            #expect(try FileStatus(path: folder["mine/d.log"]).owner == 54321)
        }
        #expect(openFolders(of: pid).isEmpty)
        try end(pid)
        #expect(log.contains("daemon shutdown"))
    }

    @Test("where the process outside is gone, the old log goes on, and the reason is in it")
    func withoutKeeper() throws {
        let pid = try start()
        try Signal.kill.send(to: try #require(processes.first { $0 != pid }))
        #expect(eventually { processes == [pid] })
        try Signal.hangup.send(to: pid)
        #expect(eventually { log.contains("failed, keeping the old file") }, "\(log)")
        try end(pid)
    }

    @Test("workers leave nothing open either")
    func workers() throws {
        let master = try start("--workers", "2", "--control-socket", folder["mine/c"])
        let inside = processes.filter { Files.linkTarget("/proc/\($0)/root") == folder["root"] }
        #expect(inside.count == 2 && inside.allSatisfy { openFolders(of: $0).isEmpty })
        try end(master)
        #expect(!folder.exists("mine/d.pid") && !folder.exists("mine/s") && !folder.exists("mine/c"))
    }

    @Test("an aborted start leaves neither files nor a process", arguments: [Signal.terminate, .kill])
    func aborted(signal: Signal) throws {
        let running = try folder.start(
            Product.faultd,
            ["-f", "--fault-output", folder["report"], "--fault-prepare", "hang"] + daemon.files + [
                "--chroot", folder["root"],
            ])
        #expect(eventually { processes.count == 2 }, "\(running.standardError)")
        #expect(eventually { Files.linkTarget("/proc/\(running.processID)/root") == folder["root"] })
        running.send(signal)
        _ = running.wait()
        #expect(eventually { processes.isEmpty && !folder.exists("mine/d.pid") })
    }
}
#endif
