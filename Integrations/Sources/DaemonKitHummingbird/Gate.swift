import DaemonKit
import DaemonKitNIO
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Lets clients in when the server asks for some, unless the daemon is paused or is to stop.
final class Gate: Sendable {
    private struct State {
        var channels: [any Channel] = []
        /// The server has asked for clients, and has not had any since.
        var isWanted = false
    }

    private let context: Context
    private let state = NIOLockedValueBox(State())

    init(_ context: Context) { self.context = context }

    /// What the server has asked for has come.
    func clientsCame() { state.withLockedValue { $0.isWanted = false } }

    func add(_ channel: any Channel) { state.withLockedValue { $0.channels.append(channel) } }

    /// From now on.
    func open() {
        want()
        context.onPause { self.look() }
        context.onResume { self.look() }
        context.stop.on(.stopping) { self.look() }
    }

    func want() {
        let channels = state.withLockedValue { state in
            state.isWanted = true
            return state.channels
        }
        for channel in channels where context.isAccepting { channel.read() }
    }

    private func look() {
        for channel in state.withLockedValue(\.channels) {
            // Looked at where it is acted upon, so that the last one to look is right.
            channel.eventLoop.execute { [self] in
                if context.isAccepting {
                    if state.withLockedValue(\.isWanted) { channel.read() }
                } else {
                    // A read that waits for a client is taken back by turning automatic reading on and off.
                    channel.setOption(.autoRead, value: true).whenFailure { _ in }
                    channel.setOption(.autoRead, value: false).whenFailure { _ in }
                }
            }
        }
    }

    /// In front of the server's own socket, which is never read.
    var handler: Handler { Handler(self) }

    final class Handler: ChannelOutboundHandler, Sendable {
        typealias OutboundIn = Never
        private let gate: Gate

        init(_ gate: Gate) { self.gate = gate }

        func read(context: ChannelHandlerContext) { gate.want() }
    }
}

/// Hands the clients that a listener's channel accepts to the server's.
final class Forwarder: ChannelInboundHandler, Sendable {
    typealias InboundIn = any Channel
    private let server: any Channel
    private let gate: Gate

    init(to server: any Channel, through gate: Gate) {
        self.server = server
        self.gate = gate
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        server.pipeline.fireChannelRead(Self.unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        gate.clientsCame()
        server.pipeline.fireChannelReadComplete()
        // The server reads automatically only when its own socket has been read, which never happens.
        server.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { server.pipeline.fireErrorCaught(error) }
}
