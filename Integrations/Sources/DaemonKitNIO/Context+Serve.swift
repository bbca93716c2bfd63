public import DaemonKit
import NIOConcurrencyHelpers
public import NIOCore
import NIOExtras
public import NIOPosix

extension Context {
    /// Serves the daemon's stream listeners until the last connection has ended: accepting ends with the first phase of
    /// the stop; from the second on, connections are told by `ChannelShouldQuiesceEvent`, which SwiftNIO's HTTP handlers
    /// understand. Calls `ready()` when it accepts.
    ///
    /// - Parameter bootstrap: With everything but the address; its `childChannelInitializer` makes the connections.
    ///   Its `serverChannelInitializer` is replaced.
    public func serve(_ bootstrap: ServerBootstrap) async throws {
        let drain = Drain(self)
        for listener in listeners where listener.kind == .stream {
            _ = try await channel(on: listener, drain.collecting(bootstrap, listener))
        }
        try ready()
        try await drain.end()
    }

    /// Serves them with an asynchronous channel for each connection. `handle` runs in a task of its own; what it throws
    /// ends its connection only.
    public func serve<Child: Sendable>(
        _ bootstrap: ServerBootstrap, child: @escaping @Sendable (any Channel) -> EventLoopFuture<Child>,
        handle: @escaping @Sendable (Child) async throws -> Void
    ) async throws {
        let drain = Drain(self)
        let log = log
        try await withThrowingTaskGroup { group in
            for listener in listeners where listener.kind == .stream {
                let server = try await channel(on: listener, drain.collecting(bootstrap, listener), child: child)
                group.addTask {
                    try await withThrowingDiscardingTaskGroup { connections in
                        try await server.executeThenClose { clients in
                            for try await client in clients {
                                connections.addTask {
                                    do { try await handle(client) } catch { log.debug("connection: \(error)") }
                                }
                            }
                        }
                    }
                }
            }
            try ready()
            try await drain.end()
            try await group.waitForAll()
        }
    }

    /// Serves the daemon's datagram listeners until it is to drain.
    public func serve(_ bootstrap: DatagramBootstrap) async throws {
        var channels: [any Channel] = []
        for listener in listeners where listener.kind == .datagram {
            channels.append(try await channel(on: listener, bootstrap))
        }
        try ready()
        await stop.wait(for: .draining)
        for channel in channels { try await channel.close() }
    }
}

/// The connections of some listeners, and how they end.
final class Drain: Sendable {
    private struct Server {
        let helper: ServerQuiescingHelper
        let listener: Listener
    }

    private let context: Context
    private let servers = NIOLockedValueBox<[Server]>([])

    init(_ context: Context) { self.context = context }

    func collecting(_ bootstrap: ServerBootstrap, _ listener: Listener) -> ServerBootstrap {
        let helper = ServerQuiescingHelper(group: MultiThreadedEventLoopGroup.singleton)
        servers.withLockedValue { $0.append(Server(helper: helper, listener: listener)) }
        return bootstrap.serverChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(helper.makeServerChannelHandler(channel: channel))
            }
        }
    }

    /// Waits for the drain, and then until the last connection has ended.
    func end() async throws {
        await context.stop.wait(for: .draining)
        let ends = servers.withLockedValue(\.self).map { server in
            let ended = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
            server.helper.initiateShutdown(promise: ended)
            return ended.futureResult
        }
        // Refused from now on, where nobody else has the socket: SwiftNIO's duplicate is closed.
        for server in servers.withLockedValue(\.self) { server.listener.stopListening() }
        for end in ends { try await end.get() }
    }
}
