import DaemonKit
import Synchronization
import Testing
import Unix

/// A `Context` in the test's process, as a daemon's author uses it.
@Suite("A context that a test plays", .blocking, .timeLimit(.minutes(20)))
struct TestContextTests {
    private static let size = Option<Int>("size", default: 3, in: 1...9, help: "How large")
    private static let web = Daemon("web", version: "1", summary: "Serves.", listens: [.stream], port: 80)

    @Test("It has the options, the listeners and the log that the test gives it")
    func given() throws {
        let test = try TestContext(
            Self.web, options: [Self.size],
            arguments: ["--size", "7", "--bind", "DIR/s", "--bind", "127.0.0.1:0", "--debug"])
        #expect(test.context[Self.size] == 7 && test.context.daemon.name == "web")
        #expect(test.context.listeners.count == 2)
        #expect(test.context.listeners.first?.address.description == test.path("s"))
        test.context.log.debug("here", metadata: ["key": "value"])
        #expect(test.log.hasSuffix("DEBUG here key=value\n"))
        let wrong = #expect(throws: DaemonError.self) { try TestContext(Self.web, arguments: ["--size", "7"]) }
        #expect(wrong?.exitStatus == 2)
        #expect(throws: DaemonError.self) { try TestContext(Self.web, arguments: ["--bind", test.path("s")]) }
    }

    @Test("An async main serves until it is stopped, phase by phase, and the service manager hears it")
    func asyncMain() async throws {
        let test = try TestContext(Self.web)
        let main = Task {
            try test.context.ready()
            var seen: [String] = []
            for await phase in test.context.stop.phases { seen.append(phase.description) }
            return seen
        }
        // The Task's turn comes behind that of all unit tests, which take minutes on a busy machine.
        try await test.ready(within: .seconds(900))
        #expect(!test.context.isStopping)
        test.stop(.stopping)
        #expect(test.context.isStopping && test.context.stop.phase == .stopping)
        test.stop()
        #expect(try await main.value == ["stopping", "draining", "closing"])
        try await test.manager.wait(for: "STOPPING=1")
        #expect(test.manager.count("STOPPING=1") == 1 && test.manager.count("READY=1") == 1)
    }

    @Test("A synchronous main with a poll loop is woken by the stop")
    func synchronousMain() throws {
        let test = try TestContext(Self.web)
        let context = test.context
        let state = Mutex((rounds: 0, hasEnded: false))
        try Thread.start {
            while context.sleep(for: .milliseconds(1)) { state.withLock { $0.rounds += 1 } }
            state.withLock { $0.hasEnded = true }
        }
        #expect(eventually { state.withLock(\.rounds) >= 3 })
        test.stop()
        #expect(eventually { state.withLock(\.hasEnded) })
    }

    @Test("A reload is over when its handlers are, and throws what the first one threw")
    func reloads() async throws {
        let test = try TestContext(Self.web)
        let count = Mutex(0)
        test.context.onReload { () async throws in
            let number = count.withLock { count in
                count += 1
                return count
            }
            if number == 2 { throw DaemonError("no such file") }
        }
        try test.context.ready()
        try await test.reload()
        let failure = await #expect(throws: DaemonError.self) { try await test.reload() }
        #expect(failure?.message == "no such file")
        #expect(test.manager.count("RELOADING=1") == 2)
        #expect(test.log.contains("ERROR reload: no such file"))
    }

    @Test("Pauses, signals, the watchdog and commands come to their handlers")
    func others() async throws {
        let test = try TestContext(Self.web)
        let heard = Mutex<[String]>([])
        let hear = { @Sendable (text: String) in heard.withLock { $0.append(text) } }
        let context = test.context
        context.onPause { hear("pause \(context.isPaused)") }
        context.onResume { hear("resume") }
        context.onSignal(.usr1) { hear("usr1") }
        context.onWatchdog { false }
        context.command("show cache", "What is kept", level: .operator) { request in
            "\(request.arguments) \(request.payload ?? "-")\n"
        }
        test.pause()
        test.resume()
        test.signal(.usr1)
        test.signal(.usr2)
        #expect(heard.withLock(\.self) == ["pause true", "resume", "usr1"])
        #expect(!test.isHealthy)
        #expect(await test.command("show cache all", payload: "x\n") == "[\"all\"] x\n\n")
        #expect(await test.command("show cache", level: .user).contains("Permission denied"))
        #expect(await test.command("show nothing").contains("Unknown command"))
    }

    @Test("Many live beside each other, and leave the signals of the process alone")
    func many() throws {
        let before = [Signal.terminate, .hangup, .user1].map(\.handler)
        var directories: [String] = []
        do {
            let tests = try (0..<20).map { _ in try TestContext(Self.web, arguments: ["--bind", "DIR/s"]) }
            directories = tests.map(\.directory.path)
            for test in tests { test.context.onSignal(.usr1) {} }
            tests[0].stop()
            #expect(tests.count { $0.context.isStopping } == 1)
            #expect([Signal.terminate, .hangup, .user1].map(\.handler) == before)
        }
        #expect(Set(directories).count == 20 && directories.allSatisfy { (try? FileStatus(path: $0)) == nil })
    }
}
