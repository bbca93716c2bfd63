import Testing
import Unix

@Suite("The stop, and signals at every moment", .blocking, .timeLimit(.minutes(20)))
struct StopTests {
    @Test(
        "TERM is exit 0 and INT 130, for both kinds of main; handlers ran, nothing is left",
        arguments: [Signal.terminate, .interrupt], [[], ["--fault-async"]])
    func graceful(signal: Signal, mode: [String]) throws {
        let daemon = try TestDaemon()
        let report = daemon.folder["report"]
        let running = try daemon.folder.start(
            Product.faultd, daemon.files + ["-f", "--fault-output", report] + mode)
        #expect(eventually { daemon.report(holds: "registered") })
        running.send(signal)
        #expect(running.wait() == .exited(signal == .terminate ? 0 : 130))
        #expect(daemon.report(holds: "stop"))
        if mode.isEmpty {
            #expect(daemon.report(holds: "drain"))
            #expect(!daemon.report(holds: "sleep did not see the stop"))
        } else {
            #expect(daemon.report(holds: "main actor runs"))
            #expect(daemon.report(holds: "async stop"))
        }
        #expect(daemon.isClean)
        #expect(daemon.log.hasSuffix("NOTICE faultd daemon shutdown\n"))
    }

    @Test("An async main that only waits is cancelled when its grace period is about to end, and that is no failure")
    func cancelled() throws {
        let daemon = try TestDaemon()
        let running = try daemon.foreground("--fault-async", "--fault-main", "report", "--fault-middle-grace")
        let start = MonotonicTime.now
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
        // Of 8 s, 800 ms are left for what a cancelled task has to tidy up.
        #expect(MonotonicTime.now - start >= .milliseconds(7200))
        #expect(!daemon.log.contains("ERROR"))
        #expect(daemon.isClean)
    }

    @Test("With cancelsMain: .atStop it is cancelled at the signal")
    func cancelledAtStop() throws {
        let daemon = try TestDaemon()
        let running = try daemon.foreground("--fault-async", "--fault-main", "report", "--fault-cancel-at-stop")
        let start = MonotonicTime.now
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
        #expect(MonotonicTime.now - start < .seconds(25))
        #expect(daemon.isClean)
    }

    @Test(
        "A main that does not heed the stop is ended after the grace period, and it is said, whether it looked or not",
        arguments: [["deaf"], ["ignore-stop"], ["ignore-stop", "--fault-async"]])
    func ignored(mode: [String]) throws {
        let daemon = try TestDaemon()
        let running = try daemon.foreground(["--fault-short-grace", "--fault-main"] + mode)
        let start = MonotonicTime.now
        running.send(.terminate)
        #expect(running.wait() == .exited(1))
        #expect(MonotonicTime.now - start >= .milliseconds(600))
        #expect(daemon.log.contains("main did not end within 600ms"))
        #expect(daemon.isClean)
    }

    @Test("A second signal ends it now, even when a handler hangs")
    func second() throws {
        let daemon = try TestDaemon()
        let report = daemon.folder["report"]
        let running = try daemon.folder.start(
            Product.faultd,
            daemon.files + ["-f", "-d", "--fault-main", "hang-in-handler", "--fault-output", report])
        #expect(eventually { daemon.report(holds: "registered") })
        running.send(.hangup)
        #expect(eventually { daemon.log.contains("Reopening log files") })
        running.send(.terminate)
        #expect(eventually { daemon.log.contains("received SIGTERM, stopping") })
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
        #expect(daemon.isClean)
    }

