import DaemonKit
import DaemonKitNIO
import NIOCore
import NIOPosix

// What the tests of SwiftNIO run: upper case for every line, classic handlers or asynchronous channels; and for datagrams.

let style = Option("style", choices: ["handlers", "async"], default: "handlers", help: "How connections are written")

final class Upper: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let text = String(buffer: Self.unwrapInboundIn(data))
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: text.uppercased())), promise: nil)
    }
}

final class UpperDatagrams: ChannelInboundHandler, Sendable {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let asked = Self.unwrapInboundIn(data)
        let answer = ByteBuffer(string: String(buffer: asked.data).uppercased())
        context.writeAndFlush(
            Self.wrapOutboundOut(AddressedEnvelope(remoteAddress: asked.remoteAddress, data: answer)), promise: nil)
    }
}

genericMain(
    Daemon("lined", version: "1.0", listens: [.stream, .datagram], port: 7000), options: .standard + [style]
) { context in
    context.sizeEventLoops()
    context.log.notice("\(context.eventLoopCount) event loops")
    context.stop.on(.stopping) { context.log.notice("stopping") }
    try await withThrowingTaskGroup { tasks in
        tasks.addTask { try await serveDatagrams(context) }
        tasks.addTask {
            if context[style] == "handlers" { try await serveHandlers(context) } else { try await serveAsync(context) }
        }
        try await tasks.waitForAll()
    }
}

@Sendable func bootstrap() -> ServerBootstrap { ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton) }

@Sendable func serveDatagrams(_ context: Context) async throws {
    try await context.serve(
        DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(UpperDatagrams())
            }
        })
}

@Sendable func serveHandlers(_ context: Context) async throws {
    try await context.serve(
        bootstrap().childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Upper()) }
        })
}

@Sendable func serveAsync(_ context: Context) async throws {
    try await context.serve(
        bootstrap(),
        child: { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        },
        handle: { client in
            try await client.executeThenClose { inbound, outbound in
                for try await buffer in inbound {
                    try await outbound.write(ByteBuffer(string: String(buffer: buffer).uppercased()))
                }
            }
        })
}
