import DaemonKit

/// One thread, one poll set, any number of clients.
final class EchoServer {
    private let context: Context
    private let maxClients: Int
    private let idleTimeout: Duration
    private let table = ClientTable()
    private var polls: PollSet
    /// By their descriptors; none from the stop on.
    private var listeners: [Int32: Listener] = [:]
    private var clients: [Int32: Client] = [:]
    private var idle = IdleQueue()
    private var serial = 0
    private var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    private var isAccepting = true
    private var refusals = Refusals()
    private var phase = StopPhase.running
    /// When those that were told that the end is near are closed.
    private var lingerTime: ContinuousClock.Instant?
    /// How long a client may take to close after it was told.
    private static let linger = Duration.seconds(2)
    /// How long nobody is taken in when no descriptor was left.
    private static let rest = Duration.milliseconds(100)

    init(_ context: Context, maxClients: Int, idleTimeout: Duration) throws {
        self.context = context
        self.maxClients = maxClients
        self.idleTimeout = idleTimeout
        context.allowOpenFiles(maxClients + 64)  // bounded: the option's range
        polls = try PollSet(for: context)
        for listener in context.listeners {
            listeners[listener.fileDescriptor] = listener
            try polls.watch(listener.fileDescriptor)
        }
        context.command("show connections", "open connections: their age, bytes received", level: .operator) {
            [table] _ in table.text
        }
    }

    func run() throws {
        while !isFinished {
            try updateAccepting()
            let events = try polls.wait(timeout)
            let now = ContinuousClock.now
            for event in events { try serve(event.descriptor, now) }
            try closeIdle(now)
            try follow(context.stop.phase, now)
            if let time = lingerTime, time <= now { endHalfClosed(now) }
        }
    }

    private var isFinished: Bool { phase >= .stopping && clients.isEmpty }

    /// nil when nothing is due: an idle server does not wake up.
    private var timeout: Duration? {
        let due = [lingerTime, idle.next].compactMap(\.self).min()
        return due.map { max(.zero, $0 - .now) }
    }

    private func serve(_ descriptor: Int32, _ now: ContinuousClock.Instant) throws {
        if let listener = listeners[descriptor] {
            try listener.kind == .stream ? accept(listener, now) : echoDatagrams(listener)
        } else if let client = clients[descriptor] {
            let progress = phase >= .closing ? client.drain(&buffer, now: now) : client.serve(&buffer, now: now)
            try settle(client, progress)
        }
    }

    // MARK: Listeners

    /// A few at a time, so that a flood of datagrams does not keep connections waiting.
    private func echoDatagrams(_ listener: Listener) {
        for _ in 0..<64 {
            guard let datagram = try? listener.receive(into: &buffer) else { return }
            guard let sender = datagram.sender else { continue }
            listener.send(buffer.span.extracting(0..<datagram.count), to: sender)
        }
    }

    private func accept(_ listener: Listener, _ now: ContinuousClock.Instant) throws {
        guard isAccepting else { return }
        for _ in 0..<64 {
            guard clients.count < maxClients else { return }
            do throws(DaemonError) {
                guard let connection = try listener.accept() else { return }
                try takeIn(Client(connection, serial: serial + 1, now: now), now)
            } catch {
                guard error.code == .descriptors else { throw error }
                refusals.add(error, context.log)
                return polls.pause(listener.fileDescriptor, for: Self.rest)
            }
        }
    }

    private func takeIn(_ client: Client, _ now: ContinuousClock.Instant) throws(DaemonError) {
        try polls.watch(client.descriptor)
        serial = client.serial
        clients[client.descriptor] = client
        table.opened(serial, client.facts)
        if idleTimeout > .zero {
            idle.push(.init(number: client.descriptor, serial: serial, due: now + idleTimeout))
        }
    }

    /// Clients wait in the listeners' queues while nobody is taken in.
    private func updateAccepting() throws {
        let on = clients.count < maxClients && !context.isPaused
        guard on != isAccepting else { return }
        isAccepting = on
        for (descriptor, listener) in listeners where listener.kind == .stream {
            try polls.watch(descriptor, for: on ? .read : [])
        }
    }

    // MARK: Clients

    private func settle(_ client: Client, _ progress: Client.Progress) throws {
        if case .done = progress { return close(client) }
        guard client.interest != client.wanted else { return }
        client.interest = client.wanted
        try polls.watch(client.descriptor, for: client.interest)
    }

    private func close(_ client: Client) {
        polls.forget(client.descriptor)
        clients[client.descriptor] = nil
        table.closed(client.serial)
    }

    private func closeIdle(_ now: ContinuousClock.Instant) throws {
        while var entry = idle.popDue(now) {
            guard let client = clients[entry.number], client.serial == entry.serial else { continue }
            entry.due = client.lastActivity + idleTimeout
            if entry.due <= now {
                close(client)
            } else {
                idle.push(entry)
            }
        }
    }

    // MARK: The end

    private func follow(_ next: StopPhase, _ now: ContinuousClock.Instant) throws {
        guard next > phase else { return }
        let last = phase
        phase = next
        if last < .stopping { try stopAccepting(now) }
        if next >= .closing { try drain(now) }
    }

    /// No new client. Those in the queues of our own sockets are taken in before; those that were kept waiting by a pause
    /// wait for whoever else has the socket.
    private func stopAccepting(_ now: ContinuousClock.Instant) throws {
        for listener in listeners.values {
            try serve(listener.fileDescriptor, now)
            polls.forget(listener.fileDescriptor)
            listener.stopListening()
        }
        listeners = [:]
        if !clients.isEmpty { context.log.info("draining \(clients.count) connections") }
    }

    /// Each client gets the rest of its bytes and the end of the stream; then it may close.
    private func drain(_ now: ContinuousClock.Instant) throws {
        lingerTime = now + Self.linger
        for client in clients.values { try settle(client, client.drain(&buffer, now: now)) }
    }

    /// The linger is over for whoever has all bytes; the others have the rest of the grace period.
    private func endHalfClosed(_ now: ContinuousClock.Instant) {
        lingerTime = now + Self.linger
        for client in clients.values where client.isHalfClosed { close(client) }
    }
}
