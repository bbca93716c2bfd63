import Foundation
import Testing
import Unix

@Suite("What a master says to a worker by signals and by its end", .blocking, .timeLimit(.minutes(20)))
struct WorkerSignalTests {
    // MARK: The soft stop

    @Test("USR1 stops as TERM does, with both phases, and the daemon's own handler is not called")
    func softStop() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        worker.running.send(.user1)
        #expect(worker.running.wait() == .exited(0))
        #expect(worker.daemon.report(holds: "stop") && worker.daemon.report(holds: "drain"))
        #expect(!worker.daemon.report(holds: "usr1"))
    }

    @Test("A soft stop has no limit; a TERM after it brings the grace period's, and a second one ends at once")
    func limited() throws {
        let worker = try WorkerProcess(Product.faultd, ["--fault-main", "ignore-stop", "--fault-short-grace", "-d"])
        #expect(eventually { worker.daemon.folder.lines("report").contains { $0.hasPrefix("main ") } })
        #expect(try worker.ask("show info") != nil)
        worker.running.send(.user1)
        #expect(eventually { worker.daemon.log.contains("received SIGUSR1, stopping") })
        worker.running.send(.user1)
        let process = try ProcessHandle(pid: worker.running.processID)
        #expect(!process.waitForEnd(.milliseconds(1200)))
        #expect(try worker.ask("show info")?.contains("Stopping: 1\n") == true)
        let start = MonotonicTime.now
        worker.running.send(.terminate)
        #expect(worker.running.wait() == .exited(1))
        #expect(MonotonicTime.now - start >= .milliseconds(600))
        #expect(worker.daemon.log.contains("main did not end within 600ms"))
    }

    @Test("A third signal insists: TERM, TERM after USR1 ends at once")
    func insists() throws {
        let worker = try WorkerProcess(Product.faultd, ["--fault-main", "ignore-stop", "-d"])
        #expect(eventually { worker.daemon.folder.lines("report").contains { $0.hasPrefix("main ") } })
        #expect(try worker.ask("show info") != nil)
        for (signal, text) in [
            (Signal.user1, "received SIGUSR1, stopping"), (.terminate, "received SIGTERM, the soft stop is limited"),
        ] {
            worker.running.send(signal)
            #expect(eventually { worker.daemon.log.contains(text) })
        }
        worker.running.send(.terminate)
        #expect(worker.running.wait() == .exited(0))
        #expect(worker.daemon.log.contains("received a second signal to stop"))
    }

    @Test("A USR1 while the worker starts does not kill it: it stops when it would serve")
    func early() throws {
        let worker = try WorkerProcess(Product.faultd, ["--fault-prepare", "slow"])
        #expect(eventually { worker.daemon.folder.lines("report").contains { $0.hasPrefix("prepare ") } })
        worker.running.send(.user1)
        #expect(worker.running.wait() == .exited(0))
    }

    @Test("Without a master USR1 is the daemon's own")
    func withoutMaster() throws {
        let daemon = try TestDaemon()
        let running = try daemon.foreground()
        #expect(eventually { daemon.report(holds: "registered") })
        running.send(.user1)
        #expect(eventually { daemon.report(holds: "usr1") })
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
    }

    // MARK: The pause

    private func state(_ worker: WorkerProcess) throws -> String? {
        try worker.ask("show info").flatMap { $0.firstMatch(of: /Paused: (\d)\n/).map { String($0.1) } }
    }

    @Test("TTOU pauses and TTIN resumes: handlers run in their order, once for each change")
    func pause() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        worker.running.send(.terminalInput)
        worker.running.send(.terminalOutput)
        // What comes while nothing is taken is one moment's, and changes nothing: asked for again, it comes later.
        #expect(
            eventually {
                worker.running.send(.terminalOutput)
                return worker.daemon.report(holds: "pause 2")
            })
        #expect(try state(worker) == "1")
        #expect(
            eventually {
                worker.running.send(.terminalInput)
                return worker.daemon.report(holds: "resume false")
            })
        #expect(try state(worker) == "0")
        let report = worker.daemon.folder.lines("report").drop { $0 != "registered" }
        #expect(Array(report) == ["registered", "pause 1 true", "pause 2", "resume false"])
    }

    @Test("A pair in quick succession leaves the worker as it was, a hundred times", arguments: [false, true])
    func pairs(isPaused: Bool) throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        if isPaused {
            worker.running.send(.terminalOutput)
            #expect(eventually { worker.daemon.report(holds: "pause 2") })
        }
        for _ in 0..<100 {
            worker.running.send(isPaused ? .terminalInput : .terminalOutput)
            worker.running.send(isPaused ? .terminalOutput : .terminalInput)
            // The next pair is another moment's.
            Poll.pause(.milliseconds(3))
        }
        let wanted = isPaused ? "1" : "0"
        #expect(eventually { (try? state(worker)) == wanted })
        #expect(try worker.ask("big 1") == "x")
        #expect(try state(worker) == wanted)
    }

    @Test("A pause while the worker starts does not suspend it: it serves, paused")
    func earlyPause() throws {
        let worker = try WorkerProcess(Product.faultd, ["--fault-prepare", "slow"])
        #expect(eventually { worker.daemon.folder.lines("report").contains { $0.hasPrefix("prepare ") } })
        worker.running.send(.terminalOutput)
        worker.waitUntilRegistered()
        #expect(eventually { worker.daemon.report(holds: "pause 2") })
        #expect(try state(worker) == "1")
    }

    @Test("A paused worker stops as ever")
    func pausedStop() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        worker.running.send(.terminalOutput)
        #expect(eventually { worker.daemon.report(holds: "pause 2") })
        worker.running.send(.terminate)
        #expect(worker.running.wait() == .exited(0))
    }

    @Test("A paused echod leaves new clients in the queue and serves those it has; resumed it takes them")
    func pausedEcho() throws {
        let listening = try Listening()
        let worker = try WorkerProcess(Product.echod, listener: listening.socket.number)
        let address = SocketAddress.ipv4(0x7F00_0001, port: listening.port)
        let old = try Client(address)
        #expect(try old.echoes("before"))
        worker.running.send(.terminalOutput)
        #expect(eventually { (try? state(worker)) == "1" })
        // The handlers are told on another thread: what still gets through is no mistake.
        let waits = try eventually { try !Client(address).isEchoed("x") }
        #expect(waits)
        let new = try Client(address)
        #expect(try !new.isEchoed("during"))
        #expect(try old.echoes("still served"))
        worker.running.send(.terminalInput)
        #expect(try new.receive(6) == "during")
        worker.running.send(.terminate)
        #expect(worker.running.wait() == .exited(0))
    }

    /// As ps(1) shows it.
    private func state(of pid: ProcessID) -> String? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return nil }
        return text.split(separator: ")").last?.split(separator: " ").first.map(String.init)
    }

    @Test(
        "Without a master the terminal's job control is left alone: TTOU suspends",
        .enabled(if: Machine.has("bash"), "needs bash"))
    func jobControl() throws {
        let daemon = try TestDaemon()
        // As a shell's job: in a session without such a parent nobody would continue it, and the kernel suspends nobody.
        let job = "set -m; \"$@\" & while kill -0 $! 2>/dev/null; do sleep 0.02; done"
        let words = daemon.arguments(["-f", "--fault-output", daemon.folder["report"]])
        let shell = try daemon.folder.start("/bin/bash", ["-c", job, "bash", daemon.executable] + words)
        #expect(eventually { daemon.folder.lines("report").contains { $0.contains("main ") } })
        let pid = try #require(daemon.pid)
        daemon.signal(.terminalOutput)
        #expect(eventually { state(of: pid) == "T" })
        daemon.signal(Signal(rawValue: SIGCONT))
        daemon.signal(.terminate)
        #expect(shell.wait() == .exited(0))
        #expect(daemon.isClean)
    }

    // MARK: The end of the master

    @Test("When the master is gone the worker ends at once with 1")
    func exits() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        let start = MonotonicTime.now
        worker.closeChannel()
        #expect(worker.running.wait() == .exited(1))
        #expect(MonotonicTime.now - start < .seconds(10))
        #expect(worker.daemon.log.contains("the master is gone, ending now"))
        #expect(!worker.daemon.report(holds: "stop"))
    }

    @Test("One that had not read its last answer is as gone as any")
    func reset() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        try worker.send("big 100000")
        #expect(Poll.readable(worker.channel, timeout: .seconds(30)))
        worker.closeChannel()
        #expect(worker.running.wait() == .exited(1))
        #expect(worker.daemon.log.contains("the master is gone, ending now"))
    }

    @Test("A daemon that drains then goes through both phases and exits with 1")
    func drains() throws {
        let worker = try WorkerProcess(Product.faultd, ["--fault-drain"])
        worker.waitUntilRegistered()
        worker.closeChannel()
        #expect(worker.running.wait() == .exited(1))
        #expect(worker.daemon.log.contains("the master is gone, stopping"))
        #expect(worker.daemon.report(holds: "stop") && worker.daemon.report(holds: "drain"))
    }

    @Test(
        "A drain without a master is limited by the grace period, also where a soft stop had no limit",
        arguments: [false, true])
    func drainLimit(softly: Bool) throws {
        let worker = try WorkerProcess(
            Product.faultd, ["--fault-drain", "--fault-main", "ignore-stop", "--fault-short-grace", "-d"])
        #expect(eventually { worker.daemon.folder.lines("report").contains { $0.hasPrefix("main ") } })
        #expect(try worker.ask("show info") != nil)
        if softly {
            worker.running.send(.user1)
            #expect(eventually { worker.daemon.log.contains("received SIGUSR1, stopping") })
        }
        worker.closeChannel()
        #expect(worker.running.wait() == .exited(1))
        #expect(worker.daemon.log.contains("main did not end within 600ms"))
    }

    @Test("A plain pipe is a channel too, on which nothing is said")
    func pipe() throws {
        let daemon = try TestDaemon()
        let (read, write) = try FileDescriptor.pipe().release()
        let running = try daemon.folder.start(
            Product.faultd, daemon.files + ["--fault-output", daemon.folder["report"]],
            environment: ["DAEMONKIT_WORKER": "1 5"], descriptors: [(5, read)])
        Descriptor.close(read)
        #expect(eventually { daemon.report(holds: "registered") })
        try Descriptor.writeAll(write, "C 1 user 9\nshow info")
        running.send(.hangup)
        #expect(eventually { daemon.report(holds: "reload 3") })
        Descriptor.close(write)
        #expect(running.wait() == .exited(1))
    }
}

extension Client {
    /// Whether anything comes back soon.
    fileprivate func isEchoed(_ text: String) throws -> Bool {
        try send(text)
        return Poll.readable(socket.number, timeout: .milliseconds(200))
    }
}
