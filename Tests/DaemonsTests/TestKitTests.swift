import Testing
import Unix

/// DaemonTestKit, as a daemon's author uses it.
@Suite("What a daemon's author tests with", .timeLimit(.minutes(20)))
struct TestKitTests {
    private func echo(_ more: String...) throws -> DaemonProcess {
        try DaemonProcess(DaemonProcess.product("echod"), ["--bind", "127.0.0.1:0"] + more)
    }

    @Test("A daemon is started in a directory of its own, answers, stops, and leaves nothing")
    func life() async throws {
        var daemon: DaemonProcess? = try DaemonProcess(DaemonProcess.product("echod"), ["--bind=DIR/socket"])
        let directory = try #require(daemon?.directory.path)
        try await daemon?.ready()
        #expect(daemon?.listeners == ["\(directory)/socket"])
        #expect(try daemon?.request("hello") == "hello")
        #expect(try await daemon?.stop() == .exited(0))
        #expect(daemon?.logLines.last?.hasSuffix("NOTICE echod daemon shutdown") == true)
        #expect(daemon?.manager.count("STOPPING=1") == 1)
        daemon = nil
        #expect((try? FileStatus(path: directory)) == nil)
    }

    @Test("One that ends before it is ready is told with what it said")
    func refused() async throws {
        let daemon = try DaemonProcess(DaemonProcess.product("echod"), ["--bind", "nonsense"])
        let failure = try #require(await #expect(throws: TestFailure.self) { try await daemon.ready() })
        #expect(failure.description.contains("exited(2)") && failure.description.contains("nonsense"))
        #expect(try await daemon.ended() == .exited(2))
        #expect(throws: TestFailure.self) { try DaemonProcess("/nonexistent/daemon") }
    }

    @Test("A line of the log is waited for; one that does not come is an error with the log")
    func lines() async throws {
        let daemon = try echo()
        #expect(try await daemon.logLine("listening on", number: 2).contains("127.0.0.1:"))
        let failure = await #expect(throws: TestFailure.self) {
            try await daemon.logLine("pigs fly", within: .milliseconds(5))
        }
        #expect(failure?.description.contains("listening on") == true)
        try await daemon.kill()
        #expect(daemon.hasEnded() == .signaled(Signal.kill.rawValue))
        await #expect(throws: TestFailure.self) { try await daemon.reload(within: .seconds(1)) }
    }

    @Test("What it tells its service manager is kept, and a reload is over when it says so")
    func manager() async throws {
        let daemon = try echo()
        try await daemon.manager.wait(for: "READY=1")
        for number in 1...3 {
            try await daemon.reload()
            #expect(daemon.manager.count("RELOADING=1") == number)
        }
        #expect(daemon.manager.messages.contains { $0["MAINPID"] == "\(daemon.processID)" || $0.lines == ["READY=1"] })
    }

    @Test("Reloads under load: none is lost where the workers take turns, and what fails is counted")
    func reloads() async throws {
        let daemon = try echo("--workers", "2")
        try await daemon.ready()
        let report = try await daemon.reloads(5, clients: 2, signal: Signal.user2.rawValue) {
            _ = try daemon.request("hello")
        }
        #expect(report.failures.isEmpty && report.reloads == 5 && report.answered >= 10, "\(report)")
        let bad = try await daemon.reloads(1, clients: 2, signal: Signal.user2.rawValue) {
            throw Errno.brokenPipe
        }
        #expect(bad.answered == 0 && bad.failures.count >= 2)
        #expect(try await daemon.stop() == .exited(0))
    }

    @Test("Whatever still runs at the end is killed")
    func released() async throws {
        var daemon: DaemonProcess? = try echo()
        try await daemon?.ready()
        let process = try ProcessHandle(pid: try #require(daemon?.processID))
        daemon = nil
        #expect(process.waitForEnd(.zero))
    }

    @Test("A directory runs programs to their end, knows who holds a pid file, and takes the daemon with it")
    func directory() async throws {
        var directory: TestDirectory? = try TestDirectory()
        let path = try #require(directory?.path)
        let open = try TestDirectory(mode: 0o755)
        #expect(try FileStatus(path: path).mode == 0o700 && FileStatus(path: open.path).mode == 0o755)
        let words = ["--pid-file", "DIR/d.pid", "--log-file=DIR/log", "--bind", "DIR/s"]
        let outcome = try directory?.run(DaemonProcess.product("echod"), words)
        #expect(
            outcome?.code == 0 && outcome?.output == "" && directory?.exists("s") == true, "\(outcome?.errors ?? "")")
        let process = try ProcessHandle(pid: try #require(directory?.holder(of: "d.pid")))
        #expect(directory?.lines("log").first?.contains("startup") == true)
        try directory?.write("d.pid.old", "\(process.pid)\n")
        #expect(directory?.holder(of: "d.pid.old") == nil && directory?.end(holderOf: "d.pid.old") == true)
        directory = nil
        #expect(process.waitForEnd(.seconds(30)) && (try? FileStatus(path: path)) == nil)
    }

    @Test("A program that is started is waited for, and its end is what a shell would say")
    func program() async throws {
        let directory = try TestDirectory()
        let words = ["-c", "echo out; echo err >&2; exec sleep 600"]
        let ended = try directory.start("/bin/sh", words, environment: ["PATH": "/usr/bin:/bin"])
        #expect(eventually { ended.standardOutput == "out\n" && ended.standardError == "err\n" })
        #expect(ended.hasEnded() == nil)
        ended.send(.terminate)
        #expect(try await ended.ended() == .signaled(Signal.terminate.rawValue) && ended.wait().code == 143)
        let hung = try directory.start("/bin/sh", words)
        #expect(hung.wait(.milliseconds(1)) == .signaled(Signal.kill.rawValue))
        #expect(throws: TestFailure.self) { try directory.run("/nonexistent/daemon") }
    }
}
