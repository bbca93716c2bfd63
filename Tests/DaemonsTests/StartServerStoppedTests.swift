import Foundation
import Testing
import Unix

/// A superdaemon that got no processor for a while: a stopped container, a machine that swaps.
@Suite("start_server that was stopped for a while", .blocking, .timeLimit(.minutes(20)))
struct StartServerStoppedTests {
    @Test("a new worker that died meanwhile is not taken, and the old one serves on")
    func deadWorker() throws {
        let folder = try TestDirectory(mode: 0o755)
        let script = """
            test "$SERVER_STARTER_GENERATION" = 1 && exec sleep 600
            while test ! -e "$0"; do :; done
            exit 3
            """
        let server = try StartServer(["--interval=0.2"], program: ["/bin/sh", "-c", script, folder["die"]])
        defer { server.end() }
        let old = try #require(server.workers.first)
        server.running.send(.hangup)
        #expect(eventually { server.workers.count == 2 })
        let new = try #require(server.workers.first { $0 != old })
        let process = try ProcessHandle(pid: new)
        let over = MonotonicTime.now + .milliseconds(200)
        #expect(kill(server.pid, SIGSTOP) == 0)
        try folder.write("die", "")
        #expect(process.waitForEnd(.seconds(20)))
        #expect(eventually { MonotonicTime.now > over })
        #expect(kill(server.pid, SIGCONT) == 0)
        let verdict = "new worker \(new) "
        #expect(eventually { server.log.contains("\(verdict)seems to have failed to start") || !isAlive(old) })
        #expect(isAlive(old), "\(server.log)")
        #expect(!server.log.contains("sending TERM to old workers"), "\(server.log)")
    }

    private func isAlive(_ pid: ProcessID) -> Bool { (try? ProcessHandle(pid: pid))?.waitForEnd(.zero) == false }
}