    @Test("Reload handlers run in order at each HUP, one that fails stops no other, USR1 is the author's")
    func handlers() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.launch("--fault-output", daemon.folder["report"]).code == 0)
        #expect(eventually { daemon.report(holds: "registered") })
        daemon.signal(.hangup)
        #expect(eventually { daemon.report(holds: "reload 3") })
        #expect(eventually { daemon.report(holds: "reload 4") })
        let lines = daemon.folder.lines("report").filter { $0.hasPrefix("reload") }
        #expect(lines == ["reload 1", "reload 3", "reload 4"])
        #expect(daemon.log.contains(" ERROR reload: this reload handler fails\n"))
        daemon.signal(.user1)
        #expect(eventually { daemon.report(holds: "usr1") })
        #expect(try daemon.ask("--reload").code == 0)
        #expect(eventually { daemon.folder.lines("report").count(where: { $0 == "reload 3" }) == 2 })
        let reopened = daemon.log.split(separator: "\n").count(where: { $0.contains("Reopening") })
        #expect(try daemon.ask("--reopen-logs").code == 0)
        #expect(
            eventually { daemon.log.split(separator: "\n").count(where: { $0.contains("Reopening") }) == reopened + 1 })
        #expect(daemon.folder.lines("report").count(where: { $0 == "reload 3" }) == 2)
        daemon.end()
    }

    @Test("A HUP does not kill a daemon in the foreground, nor one that is still preparing")
    func hangup() throws {
        let daemon = try TestDaemon()
        let running = try daemon.folder.start(Product.faultd, daemon.files + ["-f", "--fault-prepare", "slow"])
        #expect(eventually { daemon.log.contains("startup") })
        #expect(eventually { daemon.pid == running.processID })
        for _ in 0..<50 { running.send(.hangup) }
        #expect(eventually { daemon.log.contains("Reopening") })
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
    }

    @Test("A storm of signals loses none of its kinds")
    func storm() throws {
        let daemon = try TestDaemon()
        let report = daemon.folder["report"]
        #expect(try daemon.launch("--fault-output", report).code == 0)
        #expect(eventually { daemon.report(holds: "registered") })
        let pid = try #require(daemon.pid)
        for _ in 0..<20_000 {
            try Signal.hangup.send(to: pid)
            try Signal.user1.send(to: pid)
        }
        #expect(eventually { daemon.report(holds: "usr1") && daemon.report(holds: "reload 3") })
        daemon.end()
        #expect(daemon.isClean)
    }

    @Test(
        "TERM while prepare hangs: the launcher exits non-zero, nothing is left",
        arguments: [Signal.terminate, .interrupt])
    func duringPrepare(signal: Signal) throws {
        let daemon = try TestDaemon()
        let launcher = try daemon.folder.start(
            Product.faultd,
            daemon.files + ["--fault-prepare", "hang", "--fault-listen", daemon.folder["s"]])
        #expect(eventually { daemon.folder.exists("s") && daemon.pid != nil })
        daemon.signal(signal)
        #expect(launcher.wait() == .exited(128 + signal.rawValue))
        #expect(
            launcher.standardError == "Error when starting the daemon process: ended by \(signal) during start-up\n")
        #expect(daemon.isClean)
    }

    @Test("A launcher that is interrupted takes its daemon along", arguments: [Signal.terminate, .interrupt])
    func interruptedLauncher(signal: Signal) throws {
        let daemon = try TestDaemon()
        let launcher = try daemon.folder.start(
            Product.faultd,
            daemon.files + ["--fault-prepare", "hang", "--fault-listen", daemon.folder["s"]])
        #expect(eventually { daemon.folder.exists("s") && daemon.pid != nil })
        launcher.send(signal)
        #expect(launcher.wait() == .exited(128 + signal.rawValue))
        #expect(daemon.isClean && daemon.pid == nil)
    }

    @Test(
        "TERM or kill -9 at every moment of the start: it runs or it does not, nothing in between",
        arguments: [Signal.terminate, .kill], ["launcher", "daemon"])
    func everyMoment(signal: Signal, target: String) throws {
        for step in 0..<40 {
            let daemon = try TestDaemon()
            let launcher = try daemon.folder.start(
                Product.faultd, daemon.files + ["--fault-listen", daemon.folder["s"]])
            if target == "daemon" {
                #expect(
                    eventually {
                        daemon.pid != nil || (try? Signal(rawValue: 0).send(to: launcher.processID)) == nil
                            || isZombie(launcher.processID)
                    })
                Poll.pause(.microseconds(step * 30))
                daemon.signal(signal)
            } else {
                Poll.pause(.microseconds(step * 200))
                launcher.send(signal)
            }
            let status = launcher.wait()
            if status == .exited(0) && target == "launcher" {
                #expect(daemon.pid != nil)
                daemon.end()
            } else {
                // Killed beside the launcher: the daemon is there in full, or gone.
                #expect(eventually { daemon.pid == nil || daemon.folder.read("d.pid") == "\(daemon.pid ?? 0)\n" })
                if status == .exited(0) && signal == .terminate { #expect(eventually { daemon.pid == nil }) }
                if let pid = daemon.pid, let process = try? ProcessHandle(pid: pid) {
                    try? process.send(.terminate)
                    #expect(process.waitForEnd(.seconds(40)))
                }
            }
            if signal == .terminate {
                #expect(eventually { daemon.isClean }, "\(step) \(status) \(launcher.standardError)")
            }
            // Whatever is left, the next start works, once a daemon whose launcher was killed has given up.
            #expect(try eventually { try daemon.launch("--fault-listen", daemon.folder["s"]).code == 0 })
            daemon.end()
            #expect(daemon.isClean)
        }
    }

    private func isZombie(_ pid: ProcessID) -> Bool {
        guard let file = try? FileDescriptor.open("/proc/\(pid)/stat", []) else { return true }
        return String(decoding: Descriptor.contents(of: file.number, limit: 200), as: UTF8.self).contains(") Z")
    }
}
