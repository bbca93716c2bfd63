import DaemonKit
import Foundation
import MasterRuntime
import Testing
import Unix

/// A daemon that believes to be a master's worker: the test is the master.
final class WorkerProcess {
    let daemon: TestDaemon
    let running: TestProcess
    /// Our end of the channel; -1 when it is closed.
    private(set) var channel: Int32
    private var input = ChannelInput()
    private var lastID = 0

    /// - Parameter listener: handed down, as a master does.
    init(
        _ executable: String = Product.faultd, listener: Int32? = nil, _ more: [String] = []
    ) throws {
        let (ours, theirs) = try Self.pair()
        defer { Descriptor.close(theirs) }
        channel = ours
        daemon = try TestDaemon(executable)
        let end: Int32 = listener == nil ? 3 : 4
        var environment = ["DAEMONKIT_WORKER": "3 \(end)", "DAEMONKIT_GENERATION": "5"]
        if listener != nil { environment["LISTEN_FDS"] = "1" }
        var descriptors = [(child: end, ours: theirs)]
        if let listener { descriptors.append((3, listener)) }
        running = try daemon.folder.start(
            executable,
            daemon.files + (executable == Product.faultd ? ["--fault-output", daemon.folder["report"]] : []) + more,
            environment: environment, descriptors: descriptors)
    }

    private static func pair() throws -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw Errno.current }
        return (ends[0], ends[1])
    }

    #if canImport(Glibc)
    private static let type = Int32(SOCK_STREAM.rawValue) | Int32(O_CLOEXEC)
    #elseif canImport(Musl)
    private static let type = SOCK_STREAM | O_CLOEXEC
    #else
    private static let type = SOCK_STREAM
    #endif

    deinit {
        running.send(.kill)
        _ = running.wait()
        closeChannel()
    }

    /// The death of the master, as far as the worker can see.
    func closeChannel() {
        if channel >= 0 { Descriptor.close(channel) }
        channel = -1
    }

    /// faultd's main has registered everything.
    func waitUntilRegistered() {
        #expect(eventually { daemon.report(holds: "registered") }, "\(running.standardError)")
    }

    func send(raw bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            guard Poll.writable(channel, timeout: .seconds(30)) else { throw Errno.wouldBlock }
            sent += try Socket.send(channel, bytes.span.extracting(sent..<bytes.count))
        }
    }

    /// The number of the request.
    @discardableResult
    func send(_ words: String, level: ControlLevel = .admin, payload: String? = nil) throws -> Int {
        lastID += 1
        let request = ControlRequest(words.split(separator: " ").map(String.init), payload: payload)
        try send(raw: ChannelFrame(id: lastID, request, level: level).bytes)
        return lastID
    }

    /// The next answer, whose question it names; nil at the end, or where none comes. `pace` bytes are read at a time.
    func answer(pace: Int = 65536) throws -> (id: Int, text: String)? {
        var buffer = [UInt8](repeating: 0, count: pace)
        while true {
            if let frame = try input.next() {
                #expect(frame.kind == .answer)
                return (frame.id, String(decoding: frame.body, as: UTF8.self))
            }
            guard Poll.readable(channel, timeout: .seconds(30)) else { return nil }
            let count = try Descriptor.read(channel, into: &buffer)
            if count == 0 { return nil }
            input.append(buffer[..<count])
        }
    }

    func ask(_ words: String, level: ControlLevel = .admin, payload: String? = nil) throws -> String? {
        let id = try send(words, level: level, payload: payload)
        let answer = try answer()
        #expect(answer == nil || answer?.id == id)
        return answer?.text
    }
}
