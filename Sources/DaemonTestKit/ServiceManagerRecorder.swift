import Synchronization
import Unix

/// Takes the place of the service manager: listens on a `NOTIFY_SOCKET` and keeps every message. sd_notify(3)
public final class ServiceManagerRecorder: Sendable {
    /// One message: the lines that came together.
    public struct Message: Hashable, Sendable {
        public let lines: [String]

        /// The value of a variable: `message["STATUS"]`.
        public subscript(name: String) -> String? {
            let prefix = "\(name)="
            return lines.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        }
    }

    /// What the thread that reads shares with us.
    private final class Inbox: Sendable {
        let messages = Mutex<[Message]>([])

        /// Reads until the socket was shut down. A queue that nobody reads would hold up whoever writes.
        func fill(from socket: Int32) {
            var buffer = [UInt8](repeating: 0, count: 65536)
            while true {
                _ = Poll.readable(socket, timeout: nil)
                guard let count = try? Descriptor.read(socket, into: &buffer), count > 0 else { break }
                let lines = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
                messages.withLock { $0.append(Message(lines: lines)) }
            }
            Descriptor.close(socket)
        }
    }

    /// The value of `NOTIFY_SOCKET`.
    public let path: String
    private let socket: Int32
    private let inbox = Inbox()

    /// Makes a socket at the path, which must be free.
    ///
    /// - Throws: ``TestFailure``.
    public init(path: String) throws(TestFailure) {
        self.path = path
        do {
            let socket = try Socket.open(SocketAddress.unix(path).family, .datagram)
            try Socket.bind(socket.number, to: .unix(path))
            self.socket = socket.release()
        } catch {
            throw TestFailure("no socket for the service manager: \(path): \(error)")
        }
        let (inbox, number) = (inbox, socket)
        do {
            try Thread.start(stackSize: 1 << 18) { inbox.fill(from: number) }
        } catch {
            throw TestFailure("no thread for the service manager: \(error)")
        }
    }

    deinit { Socket.shutdownReading(socket) }

    /// Everything so far, in its order.
    public var messages: [Message] { inbox.messages.withLock(\.self) }

    /// How many messages have this line.
    public func count(_ line: String) -> Int { messages.count { $0.lines.contains(line) } }

    /// The last value of a variable: `last("STATUS")`.
    public func last(_ name: String) -> String? { messages.last { $0[name] != nil }?[name] }

    /// Whether the reload with this number, counted from 1, was followed by `READY=1`.
    func isReady(afterReload number: Int) -> Bool {
        var reloads = 0
        return messages.contains { message in
            if message.lines.contains("RELOADING=1") { reloads += 1 }
            return reloads >= number && message.lines.contains("READY=1")
        }
    }

    /// Returns when so many messages have the line.
    ///
    /// - Throws: ``TestFailure``, with all messages, where they do not come.
    public func wait(
        for line: String, count: Int = 1, within limit: Duration = DaemonProcess.patience
    ) async throws(TestFailure) {
        guard await eventually(within: limit, { self.count(line) >= count }) else {
            throw TestFailure("the service manager was not told \(line) \(count) times: \(messages.map(\.lines))")
        }
    }
}
