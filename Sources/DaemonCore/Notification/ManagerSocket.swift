import Synchronization
import Unix

/// A socket to a service manager, which may have its queue full: by default ten datagrams fit in it.
/// net.unix.max_dgram_qlen, unix(7)
final class ManagerSocket: Sendable {
    let address: String
    /// Connected, because a chroot would hide the path; -1 while nobody is there.
    private let socket: Mutex<Int32>
    /// The last message found no room in all its time: the next ones are not given as much.
    private let isDeaf = Atomic(false)

    init(address: String) {
        self.address = address
        socket = Mutex(-1)
        // Once more: what failed for a moment must not be out of reach for ever.
        for _ in 0..<2 where (try? connected()) == nil {}
    }

    private func connected() throws(Errno) -> Int32 {
        try socket.withLock { number throws(Errno) in
            if number == -1 { number = try Self.connect(address).release() }
            return number
        }
    }

    private static func connect(_ address: String) throws(Errno) -> FileDescriptor {
        let socket = try Socket.open(SocketAddress.unix(address).family, .datagram)
        try Socket.connect(socket.number, to: .unix(address))
        return socket
    }

    /// In the same place, so that nobody sends to a number that means something else by now.
    private func reconnect(_ number: Int32) throws(Errno) {
        let fresh = try Self.connect(address)
        try Descriptor.duplicate(fresh.number, onto: number)
    }

    /// Throws `.wouldBlock` where there is no room.
    func trySend(_ message: ManagerMessage) throws(Errno) {
        let number = try connected()
        do {
            try send(message, number)
        } catch {
            guard !error.passesByItself else { throw error }
            // The manager may have been replaced.
            try reconnect(number)
            try send(message, number)
        }
        isDeaf.store(false, ordering: .relaxed)
    }

    private func send(_ message: ManagerMessage, _ number: Int32) throws(Errno) {
        let bytes = Array(message.text.utf8)
        if let descriptor = message.descriptor {
            try Socket.send(number, bytes, descriptor: descriptor)
        } else {
            _ = try Socket.send(number, bytes.span)
        }
    }

    /// Waits for room.
    func send(_ message: ManagerMessage, isUrgent: Bool) throws(Errno) {
        let patience = isDeaf.load(ordering: .relaxed) && !isUrgent ? .zero : message.patience
        let deadline = MonotonicTime.now + patience
        while true {
            do {
                return try trySend(message)
            } catch {
                let left = deadline - .now
                guard error.passesByItself else { throw error }
                guard left > .zero else {
                    if patience > .zero { isDeaf.store(true, ordering: .relaxed) }
                    throw error
                }
                if error == .wouldBlock, let number = try? connected() { _ = Poll.writable(number, timeout: left) }
                // Another sender may be quicker, and not every lack can be polled for.
                Poll.pause(min(left, .milliseconds(1)))
            }
        }
    }
}

extension Errno {
    /// What a later attempt may not meet any more.
    var passesByItself: Bool { self == .wouldBlock || self == .noBufferSpace || self == .outOfMemory }
}
