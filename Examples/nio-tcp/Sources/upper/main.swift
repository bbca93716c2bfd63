import DaemonKit
import DaemonKitNIO
import NIOCore
import NIOPosix

// A protocol with half-close: the client sends what it likes and closes its side; then it gets all of it in upper case.

genericMain(Daemon("upper", version: "1.0", listens: [.stream], port: 7000)) { context in
    context.sizeEventLoops()
    try await context.serve(
        ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true),
        child: { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                    wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
            }
        },
        handle: { client in
            try await client.executeThenClose { inbound, outbound in
                var all = ByteBuffer()
                for try await some in inbound { all.writeImmutableBuffer(some) }
                try await outbound.write(ByteBuffer(string: String(buffer: all).uppercased()))
                outbound.finish()
            }
        })
}
