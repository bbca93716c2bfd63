import Foundation
import Testing
import Unix

@Suite("Signals at the moments that count", .timeLimit(.minutes(20)))
struct SignalMomentTests {
    /// A sleep takes whole milliseconds.
    private func spin(_ duration: Duration) {
        let end = MonotonicTime.now + duration
        while MonotonicTime.now < end {}
    }

    @Test("A signal that comes while another one is handled is handled too: HUP and a pause within 400 µs, 300 times")
    func between() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        func count(_ line: String) -> Int { worker.daemon.folder.lines("report").count { $0 == line } }
        var dice = SystemRandomNumberGenerator()
        for round in 1...300 {
            worker.running.send(.hangup)
            spin(.microseconds(Int64.random(in: 0...400, using: &dice)))
            worker.running.send(round % 2 == 1 ? .terminalOutput : .terminalInput)
            let (pauses, resumes) = ((round + 1) / 2, round / 2)
            let isRight = eventually {
                count("pause 1 true") == pauses && count("resume false") == resumes && count("reload 3") == round
            }
            #expect(isRight, "round \(round)")
            guard isRight else { return }
        }
    }

    @Test("HUP, then TERM within 400 µs: it always stops, and its log was reopened", arguments: 0..<8)
    func thenTerminate(slice: Int) throws {
        for round in 0..<10 {
            let daemon = try TestDaemon()
            let running = try daemon.foreground()
            #expect(eventually { daemon.report(holds: "registered") })
            running.send(.hangup)
            spin(.microseconds((slice * 10 + round) * 5))
            running.send(.terminate)
            #expect(running.wait(.seconds(20)) == .exited(0), "round \(round)")
            #expect(daemon.log.contains("Reopening log files"))
        }
    }

    @Test("A signal from before there is a pipe is not forgotten: a worker that is paused in its check comes up paused")
    func beforePipe() throws {
        let worker = try WorkerProcess(Product.faultd, ["--fault-check", "wait"])
        let report = worker.daemon.folder["report"]
        #expect(eventually { worker.daemon.folder.exists("report.checking") })
        worker.running.send(.terminalOutput)
        Descriptor.close(try FileDescriptor.open(report, [.writeOnly, .create]).release())
        #expect(eventually { worker.daemon.report(holds: "pause 1 true") }, "\(worker.daemon.log)")
    }

    @Test("A stop handler that takes 300 ms is waited for, though main has returned")
    func slowStop() throws {
        let daemon = try TestDaemon()
        let running = try daemon.foreground("--fault-main", "slow-stop")
        #expect(eventually { daemon.report(holds: "registered") })
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
        #expect(daemon.report(holds: "stop handled"))
    }

    @Test("A launcher that gives up ends a daemon that is suspended: it wakes, and leaves nothing")
    func suspended() throws {
        let daemon = try TestDaemon()
        let launcher = try daemon.folder.start(
            Product.faultd,
            daemon.arguments([
                "--fault-prepare", "hang", "--start-timeout", "1s", "--fault-listen", daemon.folder["s"],
                "--fault-output", daemon.folder["report"],
            ]))
        #expect(eventually { daemon.pid != nil && daemon.folder.exists("s") })
        daemon.signal(Signal(rawValue: SIGSTOP))
        #expect(launcher.wait() == .exited(1))
        #expect(launcher.standardError.contains("it was not ready within 1s"))
        // One that was killed would have left its socket.
        #expect(daemon.isClean && daemon.pid == nil)
    }

    @Test("A launcher that gives up kills a daemon that takes no SIGTERM, suspended or not", arguments: [false, true])
    func deaf(isSuspended: Bool) throws {
        let daemon = try TestDaemon()
        let launcher = try daemon.folder.start(
            Product.faultd,
            daemon.arguments([
                "--fault-prepare", "hang-blocked", "--start-timeout", "1s", "--fault-output", daemon.folder["report"],
            ]))
        #expect(eventually { daemon.pid != nil && daemon.report(holds: "prepare threads=1") })
        let process = try ProcessHandle(pid: try #require(daemon.pid))
        if isSuspended { try process.send(Signal(rawValue: SIGSTOP)) }
        #expect(launcher.wait() == .exited(1))
        #expect(process.waitForEnd(.zero))
        #expect(daemon.isClean)
    }
}
