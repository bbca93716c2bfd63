import Supervision
import Testing
import Unix

/// DAEMONKIT_STATE comes from whoever starts the daemon: only what this very process has sealed before its exec counts.
@Suite("A state that somebody hands over", .blocking, .timeLimit(.minutes(20)))
struct HandedStateTests {
    /// A state that would have the master believe that the process `pid` is its child.
    private func state(_ owner: ProcessID?, child pid: ProcessID) -> [UInt8] {
        var process = StateRecord("process")
        process[number: "pid"] = owner.map { Int($0) }
        var child = StateRecord("child")
        child[number: "pid"] = Int(pid)
        child["phase"] = "ready"
        return SavedState([process, StateRecord("master"), StateRecord("supervisor"), child]).bytes
    }

    private func start(_ daemon: TestDaemon, _ descriptor: Int32) throws -> TestProcess {
        try daemon.folder.start(
            Product.echod, daemon.arguments(["-f", "--workers", "1"]),
            environment: ["DAEMONKIT_STATE": "9"], descriptors: [(9, descriptor)])
    }

    private func expectOrdinaryStart(_ daemon: TestDaemon, _ running: TestProcess) throws {
        #expect(eventually { daemon.log.contains("Loading success.") }, "\(daemon.log) \(running.standardError)")
        #expect(daemon.log.contains("daemon startup") && !daemon.log.contains("Upgraded"))
        running.send(.terminate)
        #expect(running.wait().code == 0)
    }

    @Test("a plain file is no state")
    func file() throws {
        let daemon = try TestDaemon.echo()
        try daemon.folder.write("state", String(decoding: state(nil, child: 1), as: UTF8.self))
        let file = try FileDescriptor.open(daemon.folder["state"], [])
        try expectOrdinaryStart(daemon, try start(daemon, file.number))
    }

    #if os(Linux)
    @Test("another process's sealed state is no state of this one, nor is one of nobody")
    func sealed() throws {
        let victim = try TestDirectory().start("/bin/sleep", ["600"])
        for owner in [nil, CurrentProcess.id, 1] {
            let daemon = try TestDaemon.echo()
            let file = try MemoryFile.make("daemonkit-state", state(owner, child: victim.processID))
            try expectOrdinaryStart(daemon, try start(daemon, file.number))
        }
        #expect((try? Signal(rawValue: 0).send(to: victim.processID)) != nil)
        // Asked for a proof by somebody who has ended, it is no start of a daemon either.
        let daemon = try TestDaemon.echo()
        let file = try MemoryFile.make("daemonkit-state", state(1, child: victim.processID))
        let asked = try daemon.folder.start(
            Product.echod, daemon.arguments(["-f", "--workers", "1"]),
            environment: ["DAEMONKIT_STATE": "9", "DAEMONKIT_PROOF": "8"],
            descriptors: [(8, 2), (9, file.number)])
        #expect(asked.wait() == .exited(1))
        victim.send(.kill)
        #expect(victim.wait() == .signaled(Signal.kill.rawValue))
    }
    #endif
}
