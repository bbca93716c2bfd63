import Foundation
import Testing
import Unix

@Suite("The start: what the author's own code does meanwhile", .timeLimit(.minutes(20)))
struct StartHazardTests {
    @Test(
        "A thread that check has made is refused where a fork follows, with what to do instead",
        arguments: ["thread", "task", "queue"])
    func checkThreads(mode: String) throws {
        let daemon = try TestDaemon()
        for more in [[], ["--workers", "2", "-f"]] {
            let outcome = try daemon.folder.run(
                Product.faultd, daemon.files + ["--fault-check", mode] + more, within: .seconds(20))
            #expect(outcome.code == 1)
            #expect(outcome.errors.contains("check has left") && outcome.errors.contains("start them in prepare"))
            #expect(!daemon.folder.exists("d.pid") && !daemon.folder.exists("d.log"))
        }
        // No fork, no harm.
        let running = try daemon.foreground("--fault-check", mode)
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
    }

    @Test("A thread that has ended in check is no reason to refuse")
    func endedThread() throws {
        let daemon = try TestDaemon()
        for _ in 0..<20 {
            #expect(try daemon.launch("--fault-check", "ended-thread").code == 0)
            daemon.end()
        }
    }

    @Test("A file that was opened before genericMain stays open, and the pid file's own text is all that is in it")
    func ownFile() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.launch(
            "--fault-open", daemon.folder["own"], "--fault-main", "write-own", "--fault-output", daemon.folder["report"]
        )
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(eventually { daemon.report(holds: "written") }, "\(daemon.log)")
        let pid = try #require(daemon.pid)
        #expect(daemon.folder.read("d.pid") == "\(pid)\n")
        #expect(daemon.folder.read("own") == "the author's text\n")
        daemon.end()
    }

    @Test(
        "What a library's constructor has opened stays open, too",
        .enabled(if: Machine.has("cc"), "needs cc"))
    func ownFileOfLibrary() throws {
        let daemon = try TestDaemon()
        let source = daemon.folder["library.c"]
        let text = """
            #include <fcntl.h>
            __attribute__((constructor)) static void opens(void) { open("\(daemon.folder["own"])", O_CREAT | O_RDWR, 0600); }
            """
        #expect(FileManager.default.createFile(atPath: source, contents: Data(text.utf8)))
        let made = try daemon.folder.shell(
            "cc -shared -fPIC -o \"$2/library.so\" \"$2/library.c\"", "", [daemon.folder.path])
        #expect(made.code == 0, "\(made.errors)")
        #expect(try daemon.launch(environment: ["LD_PRELOAD": daemon.folder["library.so"]]).code == 0)
        let pid = try #require(daemon.pid)
        let look = try daemon.folder.shell("ls -l /proc/$2/fd", "", ["\(pid)"])
        #expect(look.output.contains("-> \(daemon.folder["own"])\n"), "\(look.output)")
        daemon.end()
    }

    @Test(
        "A daemon's files are its own, unless --umask says otherwise; in the foreground the caller's mask stays",
        arguments: [([], "0077"), (["--umask", "027"], "0027"), (["-f"], "0013"), (["-f", "--umask", "027"], "0027")])
    func umask(options: [String], mask: String) throws {
        let daemon = try TestDaemon()
        let report = ["--fault-output", daemon.folder["report"]]
        let isForeground = options.contains("-f")
        let script = "umask 013; exec \"$1\" \"${@:2}\"\(isForeground ? " &" : "")"
        #expect(try daemon.folder.shell(script, Product.faultd, daemon.files + options + report).code == 0)
        #expect(eventually { daemon.report(holds: "registered") })
        let pid = try #require(daemon.pid)
        let look = try daemon.folder.shell("grep Umask /proc/$2/status", "", ["\(pid)"])
        #expect(look.output == "Umask:\t\(mask)\n")
        daemon.end()
    }

    // MARK: Crashes

    private func records(_ daemon: TestDaemon, holding text: String) -> [String] {
        daemon.log.split(separator: "\n").map(String.init).filter { $0.contains(text) }
    }

    @Test(
        "A crash leaves a record with time and pid, and the next start says that the last one died",
        arguments: ["crash", "crash-index"], ["text", "json"])
    func crash(mode: String, format: String) throws {
        let daemon = try TestDaemon()
        #expect(
            try daemon.launch(
                "--fault-main", mode, "--log-format", format, environment: ["TZ": "Asia/Kolkata"]
            ).code == 0)
        #expect(eventually { !records(daemon, holding: "crashed: SIG").isEmpty }, "\(daemon.log)")
        let crash = try #require(records(daemon, holding: "crashed: SIG").first)
        #expect(eventually { daemon.pid == nil })
        let pid = try #require(daemon.folder.read("d.pid").split(separator: "\n").first)
        let startup = try #require(records(daemon, holding: "daemon startup").first)
        if format == "text" {
            #expect(crash.contains(" IST: faultd pid=\(pid) CRITICAL crashed: SIG"))
            // The times of one log compare as texts do.
            #expect(crash > startup && crash.prefix(13) >= startup.prefix(13))
        } else {
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(crash.utf8)) }
            #expect(crash.contains("+05:30\",\"level\":\"CRITICAL\",\"name\":\"faultd\",\"pid\":\(pid),"))
            #expect(crash > startup)
        }
        #expect(try daemon.launch(environment: ["TZ": "Asia/Kolkata"]).code == 0)
        #expect(records(daemon, holding: "daemon startup").last.map { $0 > crash } ?? false || format == "json")
        #expect(daemon.log.contains("WARNING the last faultd (pid \(pid)) died: it has left pid file"))
        daemon.end()
        #expect(try daemon.launch().code == 0)
        #expect(records(daemon, holding: "died:").count == 1)
        daemon.end()
    }

    @Test("A daemon that was killed is named by the next start; one that cannot remove root's file at its end is not")
    func killed() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.launch().code == 0)
        let pid = try #require(daemon.pid)
        daemon.signal(.kill)
        #expect(eventually { daemon.pid == nil })
        #expect(try daemon.launch().code == 0)
        #expect(daemon.log.contains("WARNING the last faultd (pid \(pid)) died"))
        daemon.end()
        guard Machine.isRoot else { return }
        for _ in 0..<2 {
            #expect(try daemon.launch("-u", "nobody").code == 0)
            daemon.end()
        }
        #expect(daemon.folder.exists("d.pid"))
        #expect(records(daemon, holding: "died:").count == 1)
    }

    @Test(
        "A signal for a crash that somebody sends ends the daemon by that signal, with a record",
        arguments: [SIGSEGV, SIGABRT])
    func sent(number: Int32) throws {
        let daemon = try TestDaemon()
        let signal = Signal(rawValue: number)
        let running = try daemon.foreground()
        running.send(signal)
        #expect(running.wait() == .signaled(number))
        #expect(daemon.log.contains(" faultd pid=\(running.processID) CRITICAL crashed: \(signal) ("))
        #expect(running.standardError.contains(" CRITICAL crashed: \(signal) ("))
    }

    @Test("The Swift runtime's own handlers stay: its backtrace is in the log, behind the record")
    func backtrace() throws {
        let daemon = try TestDaemon()
        let variables = ["SWIFT_BACKTRACE": "enable=yes,color=no,interactive=no"]
        #expect(try daemon.launch("--fault-main", "crash", environment: variables).code == 0)
        #expect(eventually { daemon.pid == nil && daemon.log.contains("crashed: SIG") })
        let handlers = try daemon.foreground(environment: variables)
        let look = try daemon.folder.shell("grep SigCgt /proc/$2/status", "", ["\(handlers.processID)"])
        #expect(!look.output.isEmpty)
        handlers.send(.terminate)
        #expect(handlers.wait() == .exited(0))
        #expect(daemon.log.contains("Crash") || daemon.log.contains("Thread 0"), "\(daemon.log)")
    }
}
