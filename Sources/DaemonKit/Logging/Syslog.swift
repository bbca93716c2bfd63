import Synchronization
import Unix

/// The system's log socket. Absent at first, or gone for a while: the loss is counted, and the next record tries again.
package final class Syslog: Sendable {
    private struct State: ~Copyable {
        var socket: FileDescriptor?
        var lost = 0
        /// When the next attempt to connect is due, so that a missing logger costs no call per record.
        var retry = MonotonicTime(nanoseconds: .min)
    }

    private let state = Mutex(State())
    private static let path = "/dev/log"
    private static let pause = Duration.milliseconds(100)

    package init() {}

    /// Connects early: a chroot would hide the socket's path.
    func connect() { state.withLock { state in _ = Self.connected(&state) } }

    package func write(_ record: [UInt8], report: (Int) -> [UInt8]) {
        state.withLock { state in
            guard Self.connected(&state) else {
                state.lost += 1
                return
            }
            if state.lost > 0 {
                guard Self.send(report(state.lost), &state) else {
                    state.lost += 1
                    return
                }
                state.lost = 0
            }
            if !Self.send(record, &state) { state.lost += 1 }
        }
    }

    private static func send(_ record: [UInt8], _ state: inout State) -> Bool {
        for _ in 0..<2 {
            let number: Int32
            switch state.socket {
            case .some(let socket): number = socket.number
            case .none: return false
            }
            do {
                _ = try Socket.send(number, record.span)
                return true
            } catch .wouldBlock {
                return false
            } catch {
                // A logger that was started anew has another socket behind the same path: connect once more.
                state.socket = nil
                state.retry = MonotonicTime(nanoseconds: .min)
                guard connected(&state) else { return false }
            }
        }
        return false
    }

    private static func connected(_ state: inout State) -> Bool {
        if state.socket != nil { return true }
        let now = MonotonicTime.now
        guard now >= state.retry else { return false }
        do {
            let address = SocketAddress.unix(path)
            let socket = try Socket.open(address.family, .datagram)
            try Socket.connect(socket.number, to: address)
            state.socket = consume socket
            return true
        } catch {
            state.retry = now + pause
            return false
        }
    }
}
