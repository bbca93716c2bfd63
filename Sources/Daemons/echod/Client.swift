import DaemonKit
import Synchronization

/// One client: what it has sent and not yet got back.
final class Client {
    enum Progress {
        case open
        /// It may be closed: both sides are done, or it broke.
        case done
    }

    /// Tells this client from an earlier one with the same descriptor.
    let serial: Int
    let facts: ClientFacts
    private(set) var lastActivity: ContinuousClock.Instant
    /// What the poll set waits for.
    var interest: PollSet.Interest = .read
    private let connection: Connection
    private var pending: [UInt8] = []
    private var sent = 0
    private var hasEnded = false
    /// The client was told that no more will come.
    private(set) var isHalfClosed = false

    /// Takes ownership of the connection.
    init(_ connection: consuming Connection, serial: Int, now: ContinuousClock.Instant) {
        self.connection = connection
        self.serial = serial
        facts = ClientFacts(since: now)
        lastActivity = now
    }

    var descriptor: Int32 { connection.fileDescriptor }

    /// What to wait for next: nothing is read while the client does not take back what it has sent.
    var wanted: PollSet.Interest {
        if !pending.isEmpty { return .write }
        return hasEnded ? [] : .read
    }

    /// Reads and sends back until one of the two would wait.
    func serve(_ buffer: inout [UInt8], now: ContinuousClock.Instant) -> Progress {
        lastActivity = now
        do {
            // A few rounds, so that one busy client does not keep the others waiting.
            for _ in 0..<8 {
                guard try flush() else { return .open }
                if hasEnded { return .done }
                guard let count = try connection.read(into: &buffer) else { return .open }
                hasEnded = count == 0
                facts.bytes.add(count, ordering: .relaxed)
                if !isHalfClosed { try echo(buffer, count) }
            }
            return .open
        } catch {
            return .done
        }
    }

    /// Sends straight from the buffer; only what finds no room is kept.
    private func echo(_ buffer: [UInt8], _ count: Int) throws(DaemonError) {
        var start = 0
        while start < count {
            // bounded: a call takes no more than it is given
            let written = try connection.write(buffer.span.extracting(start..<count))
            guard written > 0 else {
                pending = Array(buffer[start..<count])  // bounded: a call gives no more than the buffer holds
                sent = 0
                return
            }
            start += written  // bounded: a call takes no more than it is given
        }
    }

    /// Sends what was kept; false while there is more.
    private func flush() throws(DaemonError) -> Bool {
        let bytes = pending
        while sent < bytes.count {
            // bounded: a call takes no more than it is given
            let written = try connection.write(bytes.span.extracting(sent..<bytes.count))
            guard written > 0 else { return false }
            sent += written  // bounded: a call takes no more than it is given
        }
        pending = []
        sent = 0
        return true
    }

    /// The stop: what has come is sent back, then the client is told that no more will be.
    func drain(_ buffer: inout [UInt8], now: ContinuousClock.Instant) -> Progress {
        if isHalfClosed { return serve(&buffer, now: now) }
        if case .done = serve(&buffer, now: now) { return .done }
        if pending.isEmpty {
            connection.endWriting()
            isHalfClosed = true
        }
        return .open
    }
}
