import Foundation
import Testing
import Unix

/// The worker's end of the channel, in real processes.
@Suite("Commands to a worker", .blocking, .timeLimit(.minutes(20)))
struct WorkerCommandTests {
    @Test("The daemon's commands get arguments, payload and level; what they throw is the answer")
    func commands() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        #expect(try worker.ask("big 5") == "xxxxx")
        #expect(try worker.ask("fail") == "the cache is broken\n")
        #expect(try worker.ask("say a b", level: .operator, payload: "x\ny\n") == "operator [\"a\", \"b\"] x\ny\n")
        #expect(try worker.ask("say") == "admin [] -")
    }

    @Test("Levels are checked in the worker; an unknown command gets the nearest, as far as the level sees it")
    func levels() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        #expect(try worker.ask("say", level: .user) == "Permission denied!\n")
        #expect(try worker.ask("set log level debug", level: .user) == "Permission denied!\n")
        #expect(
            try worker.ask("shw info") == "Unknown command: 'shw info', but maybe 'show info' is meant. Try 'help'.\n")
        #expect(try worker.ask("sayy", level: .user)?.contains("maybe") == false)
        #expect(try worker.ask("") == "Unknown command: ''. Try 'help'.\n")
        let help = try #require(try worker.ask("help", level: .user))
        #expect(help.contains("  show info  ") && help.contains("  big  ") && !help.contains("  say  "))
    }

    @Test("Every worker has built-in commands, and the daemon's own of the same words comes before one")
    func builtIn() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        let info = try #require(try worker.ask("show info", level: .user))
        for line in [
            "Name: faultd", "Version: 1", "Pid: \(worker.running.processID)", "Worker: 3", "Generation: 5",
            "Stopping: 0",
            "Paused: 0", "Listeners: 0", "Log_level: info",
        ] {
            #expect(info.contains("\(line)\n"), "\(info)")
        }
        let memory = try #require(info.firstMatch(of: /Memory_RSS_KiB: (\d+)\n/))
        #expect(Int(memory.1) ?? 0 > 500)
        #expect(try worker.ask("show env") == "none of your business\n")
        let descriptors = try #require(try worker.ask("show fds"))
        #expect(descriptors.contains("0 /dev/null\n"), "\(descriptors)")
        #expect(descriptors.contains(/\n3 socket:\[\d+\] close-on-exec\n/), "\(descriptors)")
    }

    @Test("The environment is for operators: one variable, or all; nothing internal is in it")
    func environment() throws {
        let listening = try Listening()
        let worker = try WorkerProcess(Product.echod, listener: listening.socket.number)
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        #expect(try worker.ask("show env PATH", level: .operator) == "PATH=\(path)\n")
        #expect(try worker.ask("show env", level: .operator)?.contains("DAEMONKIT") == false)
        #expect(try worker.ask("show env NOSUCHNAME") == "Variable not found\n")
        #expect(try worker.ask("show env PATH", level: .user) == "Permission denied!\n")
    }

    @Test("The log's level can be set, and a wrong one gets the right ones")
    func logLevel() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        #expect(try worker.ask("set log level DEBUG") == "")
        #expect(try worker.ask("show info")?.contains("Log_level: debug\n") == true)
        let levels = "trace, debug, info, notice, warning, error, critical, alert, emergency"
        let valid = "'set log level' expects one of \(levels)."
        #expect(try worker.ask("set log level debg") == "\(valid) Maybe 'debug' is meant.\n")
        #expect(try worker.ask("set log level") == "\(valid)\n")
        worker.running.send(.terminate)
        #expect(worker.running.wait() == .exited(0))
        #expect(worker.daemon.log.contains("pid=\(worker.running.processID) DEBUG received SIGTERM"))
    }

    @Test("Four megabytes arrive whole at a master that reads slowly, and other answers wait for their end")
    func large() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        let first = try worker.send("big \(4 << 20)")
        let second = try worker.send("big 7")
        let third = try worker.send("show info")
        var found: [Int: Int] = [:]
        for _ in 0..<3 {
            let answer = try #require(try worker.answer(pace: 3000))
            found[answer.id] = answer.text.utf8.count
        }
        #expect(found[first] == 4 << 20 && found[second] == 7 && found[third] ?? 0 > 100)
        #expect(
            try worker.ask("big 4194305") == "The answer is too long: 4194305 bytes (4194304 at most).\n")
    }

    @Test("A command that hangs holds up neither the others nor the stop, and its requests do not pile up")
    func hanging() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        try worker.send("hang")
        #expect(eventually { worker.daemon.report(holds: "hanging") })
        #expect(try worker.ask("big 3") == "xxx")
        #expect(try worker.ask("show info")?.contains("Name: faultd") == true)
        for _ in 0..<63 { try worker.send("hang") }
        #expect(try worker.ask("hang") == "'hang' runs and does not end: 64 requests wait.\n")
        worker.running.send(.terminate)
        #expect(worker.running.wait() == .exited(0))
        #expect(worker.daemon.report(holds: "drain"))
    }

    @Test("A master that does not read holds up no stop")
    func unread() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        for _ in 0..<3 { try worker.send("big 4000000") }
        #expect(Poll.readable(worker.channel, timeout: .seconds(30)))
        worker.running.send(.terminate)
        #expect(worker.running.wait() == .exited(0))
    }

    @Test("Garbage ends the commands, not the worker; the end of the master is noticed all the same")
    func garbage() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        #expect(try worker.ask("big 1") == "x")
        try worker.send(raw: Array("GET / HTTP/1.1\r\n\r\n".utf8))
        #expect(try worker.answer() == nil)
        #expect(eventually { worker.daemon.log.contains("ERROR the master's commands cannot be understood any more") })
        try worker.send(raw: [UInt8](repeating: 0x0A, count: 1 << 20))
        worker.running.send(.hangup)
        #expect(eventually { worker.daemon.report(holds: "reload 3") })
        worker.closeChannel()
        #expect(worker.running.wait() == .exited(1))
    }

    @Test("A frame that is no single command gets an answer that says so; an answer is ignored")
    func odd() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        try worker.send(raw: Array("C 7 user 7\nbig 1;x".utf8))
        let answer = try worker.answer()
        #expect(answer?.id == 7 && answer?.text == "One command at a time.\n")
        try worker.send(raw: Array("A 8 2\nok".utf8))
        #expect(try worker.ask("big 2") == "xx")
    }

    @Test("Commands that come while the worker starts are answered when it serves")
    func early() throws {
        let worker = try WorkerProcess(Product.faultd, ["--fault-prepare", "slow"])
        #expect(try worker.ask("show info")?.contains("Worker: 3\n") == true)
    }

    @Test("echod shows its connections")
    func connections() throws {
        let listening = try Listening()
        let worker = try WorkerProcess(Product.echod, listener: listening.socket.number)
        let clients = try (0..<2).map { _ in try Client(.ipv4(0x7F00_0001, port: listening.port)) }
        for client in clients { #expect(try client.echoes("hello")) }
        #expect(
            try worker.ask("show connections")?.contains(
                /^Open: 2\nAccepted: 2\n1: age=\d+s bytes=5\n2: age=\d+s bytes=5\n$/) == true)
        #expect(try worker.ask("show connections", level: .user) == "Permission denied!\n")
        worker.running.send(.terminate)
        #expect(worker.running.wait() == .exited(0))
    }

    @Test("A worker that is asked nothing does not wake up")
    func quiet() throws {
        let worker = try WorkerProcess()
        worker.waitUntilRegistered()
        #expect(try worker.ask("show info") != nil)
        // The thread of the command ends; then nothing is left to run.
        #expect(eventually { worker.threads == 2 })
        // Where the machine is busy, its thread may still be on its way to sleep.
        let sleeps = try eventually {
            let before = try worker.switches
            Poll.pause(.milliseconds(500))
            return try worker.switches == before
        }
        #expect(sleeps)
    }
}

extension WorkerProcess {
    var threads: Int { Files.names(in: "/proc/\(running.processID)/task").count }

    /// How often its threads went to sleep.
    fileprivate var switches: [String] {
        get throws {
            try Files.names(in: "/proc/\(running.processID)/task").sorted().map { thread in
                let path = "/proc/\(running.processID)/task/\(thread)/status"
                let status = try String(contentsOfFile: path, encoding: .utf8)
                return status.split(separator: "\n").filter { $0.contains("ctxt_switches") }.joined(separator: " ")
            }
        }
    }
}
