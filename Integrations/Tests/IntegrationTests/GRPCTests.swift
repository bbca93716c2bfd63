import DaemonKit
import DaemonTestKit
import Foundation
import Testing

@Suite("DaemonKitGRPC")
struct GRPCTests {
    private func rpcd(bind address: String = "127.0.0.1:0", _ arguments: String...) async throws -> DaemonProcess {
        let daemon = try DaemonProcess(
            DaemonProcess.product("rpcd"),
            ["--control-socket", "DIR/control", "--workers", "2", "--bind", address] + arguments)
        try await daemon.ready()
        return daemon
    }

    private func port(_ daemon: DaemonProcess) throws -> String {
        String(try #require(daemon.listeners.first?.split(separator: ":").last))
    }

    /// One call over a connection of its own; gives what the client has printed.
    private func call(_ target: String, _ name: String, trusting certificate: String = "") throws -> String {
        try shell("\(DaemonProcess.product("rpcd")) --call \(target) \(name) \(certificate)")
    }

    @Test("TCP and Unix clients are served")
    func serves() async throws {
        let daemon = try await rpcd("--bind", "DIR/socket")
        #expect(try call(port(daemon), "tcp") == "hello, tcp\n")
        #expect(try call(daemon.path("socket"), "unix") == "hello, unix\n")
        #expect(try await daemon.stop() == .exited(0))
        #expect(!daemon.log.contains("handles SIG"))
    }

    @Test("the queue of clients is as long as --bind says, although SwiftNIO asks for 128")
    func backlog() async throws {
        let daemon = try await rpcd(bind: "127.0.0.1:0,backlog=7")
        let address = try #require(daemon.listeners.first)
        let lines = try shell("ss -Hltn").split(separator: "\n").filter { $0.contains(" \(address) ") }
        #expect(lines.first?.split(separator: " ").dropFirst(2).first == "7", "\(lines)")
    }

    @Test("a call that has begun is finished after the stop")
    func drains() async throws {
        let daemon = try await rpcd()
        let port = try port(daemon)
        let client = apart { try self.call(port, "slow") }
        try await daemon.logLine("slow begins")
        daemon.send(SIGTERM)
        #expect(try await client.value == "hello, slow\n")
        #expect(try await daemon.ended() == .exited(0))
    }

    @Test("no reload loses a call that has a connection of its own")
    func reloads() async throws {
        let daemon = try await rpcd()
        let port = try port(daemon)
        let report = try await daemon.reloads(10, clients: 2, signal: SIGUSR2) {
            let answer = try self.call(port, "you")
            guard answer == "hello, you\n" else { throw DaemonError("another answer: \(answer)") }
        }
        #expect(report.failures.isEmpty && report.reloads == 10, "\(report.failures.prefix(5))")
        #expect(try await daemon.stop() == .exited(0))
    }

    @Test("TLS of the options, and a new certificate from the reload on", .enabled(if: hasOpenSSL, "needs openssl"))
    func secure() async throws {
        let files = try TestDirectory()
        try certificate("first", files["current"])
        let daemon = try await rpcd("--tls-certificate", files["current.pem"], "--tls-key", files["current.key"])
        let port = try port(daemon)
        _ = try shell("cp \(files["current.pem"]) \(files["first.pem"])")
        #expect(try call(port, "you", trusting: files["first.pem"]) == "hello, you\n")
        try certificate("second", files["current"])
        try await daemon.reload()
        #expect(try call(port, "you", trusting: files["current.pem"]) == "hello, you\n")
        #expect(try call(port, "you", trusting: files["first.pem"]).hasPrefix("error: "))
    }
}
