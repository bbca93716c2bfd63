import Unix

/// One client: what it has sent and not yet got back.
final class Connection {
    enum Progress {
        case open
        /// It may be closed: both sides are done, or it broke.
        case done
    }

    /// Tells this connection from an earlier one with the same descriptor.
    let serial: Int
    let socket: FileDescriptor
    let facts: ConnectionFacts
    private(set) var lastActivity: MonotonicTime
    private var pending: [UInt8] = []
    private var sent = 0
    private var hasEnded = false
    /// The client was told that no more will come.
    private(set) var isHalfClosed = false
    /// What is read at once; above it, reading waits until the client takes its bytes back.
    private static let window = 64 * 1024

    /// Takes ownership of the socket.
    init(_ socket: consuming FileDescriptor, serial: Int, now: MonotonicTime) {
        self.socket = socket
        self.serial = serial
        facts = ConnectionFacts(since: now)
        lastActivity = now
    }

    /// What to wait for next.
    var interest: Poller.Interest {
        var interest: Poller.Interest = []
        if !hasEnded && pending.isEmpty { interest.insert(.read) }
        if !pending.isEmpty { interest.insert(.write) }
        return interest
    }

    /// Reads and sends back until one of the two would wait.
    func serve(_ buffer: inout [UInt8], now: MonotonicTime) -> Progress {
        lastActivity = now
        do {
            // A few rounds, so that one busy client does not keep the others waiting.
            for _ in 0..<8 {
                try flush()
                guard pending.isEmpty else { return .open }
                if hasEnded { return .done }
                let count = try Descriptor.read(socket.number, into: &buffer)
                if count == 0 { hasEnded = true }
                facts.bytes.add(count, ordering: .relaxed)
                if !isHalfClosed { try echo(buffer, count) }
            }
            return .open
        } catch .wouldBlock {
            return .open
        } catch {
            return .done
        }
    }

    /// Sends straight from the buffer; only what does not fit is kept.
    private func echo(_ buffer: [UInt8], _ count: Int) throws(Errno) {
        var start = 0
        while start < count {
            do {
                // bounded: a call takes no more than it is given
                start += try Socket.send(socket.number, buffer.span.extracting(start..<count))
            } catch .wouldBlock {
                pending = Array(buffer[start..<count])  // bounded: a call gives no more than the buffer holds
                sent = 0
                throw .wouldBlock
            }
        }
    }

    private func flush() throws(Errno) {
        guard !pending.isEmpty else { return }
        let bytes = pending
        while sent < bytes.count {
            // bounded: a call takes no more than it is given
            sent += try Socket.send(socket.number, bytes.span.extracting(sent..<bytes.count))
        }
        pending = []
        sent = 0
    }

    /// The stop: what has come is sent back, then the client is told that no more will be.
    func drain(_ buffer: inout [UInt8], now: MonotonicTime) -> Progress {
        if isHalfClosed { return serve(&buffer, now: now) }
        if case .done = serve(&buffer, now: now) { return .done }
        if pending.isEmpty {
            Socket.shutdownWriting(socket.number)
            isHalfClosed = true
        }
        return .open
    }
}
