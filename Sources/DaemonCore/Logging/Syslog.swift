import Synchronization
import Unix

/// The system's log socket. Absent at first, or gone for a while: the loss is counted, and the next record tries again.
/// Nobody waits for it longer than he said.
package final class Syslog: Sendable {
    private struct State: ~Copyable {
        var socket: FileDescriptor?
        /// Not reported yet.
        var lost = 0
        var total = LogLoss()
        /// Records for which its queue had no room; a logger that is busy takes them later.
        var waiting: [[UInt8]] = []
        var waitingBytes = 0
        /// It did not read for as long as we wait.
        var isStuck = false
        /// When the next attempt to connect is due, so that a missing logger costs no call per record.
        var retry = MonotonicTime(nanoseconds: .min)
    }

    private let state = Mutex(State())
    private let patience: Duration
    private let queueLimit: Int
    private static let path = "/dev/log"
    private static let pause = Duration.milliseconds(100)
    /// What is sent of a record that the socket does not take at once.
    private static let longestCut = 8192

    /// `patience`: how long a record may wait for room. `queueLimit`: how many bytes wait instead, where somebody calls
    /// `flush` now and then.
    package init(patience: Duration = .zero, queueLimit: Int = 0) {
        self.patience = patience
        self.queueLimit = queueLimit
    }

    /// Connects early: a chroot would hide the socket's path.
    package func connect() { state.withLock { state in _ = connected(&state) } }

    package func write(_ record: [UInt8], report: (Int) -> [UInt8]) {
        state.withLock { state in
            guard clear(&state, report) else { return keep(record, .wouldBlock, &state) }
            if let failure = send(record, &state) { keep(record, failure, &state) }
        }
    }

    /// Tries once more what waits, and to tell of what was lost.
    package func flush(report: (Int) -> [UInt8]) { state.withLock { state in _ = clear(&state, report) } }

    package var isWaiting: Bool { state.withLock { !$0.waiting.isEmpty || $0.lost > 0 } }
    package var lost: LogLoss { state.withLock { $0.total } }

    /// True when all that waited has gone out and every loss was told.
    private func clear(_ state: inout State, _ report: (Int) -> [UInt8]) -> Bool {
        while let first = state.waiting.first {
            guard send(first, &state) == nil else { return false }
            state.waitingBytes -= first.count
            state.waiting.removeFirst()
        }
        guard state.lost > 0 else { return true }
        guard connected(&state), send(report(state.lost), &state) == nil else { return false }
        state.lost = 0
        return true
    }

    private func keep(_ record: [UInt8], _ failure: Errno, _ state: inout State) {
        if failure == .wouldBlock, state.lost == 0, state.waitingBytes + record.count <= queueLimit {
            state.waiting.append(record)
            state.waitingBytes += record.count
        } else {
            state.lost &+= 1
            state.total.add(message: record, failure)
        }
    }

    /// nil when it was sent; `.wouldBlock` when there is no room, or nobody to send it to.
    private func send(_ record: [UInt8], _ state: inout State) -> Errno? {
        for _ in 0..<2 {
            guard connected(&state) else { return .wouldBlock }
            let number: Int32
            switch state.socket {
            case .some(let socket): number = socket.number
            case .none: return .wouldBlock
            }
            do {
                try sendNow(number, record, &state)
                return nil
            } catch .wouldBlock {
                return .wouldBlock
            } catch .messageTooLong {
                let mark = Array(" [...]".utf8)
                guard record.count > Self.longestCut else { return .messageTooLong }
                return send(record.prefix(Self.longestCut - mark.count) + mark, &state)  // bounded: constants
            } catch {
                // A logger that was started anew has another socket behind the same path: connect once more.
                state.socket = nil
                state.retry = MonotonicTime(nanoseconds: .min)
            }
        }
        return .wouldBlock
    }

    private func sendNow(_ number: Int32, _ record: [UInt8], _ state: inout State) throws(Errno) {
        do {
            _ = try Socket.send(number, record.span)
        } catch .wouldBlock where patience > .zero && !state.isStuck {
            guard Poll.writable(number, timeout: patience) else {
                state.isStuck = true
                throw .wouldBlock
            }
            _ = try Socket.send(number, record.span)
        }
        state.isStuck = false
    }

    private func connected(_ state: inout State) -> Bool {
        if state.socket != nil { return true }
        let now = MonotonicTime.now
        guard now >= state.retry else { return false }
        do {
            let address = SocketAddress.unix(Self.path)
            let socket = try Socket.open(address.family, .datagram)
            try Socket.connect(socket.number, to: address)
            state.socket = consume socket
            return true
        } catch {
            state.retry = now + Self.pause
            return false
        }
    }
}
