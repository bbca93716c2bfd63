import Foundation
import Testing
import Unix

@Suite("What a daemon prints, and who takes its signals", .timeLimit(.minutes(20)))
struct OutputTests {
    @Test("What check prints is the caller's at once and once; what main prints is in the log, even if it crashes then")
    func lines() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.launch("--fault-main", "print", "--fault-output", daemon.folder["report"])
        #expect(outcome.code == 0 && outcome.output == "check says this\n", "\(outcome.output)\(outcome.errors)")
        #expect(eventually { daemon.report(holds: "registered") })
        #expect(daemon.log.contains("main says this\n"))
        let process = try ProcessHandle(pid: try #require(daemon.pid))
        try process.send(.terminate)
        #expect(process.waitForEnd(.seconds(40)))
        #expect(daemon.log.components(separatedBy: "check says this").count == 1)
        #expect(daemon.log.components(separatedBy: "main says this").count == 2)
    }

    @Test("In the foreground a line is printed when it is whole, also into a file")
    func foreground() throws {
        let daemon = try TestDaemon()
        let running = try daemon.foreground("--fault-main", "print")
        #expect(eventually { daemon.report(holds: "registered") })
        #expect(running.standardOutput == "check says this\nmain says this\n")
        running.send(.kill)
        _ = running.wait()
    }

    @Test("A library that takes SIGHUP is named in the log, once")
    func stolen() throws {
        let daemon = try TestDaemon()
        #expect(
            try daemon.launch("--fault-async", "--fault-main", "steal", "--fault-output", daemon.folder["report"]).code
                == 0)
        #expect(eventually { daemon.log.contains("something else in this process handles SIGHUP") })
        daemon.signal(.hangup)
        #expect(eventually { daemon.report(holds: "stolen") })
        #expect(!daemon.log.contains("Reopening"))
        daemon.end()
        #expect(daemon.log.components(separatedBy: "something else").count == 2)
    }
}
