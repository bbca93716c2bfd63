import Foundation
import Testing
import Unix

/// `--workers N`: a master of its own for any daemon.
@Suite("Workers under a master", .blocking, .timeLimit(.minutes(20)))
struct WorkersTests {
    /// echod with workers; its socket, and what the master's log says of its workers.
    private final class Served {
        let daemon: TestDaemon
        let address: SocketAddress

        init(_ workers: Int, _ more: String...) throws {
            daemon = try TestDaemon(Product.echod)
            let arguments = daemon.files + ["-b", "127.0.0.1:0", "--workers", "\(workers)"] + more
            let outcome = try daemon.folder.run(Product.echod, arguments)
            #expect(outcome.code == 0, "\(outcome.errors)")
            let match = try #require(daemon.log.firstMatch(of: /listening on 127\.0\.0\.1:(\d+)/))
            address = .ipv4(0x7F00_0001, port: try #require(UInt16(match.1)))
        }

        var master: ProcessID { daemon.pid ?? 0 }

        /// The pids of the living workers, as /proc knows them.
        var workers: [ProcessID] {
            let text = (try? String(contentsOfFile: "/proc/\(master)/task/\(master)/children", encoding: .utf8)) ?? ""
            return text.split(separator: " ").compactMap { ProcessID($0) }
        }

        func echoes() throws -> Bool { try Client(address).echoes("hello") }
        func count(_ text: String) -> Int { daemon.log.components(separatedBy: text).count - 1 }
    }

    @Test("Every worker runs, the master has one thread, and clients are served")
    func serve() throws {
        let served = try Served(3)
        #expect(served.workers.count == 3)
        #expect(try served.echoes())
        let status = try String(contentsOfFile: "/proc/\(served.master)/status", encoding: .utf8)
        #expect(status.contains("Threads:\t1\n"))
        served.daemon.end()
        #expect(served.count("Former worker") == 3)
        #expect(served.daemon.isClean)
    }

    @Test("A worker that is killed is replaced; the others stay; clients are served meanwhile")
    func restart() throws {
        let served = try Served(2)
        let before = served.workers
        try Signal.kill.send(to: before[0])
        #expect(eventually { served.count("New worker") == 3 && served.workers.count == 2 })
        #expect(served.workers.contains(before[1]))
        #expect(
            served.daemon.log.contains("Current worker (\(before[0])) exited with code 137 (Killed), restarting it"))
        #expect(try served.echoes())
        served.daemon.end()
    }

    @Test("Reloads under load lose no request: each client's bytes come back while 20 generations pass")
    func reload() throws {
        let served = try Served(2)
        let load = RequestLoad(clients: 3, served.address.askForEcho)
        for generation in 1...20 {
            served.daemon.signal(.user2)
            #expect(eventually { served.count("Loading success.") == generation + 1 })
        }
        let report = try load.finish()
        #expect(report.failures == [] && report.answered > 0)
        #expect(eventually { served.workers.count == 2 })
        served.daemon.end()
        #expect(served.count("Former worker") == 42)
    }

    @Test("SIGHUP makes the master and every worker open the log again")
    func reopen() throws {
        let served = try Served(2)
        try FileManager.default.moveItem(atPath: served.daemon.folder["d.log"], toPath: served.daemon.folder["old"])
        served.daemon.signal(.hangup)
        #expect(eventually { served.count("Reopening log files after receiving SIGHUP") == 3 })
        served.daemon.end()
        #expect(served.count("echod daemon shutdown") == 3)
    }

    @Test("When the master is killed its workers leave")
    func orphans() throws {
        let served = try Served(3)
        let workers = try served.workers.map { try ProcessHandle(pid: $0) }
        try Signal.kill.send(to: served.master)
        for worker in workers { #expect(worker.waitForEnd(.seconds(20))) }
        #expect(served.count("the master is gone, ending now") == 3)
    }

    @Test("Workers that cannot start are told to the caller, and nothing is left")
    func failedStart() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.launch("--workers", "2", "--fault-prepare", "throw")
        #expect(outcome.code == 1)
        let reason = /worker [12]: it ended before it was ready, with code 1 \(Exit\)/
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
        #expect(eventually { daemon.isClean })
    }

    @Test("A reload whose worker fails leaves the serving one alone, and says so")
    func failedReload() throws {
        let daemon = try TestDaemon()
        // The socket that the first worker binds is live when the second wants it.
        let outcome = try daemon.launch(
            "--workers", "1", "--fault-prepare", "listen", "--fault-listen", daemon.folder["s"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        daemon.signal(.user2)
        #expect(eventually { daemon.log.contains("Loading failure: worker 1: it ended before it was ready") })
        #expect(!daemon.log.contains("Former worker"))
        _ = try Client(.unix(daemon.folder["s"]))
        daemon.end()
        #expect(daemon.isClean)
    }

    @Test("INT ends everything at once with 130, TERM with 0", arguments: [Signal.terminate, .interrupt])
    func stop(signal: Signal) throws {
        let daemon = try TestDaemon()
        let running = try daemon.folder.start(
            Product.faultd,
            daemon.files + ["-f", "--workers", "2", "--fault-output", daemon.folder["report"]])
        #expect(eventually { daemon.log.contains("Loading success.") })
        running.send(signal)
        #expect(running.wait() == .exited(signal == .terminate ? 0 : 130))
        #expect(daemon.isClean)
    }

    @Test("The control socket shows the workers and reloads; it is removed at the end")
    func control() throws {
        let daemon = try TestDaemon(Product.echod)
        let socket = daemon.folder["control"]
        let outcome = try daemon.folder.run(Product.echod, daemon.arguments(["--workers", "2", "-S", socket]))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try daemon.folder.ask("show proc").contains("# workers\n"))
        #expect(try daemon.folder.ask("reload").hasPrefix("Success=1\n--\nNew worker"))
        #expect(try daemon.folder.ask("nonsense").hasPrefix("Unknown command: 'nonsense'"))
        #expect(try FileStatus(path: socket).mode == 0o600)
        daemon.end()
        #expect(!daemon.folder.exists("control"))
    }
}
