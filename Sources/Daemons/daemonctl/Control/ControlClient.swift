import DaemonKit
import MasterRuntime
import Unix

/// A session with a daemon's control socket.
final class ControlClient {
    enum Failure: Error, Equatable, CustomStringConvertible {
        /// Nobody listens there.
        case absent
        case denied
        /// No answer in time.
        case silent
        case other(Errno)

        init(_ error: Errno) {
            switch error {
            case .noSuchFile, .connectionRefused: self = .absent
            case .permissionDenied, .notPermitted: self = .denied
            case .wouldBlock: self = .silent
            default: self = .other(error)
            }
        }

        var description: String {
            switch self {
            case .absent: "nobody listens there"
            case .denied: "no permission"
            case .silent: "no answer"
            case .other(let error): "\(error)"
            }
        }
    }

    /// An answer that is longer is none.
    private static let longestAnswer = 16 << 20

    let descriptor: Int32

    init(_ path: String) throws(Failure) {
        do throws(Errno) {
            descriptor = try Self.connect(.unix(path))
        } catch {
            throw Failure(error)
        }
    }

    private static func connect(_ address: SocketAddress) throws(Errno) -> Int32 {
        let socket = try Socket.open(address.family, .stream)
        // A master that was stopped lets its queue grow full: connect(2) would wait for ever.
        try Descriptor.setNonBlocking(socket.number, true)
        try Socket.connect(socket.number, to: address)
        return socket.release()
    }

    deinit { Descriptor.close(descriptor) }

    /// Sends all of it; throws `.silent` when the other side takes nothing for so long.
    func send(_ text: String, within limit: Duration = .seconds(10)) throws(Failure) {
        let bytes = Array(text.utf8)
        let deadline = MonotonicTime.now + limit
        var sent = 0
        while sent < bytes.count {
            do throws(Errno) {
                // bounded: a call takes no more than it is given
                sent += try Socket.send(descriptor, bytes.span.extracting(sent..<bytes.count))
            } catch {
                guard error == .wouldBlock else { throw Failure(error) }
                guard Poll.writable(descriptor, timeout: max(.zero, deadline - .now)) else { throw .silent }
            }
        }
    }

    /// One command line, whose answer ends the session. `isSlow` is told when it takes longer than a second.
    func ask(_ line: String, within limit: Duration, isSlow: () -> Void = {}) throws(Failure) -> String {
        let deadline = MonotonicTime.now + limit
        try send("\(line)\n", within: limit)
        Socket.shutdownWriting(descriptor)
        if !Poll.readable(descriptor, timeout: min(limit, .seconds(1))) { isSlow() }
        guard let bytes = Input.read(descriptor, until: deadline, limit: Self.longestAnswer) else { throw .silent }
        let answer = String(decoding: bytes, as: UTF8.self)
        // The empty line is the end of the answer, and no part of it.
        return answer.hasSuffix("\n\n") || answer == "\n" ? String(answer.dropLast()) : answer
    }
}
