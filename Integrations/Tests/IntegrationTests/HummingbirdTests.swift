import DaemonKit
import DaemonTestKit
import Foundation
import Testing

@Suite("DaemonKitHummingbird")
struct HummingbirdTests {
    private func webd(_ arguments: String...) async throws -> DaemonProcess {
        let daemon = try DaemonProcess(
            DaemonProcess.product("webd"),
            ["--control-socket", "DIR/control", "--workers", "2", "--bind", "127.0.0.1:0"] + arguments)
        try await daemon.ready()
        return daemon
    }

    @Test("the application is whole: date, server name, its process before the start, its services")
    func whole() async throws {
        let daemon = try await webd()
        let answer = try daemon.get("/")
        for text in ["HTTP/1.1 200 OK\r\n", "Date: ", "Server: webd", "\r\n\r\nhello from "] {
            #expect(answer.lowercased().contains(text.lowercased()), "\(text) in \(answer)")
        }
        #expect(try daemon.get("/nowhere").hasPrefix("HTTP/1.1 404"))
        try await daemon.logLine("before the server starts")
        #expect(try await daemon.stop() == .exited(0))
        try await daemon.logLine("a service of the application has ended", number: 2)
    }

    @Test("it serves every stream listener, a Unix socket too")
    func listeners() async throws {
        let daemon = try await webd("--bind", "DIR/socket")
        #expect(try daemon.get("/").contains("hello from"))
        #expect(try daemon.get("/", at: daemon.path("socket")).contains("hello from"))
    }

    @Test("records of the application are the daemon's, with metadata as fields in JSON")
    func logs() async throws {
        let daemon = try await webd("--log-format", "json", "--own-level", "--bind", "DIR/socket")
        _ = try daemon.get("/log", at: daemon.path("socket"))
        #expect(try await eventually { daemon.records.contains { $0["message"] as? String == "asked" } })
        let record = try #require(daemon.records.first { $0["message"] as? String == "one \"quoted\" message" })
        let metadata = ["label": "own", "a": "1", "of-logger": "yes", "provided": "no"]
        #expect(record["metadata"] as? [String: String] == metadata)
        #expect(record["level"] as? String == "DEBUG")
    }

    @Test("'set log level' of the control socket reaches the application's loggers")
    func level() async throws {
        let daemon = try await webd()
        for worker in 1...2 { _ = try daemon.ask("@\(worker) set log level debug") }
        _ = try daemon.get("/log")
        try await daemon.logLine("one \"quoted\" message")
    }

    @Test("probes say how the daemon is: ready, paused, ready again")
    func probes() async throws {
        let daemon = try await webd()
        #expect(try daemon.get("/healthz").hasSuffix("\r\n\r\nok\n"))
        #expect(try daemon.get("/readyz").hasSuffix("\r\n\r\nready\n"))
    }

    @Test("a pause lets nobody in, and who waits meanwhile is served when it is over")
    func pause() async throws {
        let daemon = try await webd()
        _ = try daemon.ask("pause")
        // Until both gates are closed some are still let in.
        let url = "http://\(try #require(daemon.listeners.first))/"
        #expect(try await eventually { try shell("curl -sm 0.5 \(url) || echo status $?").hasSuffix("status 28\n") })
        let client = apart { try daemon.get("/") }
        _ = try daemon.ask("resume")
        #expect(try await client.value.contains("hello from"))
    }

    @Test("a slow request is answered after the stop, and its client told to come back by another connection")
    func drains() async throws {
        let daemon = try await webd()
        let client = apart { [daemon] in
            try daemon.request("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", bytes: .max)
        }
        try await daemon.logLine("slow begins")
        daemon.send(SIGTERM)
        let answer = try await client.value
        #expect(answer.hasSuffix("\r\n\r\nslow\n"), "\(answer)")
        #expect(answer.lowercased().contains("connection: close"), "\(answer)")
        #expect(try await daemon.ended() == .exited(0))
    }

    @Test("no reload loses a request")
    func reloads() async throws {
        let daemon = try await webd()
        let report = try await daemon.reloads(10, clients: 3, signal: SIGUSR2) {
            let answer = try daemon.get("/")
            guard answer.contains("hello from") else { throw DaemonError("another answer: \(answer)") }
        }
        #expect(report.failures.isEmpty && report.reloads == 10, "\(report.failures.prefix(5))")
        #expect(try await daemon.stop() == .exited(0))
        #expect(!daemon.log.contains("handles SIG"))
    }

    @Test("nothing is left of the socket that Hummingbird binds to")
    func seat() async throws {
        let daemon = try await webd()
        _ = try daemon.get("/")
        let left = try FileManager.default.contentsOfDirectory(atPath: "/tmp").filter { name in
            name.hasPrefix("daemonkit-") && FileManager.default.fileExists(atPath: "/tmp/\(name)/seat")
        }
        #expect(left.isEmpty)
    }
}
