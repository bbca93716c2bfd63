import Testing
import Unix

@Suite("The start: truth at the launcher's exit", .blocking, .timeLimit(.minutes(20)))
struct StartTests {
    @Test("When the launcher exits 0, pid file, log and main are there, and the process is a proper daemon")
    func start() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.launch("--fault-output", daemon.folder["report"])
        #expect(outcome.code == 0)
        #expect(outcome.output.isEmpty && outcome.errors.isEmpty)
        let pid = try #require(daemon.pid)
        #expect(daemon.folder.read("d.pid") == "\(pid)\n")
        #expect(try FileStatus(path: daemon.folder["d.pid"]).mode == 0o600)
        #expect(try FileStatus(path: daemon.folder["d.log"]).mode == 0o600)
        #expect(daemon.log.contains(" faultd pid=\(pid) NOTICE faultd daemon startup\n"))
        #expect(eventually { daemon.report(holds: "main 7 prepared 7 generation=1") })
        daemon.end()
        #expect(daemon.isClean)
        #expect(daemon.log.contains("NOTICE faultd daemon shutdown\n"))
    }

    @Test(
        "There is one thread until main runs, for a synchronous and for an asynchronous main",
        arguments: [[], ["--fault-async"]])
    func oneThread(mode: [String]) throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.folder.run(
            Product.faultd, daemon.files + ["--fault-output", daemon.folder["report"]] + mode)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(daemon.report(holds: "prepare threads=1"))
        daemon.end()
    }

    @Test("Swift's locks work in the daemon under contention: the forked child has forgotten its parent's thread id")
    func locksAfterFork() throws {
        for _ in 0..<10 {
            let daemon = try TestDaemon()
            #expect(try daemon.launch("--fault-main", "contend", "--fault-output", daemon.folder["report"]).code == 0)
            #expect(eventually { daemon.report(holds: "sum 200000") })
            daemon.end()
            #expect(daemon.isClean)
        }
    }

    @Test("A second thread before genericMain is refused, in words that name the cause")
    func secondThread() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.launch("--fault-thread")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("2 threads running"))
        #expect(!daemon.folder.exists("d.pid"))
    }

    @Test(
        "What check throws goes to standard error with its exit status, and nothing is created",
        arguments: [("throw", 1, "the configuration is wrong"), ("exit-code", 42, "very wrong"), ("silent", 5, "")])
    func check(mode: String, code: Int32, text: String) throws {
        for arguments in [[], ["--check"], ["-f"]] {
            let daemon = try TestDaemon()
            let outcome = try daemon.folder.run(
                Product.faultd, daemon.files + ["--fault-check", mode] + arguments)
            #expect(outcome.code == code)
            #expect(text.isEmpty ? outcome.errors.isEmpty : outcome.errors.contains(text))
            #expect(!daemon.folder.exists("d.pid") && !daemon.folder.exists("d.log"))
        }
    }

    @Test("--check alone exits 0 and creates nothing, even beside a running daemon")
    func checkOnly() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.launch("--check").code == 0)
        #expect(!daemon.folder.exists("d.pid") && !daemon.folder.exists("d.log"))
        #expect(try daemon.launch().code == 0)
        #expect(try daemon.launch("--check").code == 0)
        daemon.end()
    }

    @Test(
        "A prepare that fails in any way fails the launcher, with its reason, and leaves nothing",
        arguments: [
            ("throw", "Error when starting the daemon process: the database is gone\n"),
            ("empty", "Error when starting the daemon process: unknown error of type Silent\n"),
            ("exit", "it ended before it was ready (exit status 3)"),
            ("exit-zero", "it ended before it was ready (exit status 0)"),
            ("crash", "it ended before it was ready (SIG"),
        ])
    func prepareFails(mode: String, text: String) throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.launch("--fault-prepare", mode, "--fault-listen", daemon.folder["s"])
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains(text), "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
        #expect(!daemon.folder.exists("d.pid"))
        #expect(eventually { daemon.pid == nil })
        if text.hasSuffix("\n") { #expect(daemon.log.contains(" ERROR " + text)) }
        if !["exit-zero", "crash"].contains(mode) { #expect(!daemon.folder.exists("s")) }
        // What a crash leaves of a socket is stale, and does not stop the next start.
        #expect(try daemon.launch("--fault-listen", daemon.folder["s"]).code == 0)
        daemon.end()
        #expect(daemon.isClean)
    }

    @Test("A prepare that fails in the foreground gives one line on standard error, and exit 1")
    func prepareFailsInForeground() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.launch("-f", "--fault-prepare", "throw")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains(" ERROR Error when starting the daemon process: the database is gone\n"))
        #expect(!daemon.folder.exists("d.pid"))
    }

    @Test(
        "A daemon that is never ready, suspended or not, is ended after --start-timeout, and nothing is left",
        arguments: ["hang", "stopped"])
    func startTimeout(mode: String) throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.launch(
            "--fault-prepare", mode, "--start-timeout", "300ms", "--fault-listen", daemon.folder["s"])
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("it was not ready within 300ms"))
        #expect(daemon.isClean)
        #expect(daemon.pid == nil)
    }

    @Test("With explicit readiness the launcher waits for main's word; a main that ends without it fails the start")
    func explicitReadiness() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.launch("--fault-explicit", "--fault-main", "explicit").code == 0)
        #expect(daemon.pid != nil)
        daemon.end()
        let outcome = try daemon.launch("--fault-explicit", "--fault-main", "unready")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("main returned, and had not called ready()"))
        #expect(daemon.isClean)
        let failed = try daemon.launch("--fault-explicit", "--fault-main", "throw")
        #expect(failed.code == 1 && failed.errors.contains("main failed"))
        #expect(daemon.isClean)
    }

    @Test(
        "A main that throws is an ERROR line and exit 1; one that returns is exit 0; exit(3) keeps its code; all clean up",
        arguments: [("throw", 1), ("return", 0), ("exit", 9)], [[], ["--fault-async"]])
    func mainEnds(mode: (String, Int32), asyncMode: [String]) throws {
        if mode.0 == "exit" && !asyncMode.isEmpty { return }
        let daemon = try TestDaemon()
        let outcome = try daemon.folder.run(
            Product.faultd, daemon.files + ["-f", "--fault-main", mode.0] + asyncMode)
        #expect(outcome.code == mode.1)
        #expect(outcome.errors.contains("daemon shutdown"))
        if mode.0 == "throw" { #expect(daemon.log.contains(" ERROR main failed\n")) }
        #expect(daemon.isClean)
    }

    @Test("A main that crashes leaves a pid file without a lock: status 1, and the next start goes well")
    func mainCrashes() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.launch("--fault-main", "crash").code == 0)
        #expect(eventually { daemon.pid == nil && daemon.folder.exists("d.pid") })
        #expect(try daemon.ask("--status").code == 1)
        #expect(try daemon.launch().code == 0)
        daemon.end()
    }

    @Test("The foreground keeps working folder, umask and session, and still holds the pid file")
    func foreground() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.folder.shell(
            """
            cd "$3"; umask 027
            "$1" -f --pid-file "$3/d.pid" --log-file "$3/d.log" --fault-output "$3/report" & p=$!
            until grep -qs registered "$3/report"; do :; done
            readlink /proc/$p/cwd; grep Umask /proc/$p/status; cut -d' ' -f6 /proc/$p/stat; cut -d' ' -f6 /proc/$$/stat
            kill $p; wait $p; echo "code $?"
            """, Product.faultd, ["x", daemon.folder.path])
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(lines.count == 5, "\(outcome)")
        #expect(lines.first == daemon.folder.path)
        #expect(lines.dropFirst().first == "Umask:\t0027")
        #expect(lines.count > 3 && lines[2] == lines[3])
        #expect(lines.last == "code 0")
        #expect(daemon.isClean)
    }

    @Test("--chdir and --umask override the daemon's defaults")
    func chdirAndUmask() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.launch("--chdir", daemon.folder.path, "--umask", "022").code == 0)
        let pid = try #require(daemon.pid)
        let look = try daemon.folder.shell("readlink /proc/$2/cwd; grep Umask /proc/$2/status", "", ["\(pid)"])
        #expect(look.output == "\(daemon.folder.path)\nUmask:\t0022\n")
        daemon.end()
        let missing = try daemon.launch("--chdir", daemon.folder["nowhere"])
        #expect(missing.code == 1)
        #expect(missing.errors.contains("cannot change to \(daemon.folder["nowhere"]): No such file or directory"))
        #expect(daemon.isClean)
    }

    @Test("The start needs no working folder, no environment and no name service")
    func bareStart() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.folder.shell(
            "mkdir \"$2/gone\"; cd \"$2/gone\"; rmdir \"$2/gone\"; exec env -i \"$1\" --pid-file \"$2/d.pid\" --log-file \"$2/d.log\"",
            Product.faultd, [daemon.folder.path])
        #expect(outcome.code == 0, "\(outcome.errors)")
        daemon.end()
    }
}
