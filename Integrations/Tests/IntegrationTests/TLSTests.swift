import DaemonKit
import DaemonTestKit
import Foundation
import Testing

@Suite("DaemonKitTLS", .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl"), "needs openssl"))
struct TLSTests {
    private let folder: String

    init() throws {
        folder = try shell("mktemp -d").trimmingCharacters(in: .newlines)
        try certificate("first")
    }

    private func certificate(_ name: String, in files: String = "current") throws {
        let made = try shell(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=\(name) \
            -keyout \(folder)/\(files).key -out \(folder)/\(files).pem 2>/dev/null && echo made
            """)
        guard made == "made\n" else { throw DaemonError("openssl: \(made)") }
    }

    private func webd(_ arguments: String...) throws -> DaemonProcess {
        try DaemonProcess(
            DaemonProcess.product("webd"),
            ["--bind", "127.0.0.1:0", "--tls-certificate", "\(folder)/current.pem"] + arguments)
    }

    /// The certificate's name, and the answer.
    private func ask(_ daemon: DaemonProcess) throws -> String {
        let address = daemon.listeners.first ?? ""
        return try shell(
            "openssl s_client -quiet -verify 1 -connect \(address) 2>&1 | grep -aE 'CN ?=|hello' | head -n 2",
            input: "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    }

    @Test("a new certificate is served from the reload on; a bad one changes nothing, and says so")
    func reload() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let daemon = try webd("--tls-key", "\(folder)/current.key")
        try await daemon.ready()
        #expect(try ask(daemon).contains("first"))
        try certificate("second")
        try await daemon.reload()
        #expect(try ask(daemon).contains("second"))
        try "broken".write(toFile: "\(folder)/current.pem", atomically: true, encoding: .utf8)
        try await daemon.reload()
        #expect(daemon.manager.last("STATUS")?.contains("Reload failed: ") == true)
        try await daemon.logLine("cannot use the certificate in \(folder)/current.pem")
        #expect(try ask(daemon).contains("second"))
        #expect(try await daemon.stop() == .exited(0))
    }

    @Test("a key of another certificate, a missing file and half of the pair are refused before the start")
    func refused() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try certificate("other", in: "other")
        let other = try webd("--tls-key", "\(folder)/other.key")
        #expect(try await other.ended() == .exited(1))
        #expect(other.standardError.contains("\(folder)/other.key, for the certificate in \(folder)/current.pem"))
        let missing = try webd("--tls-key", "\(folder)/missing")
        #expect(try await missing.ended() == .exited(1))
        #expect(missing.standardError.contains("\(folder)/missing"))
        let half = try webd()
        #expect(try await half.ended() == .exited(2))
        #expect(half.standardError.contains("belong together"))
    }
}
