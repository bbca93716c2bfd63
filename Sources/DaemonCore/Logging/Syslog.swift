import Synchronization
import Unix

/// The system's log socket, which takes datagrams or, as syslog-ng's and many containers' do, a stream. Absent at first,
/// or gone for a while: the loss is counted, and the next record tries again. Nobody waits for it longer than he said.
package final class Syslog: Sendable {
    private struct State: ~Copyable {
        var socket: FileDescriptor?
        /// Each record ends with a zero byte, as syslog(3) ends it.
        var isStream = false
        /// Bytes of the next record that a stream has taken already.
        var begun = 0
        /// Not reported yet.
        var lost = 0
        var total = LogLoss()
        /// Records for which its queue had no room; a logger that is busy takes them later.
        var waiting: [[UInt8]] = []
        var waitingBytes = 0
        /// It did not read for as long as we wait.
        var isStuck = false
        var credit = WaitCredit()
        /// When the next attempt to connect is due, so that a missing logger costs no call per record.
        var retry = MonotonicTime(nanoseconds: .min)
    }

    /// What the records say of where they come from.
    package let origin: Origin
    private let state = Mutex(State())
    private let path: String
    private let patience: Duration
    private let queueLimit: Int
    /// Connects once a chroot hides the path.
    private let keeper: Keeper?
    private static let pause = Duration.milliseconds(100)
    /// At the end, for a logger that takes nothing.
    private static let lastPatience = Duration.milliseconds(100)
    /// What is sent of a record that the socket does not take at once.
    private static let longestCut = 8192

    /// `patience`: how long a record may wait for room. `queueLimit`: how many bytes wait instead, where somebody calls
    /// `flush` now and then.
    package init(
        _ origin: Origin = Origin(), path: String = LoggerSocket.path, patience: Duration = .zero, queueLimit: Int = 0,
        keeper: Keeper? = nil
    ) {
        self.origin = origin
        self.path = path
        self.patience = patience
        self.queueLimit = queueLimit
        self.keeper = keeper
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

    /// The process ends: what waits goes on as long as the logger takes some of it now and then.
    package func finish(report: (Int) -> [UInt8]) {
        let end = MonotonicTime.now + .seconds(10)
        var (deadline, left) = (MonotonicTime.now + Self.lastPatience, Int.max)
        while state.withLock({ !$0.waiting.isEmpty }) {
            flush(report: report)
            // bounded: lengths in memory; what has begun is a part of what waits
            let rest = state.withLock { $0.waitingBytes - $0.begun }
            if rest < left { (deadline, left) = (min(end, .now + Self.lastPatience), rest) }
            guard .now < deadline else { return }
            Poll.pause(.milliseconds(5))
        }
    }

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
        guard connected(&state) else { return false }
        let record = report(state.lost)
        if send(record, &state) != nil {
            guard state.begun > 0 else { return false }
            wait(record, &state)
        }
        state.lost = 0
        return state.waiting.isEmpty
    }

    /// What a stream has begun to take must go on, whatever its length.
    private func keep(_ record: [UInt8], _ failure: Errno, _ state: inout State) {
        let fits = state.lost == 0 && state.waitingBytes + record.count <= queueLimit
        if failure == .wouldBlock, fits || state.begun > 0 && state.waiting.isEmpty {
            wait(record, &state)
        } else {
            state.lost &+= 1
            state.total.add(message: record, failure)
        }
    }

    private func wait(_ record: [UInt8], _ state: inout State) {
        state.waiting.append(record)
        state.waitingBytes += record.count
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
                if state.isStream {
                    try sendStream(number, record + [0], &state)
                } else {
                    _ = try sendNow(number, record[...], &state)
                }
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
                state.begun = 0
                state.retry = MonotonicTime(nanoseconds: .min)
            }
        }
        return .wouldBlock
    }

    /// A new connection begins the record anew: the old logger has seen a part of it at most.
    private func sendStream(_ number: Int32, _ bytes: [UInt8], _ state: inout State) throws(Errno) {
        while state.begun < bytes.count {
            // bounded: a part of these bytes has gone out
            state.begun += try sendNow(number, bytes.dropFirst(state.begun), &state)
        }
        state.begun = 0
    }

    private func sendNow(_ number: Int32, _ bytes: ArraySlice<UInt8>, _ state: inout State) throws(Errno) -> Int {
        var count: Int
        do {
            count = try Socket.send(number, bytes.span)
        } catch .wouldBlock where patience > .zero && !state.isStuck {
            guard state.credit.spend(patience, { Poll.writable(number, timeout: $0) }) else {
                state.isStuck = true
                throw .wouldBlock
            }
            count = try Socket.send(number, bytes.span)
        }
        state.isStuck = false
        state.credit.earn(count)
        return count
    }

    private func connected(_ state: inout State) -> Bool {
        if state.socket != nil { return true }
        let now = MonotonicTime.now
        guard now >= state.retry else { return false }
        do {
            let socket = if let outside = try keeper?.openSyslog() { outside } else { try LoggerSocket.open(path) }
            state.isStream = try Socket.kind(socket.number) == .stream
            state.socket = consume socket
            return true
        } catch {
            state.retry = now + Self.pause
            return false
        }
    }
}

extension Syslog {
    /// Who logs, as the records say it. RFC 3164
    package struct Origin: Sendable {
        package let facility: Facility
        /// nil: the daemon's name.
        package let tag: String?

        package init(facility: Facility = .daemon, tag: String? = nil) {
            self.facility = facility
            self.tag = tag
        }
    }

    /// In the order of their numbers; those from 12 to 15 are nobody's. syslog(3)
    package enum Facility: String, CaseIterable, Sendable {
        case kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp
        case local0, local1, local2, local3, local4, local5, local6, local7

        /// A process may not log as the kernel.
        package static let names = allCases.dropFirst().map(\.rawValue)

        var number: Int {
            let index = Self.allCases.firstIndex(of: self) ?? 0
            return index < 12 ? index : index + 4  // bounded: an index of twenty
        }
    }
}
