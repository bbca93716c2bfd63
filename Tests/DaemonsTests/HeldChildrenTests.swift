import Foundation
import Testing
import Unix

import class TestSupport.HeldFolder

#if os(Linux)
/// The user of a service owns its processes from the change of user on, before they run their program: he may stop them
/// there, or have them wait for a file system of his. A master is held by neither.
@Suite(
    "A master whose children are held by their user",
    .enabled(if: CurrentProcess.userID == 0 && Machine.has("python3"), "needs root and python3"), .serialized,
    .blocking, .timeLimit(.minutes(20)))
struct HeldChildrenTests {
    private static let user: UserID = 54397

    private final class Subject {
        let folder: TestDirectory
        let running: TestProcess
        private(set) var longestAnswer = Duration.zero

        init(_ more: String) throws {
            folder = try TestDirectory(mode: 0o755)
            chmod(folder.path, 0o755)
            mkdir(folder["home"], 0o755)
            try folder.write(
                "m.cfg",
                """
                global
                    control-socket \(folder["control"])
                worker held
                    command /bin/sleep 600
                    user \(HeldChildrenTests.user)
                    readiness none
                    start-timeout 1s
                    stop-timeout 1s
                    restart always backoff 10ms 20ms
                    \(more)
                worker other
                    command /bin/sleep 601
                    readiness none
                    restart always backoff 10ms 20ms

                """)
            let arguments = ["-c", folder["m.cfg"], "--pid-file", folder["d.pid"], "--log-file", folder["d.log"]]
            running = try folder.start(Product.masterd, ["-f"] + arguments)
            let folder = folder
            #expect(eventually { folder.read("d.log").contains("Loading success.") }, "\(running.standardError)")
        }

        func ask(_ command: String) throws -> String {
            let start = MonotonicTime.now
            defer { longestAnswer = max(longestAnswer, .now - start) }
            return try folder.ask(command)
        }
    }

    /// It answers, reaps and restarts others meanwhile, and ends in time.
    private func goesOn(_ subject: Subject, until isHeld: () throws -> Bool) throws {
        var wasHeld = false
        let deadline = MonotonicTime.now + .seconds(60)
        while !wasHeld, .now < deadline {
            let before = try subject.folder.pids(of: "other").first
            if let before { try? Signal.kill.send(to: before) }
            let isRestarted = try eventually {
                let now = try subject.folder.pids(of: "other").first
                return now != nil && now != before
            }
            #expect(isRestarted)
            wasHeld = try isHeld()
        }
        #expect(wasHeld, "nobody was held: the attack shows nothing")
        subject.running.send(.terminate)
        // It may have the code of a child that this test has killed.
        #expect(
            subject.running.wait(.seconds(40)) != .signaled(Signal.kill.rawValue),
            "\(subject.folder.read("d.log").suffix(2000))")
        // A debug build on a busy machine; a master that is held would wait for ever.
        #expect(subject.longestAnswer < .seconds(30))
    }

    @Test("by SIGSTOP, wherever they are on their way")
    func stopped() throws {
        let subject = try Subject("")
        let script = """
            import os, signal, sys
            os.setgroups([]); os.setgid(\(Self.user)); os.setuid(\(Self.user))
            while os.getppid() == int(sys.argv[1]):
                try: os.kill(-1, signal.SIGSTOP)
                except ProcessLookupError: pass
            """
        let python = try #require(Machine.find("python3"))
        let attackers = try (0..<2).map { _ in
            // Each would stop the others, too, which go on below.
            try subject.folder.start(python, ["-c", script, "\(CurrentProcess.id)"])
        }
        defer {
            for attacker in attackers {
                attacker.send(.kill)
                _ = attacker.wait()
            }
        }
        try goesOn(subject) {
            for attacker in attackers { try? Signal(parsing: "CONT")?.send(to: attacker.processID) }
            if let pid = try subject.folder.pids(of: "held").first { try? Signal.kill.send(to: pid) }
            return try subject.ask("show proc debug").contains(" executing ")
        }
    }

    @Test("by a file system that does not answer, and in its stop")
    func mounted() throws {
        let folder = try TestDirectory(mode: 0o755)
        chmod(folder.path, 0o755)
        mkdir(folder["home"], 0o755)
        let subject = try Subject("chdir \(folder["home"])")
        let held = try HeldFolder(folder["home"], user: Self.user)
        defer { held.end() }
        guard held.isMounted else {
            subject.running.send(.terminate)
            _ = subject.running.wait()
            return print("no FUSE here: a held folder is not tested")
        }
        if let pid = try subject.folder.pids(of: "held").first { try? Signal.kill.send(to: pid) }
        try goesOn(subject) { try held.requests > 0 && subject.ask("show proc debug").contains(" executing ") }
        #expect(subject.folder.read("d.log").contains("failed to start: it was not ready in time") || held.requests > 0)
    }
}
#endif
