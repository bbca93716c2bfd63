import DaemonKit
import Unix

/// One thread, one poller, any number of clients.
final class EchoServer {
    private let context: Context
    private let maxConnections: Int
    private let idleTimeout: Duration
    private let stop: Int32
    /// When the daemon was paused or resumed, or is to drain, which another thread says.
    private let changes: Waker
    private let table = ConnectionTable()
    private var poller: Poller
    private var listeners: [Int32: Listener] = [:]
    private var connections: [Int32: Connection] = [:]
    private var interests: [Int32: Poller.Interest] = [:]
    private var idle = IdleQueue()
    private var serial = 0
    private var isAccepting = true
    /// No more connections can be had for now: all are in use.
    private var isFull = false
    private var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    /// Nothing new is accepted. After a soft stop the connections end when their clients like.
    private var isStopping = false
    /// The connections are told to end.
    private var isDraining = false
    /// When those that were told are closed.
    private var lingerTime: MonotonicTime?
    /// How long a client may take to close after it was told.
    private static let linger = Duration.seconds(2)

    init(_ context: Context, maxConnections: Int, idleTimeout: Duration) throws {
        self.context = context
        self.maxConnections = maxConnections
        self.idleTimeout = idleTimeout
        stop = try context.stopDescriptor()
        Limits.raiseOpenFiles(to: maxConnections + 64)
        do {
            changes = try Waker()
            poller = try Poller()
            try poller.add(stop, .read)
            try poller.add(changes.descriptor, .read)
            for listener in context.listeners {
                listeners[listener.fileDescriptor] = listener
                try poller.add(listener.fileDescriptor, .read)
            }
        } catch {
            throw DaemonError("cannot watch the listeners: \(error)")
        }
        context.onPause(changes.wake)
        context.onResume(changes.wake)
        context.onDrain(changes.wake)
        context.onSoftStopEnd(changes.wake)
        updateAccepting()
        context.command("show connections", "open connections: their age, bytes received", level: .operator) {
            [table] _ in table.text
        }
    }

    func run() throws {
        while !isFinished {
            let count = try poller.wait(timeout)
            let now = MonotonicTime.now
            for index in 0..<count {  // bounded: as many events as were counted
                let event = poller.event(index)
                if event.descriptor == stop {
                    stopAccepting(now)
                } else if event.descriptor == changes.descriptor {
                    changes.clear()
                    updateAccepting()
                } else if let listener = listeners[event.descriptor] {
                    serve(listener, now)
                } else {
                    serve(event.descriptor, now)
                }
            }
            closeIdle(now)
            if context.isDraining && !context.isSoftStop && !isDraining { drain(now) }
            if let time = lingerTime, time <= now { endHalfClosed(now) }
        }
    }

    private var isFinished: Bool { isStopping && connections.isEmpty }

    /// nil when nothing is due: an idle server does not wake up.
    private var timeout: Duration? {
        let due = [lingerTime, idle.next].compactMap(\.self).min()
        return due.map { max(.zero, $0 - .now) }
    }

    // MARK: Listeners

    private func serve(_ listener: Listener, _ now: MonotonicTime) {
        switch listener.kind {
        case .stream: accept(listener.fileDescriptor, now)
        case .datagram:
            // A few at a time, so that a flood of datagrams does not keep connections waiting.
            for _ in 0..<64 {
                guard (try? Socket.echoDatagram(listener.fileDescriptor, buffer: &buffer)) != nil else { return }
            }
        }
    }

    private func accept(_ listener: Int32, _ now: MonotonicTime) {
        guard isAccepting else { return }
        for _ in 0..<64 {
            guard connections.count < maxConnections else { return setFull(true) }
            do {
                let socket = try Socket.accept(listener)
                let number = socket.number
                try poller.add(number, .read)
                serial += 1
                let connection = Connection(socket, serial: serial, now: now)
                connections[number] = connection
                table.opened(serial, connection.facts)
                interests[number] = .read
                if idleTimeout > .zero { idle.push(.init(number: number, serial: serial, due: now + idleTimeout)) }
            } catch .tooManyOpenFiles, .tooManyOpenFilesInSystem {
                context.log.warning("no descriptor left for connection \(connections.count + 1): accepting pauses")
                return connections.isEmpty ? () : setFull(true)
            } catch {
                // Nobody waits any more, or the client went away between its call and ours.
                return
            }
        }
    }

    private func setFull(_ on: Bool) {
        isFull = on
        updateAccepting()
    }

    /// Clients wait in the listeners' queues meanwhile.
    private func updateAccepting() {
        let on = !isFull && !context.isPaused
        guard on != isAccepting else { return }
        isAccepting = on
        for (number, listener) in listeners where listener.kind == .stream {
            try? poller.change(number, on ? .read : [])
        }
    }

    // MARK: Connections

    private func serve(_ number: Int32, _ now: MonotonicTime) {
        guard let connection = connections[number] else { return }
        let progress =
            isDraining ? connection.drain(&buffer, now: now) : connection.serve(&buffer, now: now)
        settle(number, connection, progress)
    }

    private func settle(_ number: Int32, _ connection: Connection, _ progress: Connection.Progress) {
        if case .done = progress { return close(number) }
        let interest = connection.interest
        guard interests[number] != interest else { return }
        interests[number] = interest
        try? poller.change(number, interest)
    }

    private func close(_ number: Int32) {
        if let connection = connections.removeValue(forKey: number) { table.closed(connection.serial) }
        interests[number] = nil
        if isFull { setFull(false) }
    }

    private func closeIdle(_ now: MonotonicTime) {
        while var entry = idle.popDue(now) {
            guard let connection = connections[entry.number], connection.serial == entry.serial else { continue }
            entry.due = connection.lastActivity + idleTimeout
            if entry.due <= now {
                close(entry.number)
            } else {
                idle.push(entry)
            }
        }
    }

    // MARK: The end

    /// First moment: no new client. Those in the queues of our own sockets are taken in before; those that were kept
    /// waiting by a pause wait for whoever else has the socket.
    private func stopAccepting(_ now: MonotonicTime) {
        poller.remove(stop)
        for listener in listeners.values {
            serve(listener, now)
            poller.remove(listener.fileDescriptor)
            listener.stopListening()
        }
        listeners = [:]
        isStopping = true
        if !connections.isEmpty { context.log.info("draining \(connections.count) connections") }
    }

    /// Second moment: each client gets the rest of its bytes and the end of the stream; then it may close.
    private func drain(_ now: MonotonicTime) {
        isDraining = true
        lingerTime = now + Self.linger
        for (number, connection) in connections {
            settle(number, connection, connection.drain(&buffer, now: now))
        }
    }

    /// The linger is over for whoever has all bytes; the others have the rest of the grace period.
    private func endHalfClosed(_ now: MonotonicTime) {
        lingerTime = now + Self.linger
        for (number, connection) in connections where connection.isHalfClosed { close(number) }
    }
}
