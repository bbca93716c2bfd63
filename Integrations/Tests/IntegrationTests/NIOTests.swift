import DaemonKit
import DaemonTestKit
import Foundation
import Testing

@Suite("DaemonKitNIO")
struct NIOTests {
    private func lined(_ style: String, _ arguments: String...) async throws -> DaemonProcess {
        let daemon = try DaemonProcess(
            DaemonProcess.product("lined"),
            ["--style", style, "--control-socket", "DIR/control", "--workers", "2"] + arguments)
        try await daemon.ready()
        return daemon
    }

    @Test("TCP and Unix clients are served by both styles", arguments: ["handlers", "async"])
    func serves(_ style: String) async throws {
        let daemon = try await lined(style, "--bind", "127.0.0.1:0", "--bind", "DIR/socket")
        #expect(try daemon.request("hello") == "HELLO")
        #expect(try daemon.request("hello", at: daemon.path("socket")) == "HELLO")
        #expect(try await daemon.stop() == .exited(0))
    }

    @Test("a datagram is answered")
    func datagrams() async throws {
        let daemon = try await lined("handlers", "--bind", "127.0.0.1:0")
        let line = try await daemon.logLine("listening on UDP 127.0.0.1:")
        let port = try #require(line.split(separator: ":").last?.prefix { $0.isNumber }, "\(line)")
        let answer = try shell(
            """
            python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(30)
            s.sendto(b"hello", ("127.0.0.1", \(port))); print(s.recv(100).decode())'
            """)
        #expect(answer == "HELLO\n")
    }

    @Test("the event loops are the processors, shared out among the workers")
    func loops() async throws {
        let daemon = try await lined("handlers", "--bind", "127.0.0.1:0")
        let count = max(1, ProcessInfo.processInfo.processorCount / 2)
        try await daemon.logLine("\(count) event loops", number: 2)
    }

    @Test("the queue of clients is as long as --bind says, although SwiftNIO asks for 128")
    func backlog() async throws {
        let daemon = try await lined("handlers", "--bind", "127.0.0.1:0,backlog=7")
        let address = try #require(daemon.listeners.first)
        let lines = try shell("ss -Hltn").split(separator: "\n").filter { $0.contains(" \(address) ") }
        #expect(lines.first?.split(separator: " ").dropFirst(2).first == "7", "\(lines)")
    }

    @Test("a connection that is open at the stop is served to its end", arguments: ["handlers", "async"])
    func drains(_ style: String) async throws {
        let daemon = try await lined(style, "--bind", "127.0.0.1:0")
        let port = try #require(daemon.listeners.first?.split(separator: ":").last)
        // Asks once before the stop, tells the test, and asks again long after the listener has stopped accepting.
        let client = apart { [directory = daemon.directory.path] in
            try shell(
                """
                python3 -c 'import socket, time, os
                s = socket.create_connection(("127.0.0.1", \(port)), 30); s.settimeout(30)
                s.sendall(b"one"); print(s.recv(100).decode(), flush=True); open("\(directory)/asked", "w").close()
                while not os.path.exists("\(directory)/stopping"): time.sleep(0.01)
                s.sendall(b"two"); print(s.recv(100).decode())
                s.shutdown(socket.SHUT_WR); print(len(s.recv(100)))'
                """)
        }
        #expect(try await eventually { FileManager.default.fileExists(atPath: daemon.path("asked")) })
        daemon.send(SIGTERM)
        try await daemon.logLine("NOTICE stopping", number: 2)
        #expect(FileManager.default.createFile(atPath: daemon.path("stopping"), contents: nil))
        #expect(try await client.value == "ONE\nTWO\n0\n")
        #expect(try await daemon.ended() == .exited(0))
    }

    @Test("no reload loses a client", arguments: ["handlers", "async"])
    func reloads(_ style: String) async throws {
        let daemon = try await lined(style, "--bind", "127.0.0.1:0")
        let report = try await daemon.reloads(10, clients: 2, signal: SIGUSR2) {
            guard try daemon.request("hello") == "HELLO" else { throw DaemonError("another answer") }
        }
        #expect(report.failures.isEmpty && report.reloads == 10, "\(report.failures.prefix(5))")
        #expect(try await daemon.stop() == .exited(0))
    }
}
