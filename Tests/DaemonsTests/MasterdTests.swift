import Foundation
import Testing
import Unix

@Suite("masterd, workers and programs from a configuration", .blocking, .timeLimit(.minutes(20)))
struct MasterdTests {
    /// masterd in the foreground, with a folder of its own.
    private final class Subject {
        let folder: TestDirectory
        private(set) var running: TestProcess!

        init(_ configuration: String) throws {
            folder = try TestDirectory(mode: 0o755)
            try write(configuration)
        }

        func write(_ configuration: String) throws {
            try folder.write("m.cfg", "global\n    control-socket \(folder["control"])\n\(configuration)\n")
        }

        var arguments: [String] {
            ["-c", folder["m.cfg"], "--pid-file", folder["d.pid"], "--log-file", folder["d.log"]]
        }

        func start() throws {
            running = try folder.start(Product.masterd, ["-f"] + arguments)
            #expect(eventually { log.contains("Loading success.") }, "\(running.standardError)")
        }

        var log: String { folder.read("d.log") }

        func stop() -> TestProcess.End {
            running.send(.terminate)
            return running.wait()
        }
    }

    private static let sleeper = "command /bin/sh -c 'trap \"exit 0\" TERM; while :; do sleep 0.02; done'"

    @Test("Workers serve behind the master's socket; reloads under load lose no request; the stop leaves nothing")
    func serve() throws {
        let subject = try Subject(
            """
            listen web
                bind 127.0.0.1:0
            worker web
                command \(Product.echod) -f --log-file -
                instances 2
                listen web
                readiness notify
            """)
        try subject.start()
        let match = try #require(subject.log.firstMatch(of: /listening on 127\.0\.0\.1:(\d+)\n/))
        let address = SocketAddress.ipv4(0x7F00_0001, port: try #require(UInt16(match.1)))
        let load = RequestLoad(clients: 1, address.askForEcho)
        for _ in 1...10 { #expect(try subject.folder.ask("reload").hasPrefix("Success=1\n")) }
        let report = try load.finish()
        #expect(report.failures == [] && report.answered > 0)
        #expect(subject.stop() == .exited(0))
        #expect(!subject.folder.exists("d.pid") && !subject.folder.exists("control"))
    }

    @Test("A reload with a mistake, or with a port that is in use, changes nothing and says why")
    func badReload() throws {
        let worker = "worker one\n    \(Self.sleeper)\n    readiness none"
        let subject = try Subject(worker)
        try subject.start()
        let before = try subject.folder.pids(of: "one")
        try subject.write("\(worker)\n    colour blue")
        #expect(try subject.folder.ask("reload").contains("m.cfg:6: unknown keyword 'colour' in 'worker' section"))
        let taken = try Socket.open(SocketAddress.ipv4(0x7F00_0001, port: 0).family, .stream)
        try Socket.bind(taken.number, to: .ipv4(0x7F00_0001, port: 0))
        try Socket.listen(taken.number)
        let address = try #require(try Socket.localAddress(taken.number))
        try subject.write("listen web\n    bind \(address)\n\(worker)")
        let answer = try subject.folder.ask("reload")
        #expect(answer.contains("Success=0") && answer.contains("Address already in use"), "\(answer)")
        #expect(try subject.folder.pids(of: "one") == before)
        #expect(try subject.folder.ask("show proc").contains("[failed: 2]"))
        try subject.write(worker)
        #expect(try subject.folder.ask("reload").hasPrefix("Success=1\n"))
        #expect(try subject.folder.pids(of: "one") != before)
        #expect(subject.stop() == .exited(0))
    }

    @Test("A worker that dies ends everything with its code, unless it is to be restarted")
    func death() throws {
        let subject = try Subject("worker one\n    \(Self.sleeper)\n    readiness none")
        try subject.start()
        try Signal.kill.send(to: try #require(try subject.folder.pids(of: "one").first))
        #expect(subject.running.wait() == .exited(137))
        #expect(subject.log.contains(/Current worker \(\d+\) exited with code 137 \(Killed\)\n/))

        let second = try Subject("worker one\n    \(Self.sleeper)\n    readiness none\n    restart on-failure")
        try second.start()
        let pid = try #require(try second.folder.pids(of: "one").first)
        try Signal.kill.send(to: pid)
        #expect(try eventually { try second.folder.pids(of: "one").first.map { $0 != pid } ?? false })
        #expect(second.stop() == .exited(0))
    }

    @Test("A program that is kept over reloads gets no signal at all")
    func kept() throws {
        let listener =
            "command /bin/sh -c 'trap \"echo signal\" HUP USR1 USR2 TERM; echo up; while :; do sleep 0.02; done'"
        let subject = try Subject(
            """
            worker one
                \(Self.sleeper)
                readiness none
            program kept
                \(listener)
                no option start-on-reload
                stop-timeout 300ms
            """)
        try subject.start()
        #expect(eventually { subject.log.contains("kept: up") })
        let before = try subject.folder.pids(of: "kept")
        for _ in 1...3 { #expect(try subject.folder.ask("reload").hasPrefix("Success=1\n")) }
        #expect(try subject.folder.pids(of: "kept") == before)
        #expect(!subject.log.contains("kept: signal"))
        // It ignores the stop: KILL comes by its time-out.
        #expect(subject.stop() == .exited(0))
        #expect(subject.log.contains("kept: signal"))
    }

    @Test("Services start after those that they name, and stop before them")
    func order() throws {
        let subject = try Subject(
            """
            program second
                \(Self.sleeper)
                after first
            program first
                \(Self.sleeper)
            """)
        try subject.start()
        let (first, second) = (
            try #require(try subject.folder.pids(of: "first").first),
            try #require(try subject.folder.pids(of: "second").first)
        )
        #expect(subject.stop() == .exited(0))
        let lines = subject.log.split(separator: "\n").map(String.init)
        func index(_ text: String) throws -> Int { try #require(lines.firstIndex { $0.contains(text) }) }
        #expect(try index("(\(first)) started") < index("(\(second)) started"))
        #expect(try index("(\(second)) exited") < index("(\(first)) exited"))
    }

    @Test("When masterd is killed its children get their stop signal")
    func orphans() throws {
        let subject = try Subject("worker one\n    \(Self.sleeper)\n    readiness none\n    instances 3")
        try subject.start()
        let children = try subject.folder.pids(of: "one").map { try ProcessHandle(pid: $0) }
        #expect(children.count == 3)
        subject.running.send(.kill)
        _ = subject.running.wait()
        for child in children { #expect(child.waitForEnd(.seconds(20))) }
    }

    @Test("A second masterd with the same pid file is refused, and the first goes on")
    func second() throws {
        let subject = try Subject("worker one\n    \(Self.sleeper)\n    readiness none")
        try subject.start()
        let outcome = try subject.folder.run(Product.masterd, ["-f"] + subject.arguments)
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("already running"), "\(outcome.errors)")
        #expect(try subject.folder.pids(of: "one").count == 1)
        #expect(subject.stop() == .exited(0))
    }

    @Test("A reload and a stop at once, in both orders: it always stops, with 0", arguments: 0..<10)
    func stopBeatsReload(round: Int) throws {
        let subject = try Subject("worker one\n    \(Self.sleeper)\n    readiness none\n    instances 2")
        try subject.start()
        let signals: [Signal] = round % 2 == 0 ? [.user2, .terminate] : [.terminate, .user2]
        for signal in signals {
            subject.running.send(signal)
            Poll.pause(.milliseconds(round / 2))
        }
        #expect(subject.running.wait() == .exited(0))
        #expect(!subject.folder.exists("d.pid"))
    }

    @Test("--check names every mistake with its file and line, and exits 1")
    func check() throws {
        let subject = try Subject("worker\nprogram a\n    command /no/such/file\n    uesr nobody")
        let outcome = try subject.folder.run(Product.masterd, ["--check"] + subject.arguments)
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("m.cfg:3: 'worker' expects an <id> argument"), "\(outcome.errors)")
        #expect(outcome.errors.contains("m.cfg:6: unknown keyword 'uesr' in 'program' section"), "\(outcome.errors)")
        #expect(!subject.folder.exists("d.pid"))
    }
}
