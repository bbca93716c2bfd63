import Testing
import Unix

@Suite("Readiness is said by prepare's end or by main", .timeLimit(.minutes(20)))
struct ReadinessTests {
    @Test(
        "An asynchronous prepare runs beside the main actor, after the forks, and main gets what it returned",
        arguments: [[], ["--fault-async"]])
    func asynchronousPrepare(mode: [String]) throws {
        let daemon = try TestDaemon()
        let report = daemon.folder["report"]
        let outcome = try daemon.folder.run(
            Product.faultd, daemon.arguments(["--fault-async-prepare", "--fault-output", report] + mode))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(daemon.report(holds: "main actor runs in prepare"))
        #expect(eventually { daemon.report(holds: "registered") })
        #expect(daemon.folder.lines("report").contains { $0.contains("main 7 prepared 7") })
        daemon.end()
        #expect(daemon.isClean)
    }

    @Test("What an asynchronous prepare throws, the launcher prints; one that hangs can be ended")
    func asynchronousPrepareFails() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.launch("--fault-async-prepare", "--fault-prepare", "throw")
        #expect(outcome.code == 1)
        #expect(outcome.errors == "Error when starting the daemon process: the database is gone\n")
        #expect(eventually { daemon.isClean })
        let launcher = try daemon.folder.start(
            Product.faultd, daemon.arguments(["--fault-async-prepare", "--fault-prepare", "hang"]))
        #expect(eventually { daemon.pid != nil && daemon.log.contains("startup") })
        daemon.signal(.terminate)
        #expect(launcher.wait() == .exited(143))
        #expect(eventually { daemon.isClean })
    }

    @Test("Without prepare nobody is told before main calls ready(), and the log says what is missing")
    func unready() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.launch(
            "--fault-async", "--fault-no-prepare", "--fault-main", "unready", "--start-timeout", "2s")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("it was not ready within 2s"))
        #expect(daemon.log.contains("main waits, and has not called ready() yet"))
        #expect(try daemon.launch("--fault-async", "--fault-no-prepare").code == 0)
        daemon.end()
        #expect(daemon.isClean)
    }

    @Test("A worker whose main throws after 300 ms makes the reload fail, and the old one serves on")
    func failedReload() throws {
        let daemon = try TestDaemon()
        let report = daemon.folder["report"]
        let outcome = try daemon.launch(
            "--fault-async", "--fault-no-prepare", "--workers", "1", "--control-socket", daemon.folder["c"],
            "--fault-output", report)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(eventually { daemon.report(holds: "registered") })
        let worker = try #require(daemon.log.firstMatch(of: /New worker \((\d+)\)/)?.1)
        try daemon.folder.write("report.fail", "")
        let answer = try daemon.folder.ask("reload", at: "c")
        #expect(answer.hasPrefix("Success=0\n--\n"), "\(answer)")
        #expect(daemon.log.contains("the database is gone"))
        let processes = try daemon.folder.ask("show proc", at: "c")
        #expect(processes.contains(worker), "\(processes)")
        daemon.end()
        #expect(daemon.isClean)
    }

    @Test("@1 reload answers when the handlers of that worker have run, or which of them failed")
    func workerReload() throws {
        let daemon = try TestDaemon()
        let files = ["--control-socket", daemon.folder["c"], "--fault-output", daemon.folder["report"]]
        let outcome = try daemon.folder.run(Product.faultd, daemon.arguments(["--workers", "1"] + files))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(eventually { daemon.report(holds: "registered") })
        let answer = try daemon.folder.ask("@1 reload", at: "c")
        #expect(answer.hasPrefix("Success=0\n--\nthis reload handler fails\n"), "\(answer)")
        #expect(daemon.report(holds: "reload 4"))
        let processes = try daemon.folder.ask("show proc debug", at: "c")
        #expect(processes.contains("Reload failed"), "\(processes)")
        daemon.end()
    }
}
