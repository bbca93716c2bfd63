public import DaemonKit
public import NIOCore
public import NIOPosix

extension Context {
    /// A server channel on the socket of a listener, which stays the daemon's: SwiftNIO gets a duplicate, and the length
    /// of the queue that SwiftNIO shortens is put right again. While the daemon is paused, and from its stop on, the
    /// channel accepts nothing; what else becomes of it is the caller's.
    ///
    /// - Throws: A `DaemonError` where there is no descriptor left, and SwiftNIO's errors.
    public func channel(on listener: Listener, _ bootstrap: ServerBootstrap) async throws -> any Channel {
        let channel = try await bootstrap.withBoundSocket(try listener.duplicate()).get()
        restoreBacklog(of: listener)
        follow(channel)
        return channel
    }

    /// The same with SwiftNIO's asynchronous channels: iterate over the clients that `executeThenClose` gives.
    public func channel<Child: Sendable>(
        on listener: Listener, _ bootstrap: ServerBootstrap,
        child: @escaping @Sendable (any Channel) -> EventLoopFuture<Child>
    ) async throws -> NIOAsyncChannel<Child, Never> {
        let server = try await bootstrap.bind(try listener.duplicate(), childChannelInitializer: child)
        restoreBacklog(of: listener)
        follow(server.channel)
        return server
    }

    /// A channel on the socket of a listener for datagrams.
    public func channel(on listener: Listener, _ bootstrap: DatagramBootstrap) async throws -> any Channel {
        let channel = try await bootstrap.withBoundSocket(try listener.duplicate()).get()
        follow(channel)
        return channel
    }

    /// Reads, which is accepting where clients connect, as the daemon says.
    package func follow(_ channel: any Channel) {
        let context = self
        let look: @Sendable () -> Void = {
            // Looked at where it is set, so that the last one to look is right.
            channel.eventLoop.execute {
                channel.setOption(.autoRead, value: context.isAccepting).whenFailure { _ in }
            }
        }
        onPause(look)
        onResume(look)
        stop.on(.stopping, look)
    }

    package var isAccepting: Bool { !isPaused && !isStopping }
}
