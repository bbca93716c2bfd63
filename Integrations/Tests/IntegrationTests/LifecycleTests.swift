import DaemonTestKit
import Testing

@Suite("DaemonKitLifecycle")
struct LifecycleTests {
    private static let patient = ["--log-format", "text"]

    private func lifed(_ arguments: String...) throws -> DaemonProcess {
        try DaemonProcess(DaemonProcess.product("lifed"), arguments)
    }

    @Test("at the stop the services shut down gracefully, the last one first, and finish uncancelled")
    func stops() async throws {
        let daemon = try lifed()
        try await daemon.ready()
        #expect(try await daemon.stop() == .exited(0))
        let said = daemon.logLines.filter { $0.contains(" finish") || $0.contains(" finished") }
        let order = ["second finishes", "second has finished", "first finishes", "first has finished"]
        #expect(said.count == 4)
        for (line, text) in zip(said, order) {
            #expect(line.contains(text) && line.contains("cancelled=false"), "\(line)")
        }
    }

    @Test("a main that is cancelled at the stop does not cut the services off")
    func cancelProof() async throws {
        let daemon = try lifed("--cancel-at-stop")
        try await daemon.ready()
        #expect(try await daemon.stop() == .exited(0))
        try await daemon.logLine("first has finished label=lifed cancelled=false")
        try await daemon.logLine("second has finished label=lifed cancelled=false")
    }

    @Test("a service that ends early ends the daemon with its name")
    func early() async throws {
        let daemon = try lifed("--fate", "return")
        #expect(try await daemon.ended() == .exited(1))
        try await daemon.logLine("service second ended, although nobody has asked it to")
    }

    @Test("a service that throws ends the daemon with its name and what it threw")
    func failure() async throws {
        let daemon = try lifed("--fate", "throw")
        #expect(try await daemon.ended() == .exited(1))
        try await daemon.logLine("service second failed: no fuel")
    }

    @Test("the signals stay the daemon's: no line says that somebody has taken one, and SIGHUP reloads")
    func signals() async throws {
        let daemon = try lifed()
        try await daemon.ready()
        try await daemon.reload()
        #expect(try await daemon.stop() == .exited(0))
        #expect(!daemon.log.contains("handles SIG"))
        #expect(daemon.log.contains("Reopening log files"))
    }
}
