import Foundation
import Testing
import Unix

/// A start_server of a test, with a control socket in a folder of its own, and a worker that does nothing.
final class StartServer {
    let folder: TestDirectory
    let running: TestProcess
    private var isEnded = false

    static let sleeper = ["/bin/sleep", "600"]

    init(_ options: [String] = ["--interval=0"], program: [String] = sleeper, under wrapper: [String] = []) throws {
        folder = try TestDirectory(mode: 0o755)
        let files = ["--pid-file=\(folder["s.pid"])", "--control-socket=\(folder["control"])"]
        let words = wrapper + [Product.startServer] + files + options + ["--"] + program
        running = try folder.start(words[0], Array(words.dropFirst()))
        #expect(eventually { isServing }, "\(log)")
    }

    /// A test that went wrong leaves no worker behind either.
    deinit {
        guard !isEnded else { return }
        let workers = workers
        running.send(.kill)
        _ = running.wait(.seconds(10))
        for pid in workers { try? Signal.kill.send(to: pid) }
    }

    var pid: ProcessID { running.processID }
    var log: String { running.standardError }

    private var isServing: Bool { (try? ask("show proc json"))?.contains("\"state\":\"ready\"") == true }

    /// Ends it, and waits until it and its workers are gone.
    func end() {
        isEnded = true
        running.send(.terminate)
        #expect(running.wait(.seconds(30)).code == 0, "\(log)")
        #expect(!folder.exists("control"))
    }

    /// Asks one line in a session of its own: all that comes.
    func ask(_ line: String) throws -> String {
        let session = try Session(self)
        try session.send("\(line)\n")
        return try session.readToEnd()
    }

    /// Direct children.
    var workers: [ProcessID] {
        (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8))?
            .split(separator: " ").compactMap { ProcessID($0) } ?? []
    }

    /// The processor time that it has used, in clock ticks.
    var ticks: Int {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        let words = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        return words.count > 12 ? (Int(words[12]) ?? 0) + (Int(words[13]) ?? 0) : 0
    }

    /// How often it has given the processor up: a process that sleeps does not count on.
    var switches: Int {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter { $0.contains("ctxt_switches") }
            .compactMap { $0.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) } }.reduce(0, +)
    }

    var openDescriptors: Int { Files.names(in: "/proc/\(pid)/fd").count }
}

/// A client of a control socket.
final class Session {
    private var socket: Int32
    private var read: [UInt8] = []

    init(_ server: StartServer) throws {
        let socket = try FileDescriptor(owning: Socket.open(AF_UNIX, .stream).release())
        try Socket.connect(socket.number, to: .unix(server.folder["control"]))
        self.socket = socket.release()
    }

    deinit { close() }

    func close() {
        if socket >= 0 { Descriptor.close(socket) }
        socket = -1
    }

    func shutdownWriting() { Socket.shutdownWriting(socket) }

    func send(_ text: String) throws { try Descriptor.writeAll(socket, text) }

    /// As much as the other side takes now.
    func sendSome(_ bytes: [UInt8]) throws -> Int { try Socket.send(socket, bytes.span) }

    /// Everything until the end; a server that does not end it fails the test.
    func readToEnd() throws -> String {
        while try readMore() {}
        defer { read = [] }
        return String(decoding: read, as: UTF8.self)
    }

    /// One answer, with the empty line that ends it.
    func answer() throws -> String {
        while true {
            if let end = zip(read.indices, read.indices.dropFirst()).first(where: { read[$0] == 10 && read[$1] == 10 })
            {
                defer { read.removeSubrange(...end.1) }
                return String(decoding: read[...end.1], as: UTF8.self)
            }
            guard try readMore() else { throw Errno.brokenPipe }
        }
    }

    /// Exactly this comes next.
    func expect(_ text: String, _ location: SourceLocation = #_sourceLocation) throws {
        while read.count < text.utf8.count, try readMore() {}
        let found = String(decoding: read.prefix(text.utf8.count), as: UTF8.self)
        #expect(found == text, sourceLocation: location)
        read.removeFirst(min(read.count, text.utf8.count))
    }

    /// The answer to a `reload` or an `upgrade` that succeeded, with its log, and the prompt behind it.
    func expectSuccess(_ location: SourceLocation = #_sourceLocation) throws {
        var text: String { String(decoding: read, as: UTF8.self) }
        while !text.contains("\n\nmaster> "), try readMore() {}
        let end = try #require(text.range(of: "\n\nmaster> "), sourceLocation: location)
        #expect(text.hasPrefix("Success=1\n--\n"), sourceLocation: location)
        read.removeFirst(text[..<end.upperBound].utf8.count)
    }

    /// Nothing has come, and the other side is still there.
    var isQuiet: Bool { read.isEmpty && !Poll.readable(socket, timeout: .zero) }

    /// Whether the other side ends the session in time.
    func isEnded(within limit: Duration = .seconds(30)) -> Bool {
        let deadline = MonotonicTime.now + limit
        while MonotonicTime.now < deadline {
            guard Poll.readable(socket, timeout: .milliseconds(100)) else { continue }
            var buffer = [UInt8](repeating: 0, count: 65536)
            guard let count = try? Descriptor.read(socket, into: &buffer), count > 0 else { return true }
        }
        return false
    }

    private func readMore() throws -> Bool {
        guard Poll.readable(socket, timeout: .seconds(30)) else { throw Errno(rawValue: ETIMEDOUT) }
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = try Descriptor.read(socket, into: &buffer)
        read += buffer[..<count]
        return count > 0
    }
}
