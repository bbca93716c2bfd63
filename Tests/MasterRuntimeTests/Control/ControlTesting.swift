import Supervision
import Testing
import Unix

@testable import MasterRuntime

/// Runs a control socket in a master of this process, an exit test's, while `client` talks to it from another thread;
/// its end is the end.
func serveControl(
    at path: String, prepare: (Master, ControlServer) throws -> Void,
    client: @escaping @Sendable (String) throws -> Void
) throws -> Never {
    try runMaster { master, _ in
        let (descriptor, file) = try ControlServer.bind(path)
        let server = try ControlServer(descriptor, file: file, master: master, accounts: ControlAccounts(master))
        try prepare(master, server)
        // The server is kept by this closure.
        master.after(.seconds(60)) { _ = server }
        try Thread.start {
            do { try client(path) } catch { Issue.record(error) }
            CurrentProcess.exit(0)
        }
    }
}

/// A client of a control socket.
final class ControlClient {
    let number: Int32
    private var isOpen = true

    init(_ path: String) throws {
        number = try Socket.open(AF_UNIX, .stream).release()
        try Socket.connect(number, to: .unix(path))
    }

    deinit { close() }

    func close() {
        if isOpen { Descriptor.close(number) }
        isOpen = false
    }

    func send(_ text: String) throws { try Descriptor.writeAll(number, text) }

    /// What comes next must be this, and nothing else for now.
    func expect(_ text: String, location: SourceLocation = #_sourceLocation) throws {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while bytes.count < text.utf8.count, Poll.readable(number, timeout: .seconds(20)) {
            let count = try Descriptor.read(number, into: &buffer)
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        #expect(String(decoding: bytes, as: UTF8.self) == text, sourceLocation: location)
    }

    /// Sends a line, and expects this.
    func ask(_ line: String, _ answer: String, location: SourceLocation = #_sourceLocation) throws {
        try send("\(line)\n")
        try expect(answer, location: location)
    }

    func readToEnd() throws -> String { try readAll(number) }

    /// All that a session without a prompt says to a line.
    static func ask(_ line: String, at path: String) throws -> String {
        let client = try ControlClient(path)
        try client.send("\(line)\n")
        Socket.shutdownWriting(client.number)
        return try client.readToEnd()
    }
}

/// Children that answer with what they were told, later.
final class StubRouter: ControlRouter {
    var children: [String: ProcessID] = ["1": 101, "2": 102, "web": 102, "!101": 101, "!102": 102, "!99": 99]
    var forwarded: (ControlRequest, ProcessID, ControlSession, @escaping (String) -> Void) -> Void = { _, _, _, _ in }

    func target(_ prefix: String) -> ProcessID? { children[prefix] }

    func forward(
        _ request: ControlRequest, to pid: ProcessID, _ session: ControlSession, _ answer: @escaping (String) -> Void
    ) { forwarded(request, pid, session, answer) }
}
