import DaemonTestKit
import Foundation
import Testing

@Suite("DaemonKitConfiguration and DaemonKitMetrics")
struct ConfigurationTests {
    private let folder: String

    init() throws {
        folder = try shell("mktemp -d").trimmingCharacters(in: .newlines)
        try write(#"{"greeting": "of the file", "http": {"maxClients": 3}}"#)
    }

    private func write(_ text: String) throws {
        try text.write(toFile: "\(folder)/confd.json", atomically: true, encoding: .utf8)
    }

    private func confd(_ arguments: String..., environment: [String: String] = [:]) throws -> DaemonProcess {
        try DaemonProcess(
            DaemonProcess.product("confd"), ["--config", "\(folder)/confd.json"] + arguments, environment: environment)
    }

    @Test("the command line comes before the environment, and that before the file")
    func order() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = try confd()
        try await file.ready()
        try await file.logLine("greeting=of the file clients=3")
        let both = try confd("--set", "http.maxClients=5", environment: ["GREETING": "of it", "HTTP_MAX_CLIENTS": "4"])
        try await both.ready()
        try await both.logLine("greeting=of it clients=5")
    }

    @Test("a reload reads it again; what is wrong then fails the reload, and the old one stays")
    func reload() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let daemon = try confd()
        try await daemon.ready()
        try write(#"{"greeting": "new", "http": {"maxClients": 7}}"#)
        try await daemon.reload()
        try await daemon.logLine("greeting=new clients=7")
        for wrong in ["{", #"{"greeting": "wrong", "http": {"maxClients": 0}}"#, "{}"] {
            try write(wrong)
            try await daemon.reload()
            #expect(daemon.manager.last("STATUS")?.contains("Reload failed: configuration \(folder)") == true)
        }
        #expect(!daemon.log.contains("greeting=wrong") && !daemon.log.contains("handles SIG"))
        #expect(try await daemon.stop() == .exited(0))
    }

    @Test("what is wrong at the start is said in the terminal, and nothing is started")
    func refused() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write("{}")
        let daemon = try confd()
        #expect(try await daemon.ended() == .exited(1))
        #expect(daemon.standardError.contains("\(folder)/confd.json") && daemon.standardError.contains("greeting"))
        let word = try confd("--set", "nothing")
        #expect(try await word.ended() == .exited(2))
    }

    @Test("a worker tells its metrics on the control socket")
    func metrics() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let daemon = try confd("--workers", "2", "--control-socket", "DIR/control")
        try await daemon.ready()
        let text = try daemon.ask("@2 show metrics")
        #expect(text.contains("# TYPE config_reads counter\nconfig_reads_total{worker=\"2\"} 1.0\n# EOF\n"), "\(text)")
    }
}
