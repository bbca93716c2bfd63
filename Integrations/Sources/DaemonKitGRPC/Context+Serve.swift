public import DaemonKit
import DaemonKitLifecycle
import DaemonKitLogging
import DaemonKitNIO
public import GRPCCore
public import GRPCNIOTransportHTTP2Posix
import NIOCore
import ServiceLifecycle

extension Context {
    /// Serves gRPC on the daemon's stream listeners until the last call has ended. `ready()` is called when all of them
    /// accept. Accepting ends with the first phase of the stop; when the daemon drains, clients are told to go away, and
    /// the calls that they have begun are finished.
    ///
    /// - Parameters:
    ///   - services: What is called.
    ///   - security: `.plaintext`, or `.tls(tls)` with a `TLS` of DaemonKitTLS.
    ///   - interceptors: They see each call first.
    ///   - configure: Changes the transport's configuration.
    /// - Throws: What the server throws, and a `DaemonError` where the daemon has no stream listener.
    public func serve(
        _ services: [any RegistrableRPCService],
        security: HTTP2ServerTransport.Posix.TransportSecurity = .plaintext,
        interceptors: [any ServerInterceptor] = [],
        configure: (inout HTTP2ServerTransport.Posix.Config) -> Void = { _ in }
    ) async throws {
        sizeEventLoops()
        let listeners = listeners.filter { $0.kind == .stream }
        guard !listeners.isEmpty else {
            throw DaemonError("there is no stream listener: let the Daemon say listens: [.stream]")
        }
        let opening = Opening(self, count: listeners.count)
        let servers = try listeners.map { listener in
            var configuration = HTTP2ServerTransport.Posix.Config.defaults(configure: configure)
            let next = configuration.channelDebuggingCallbacks.onBindTCPListener
            configuration.channelDebuggingCallbacks.onBindTCPListener = { channel in
                follow(channel)
                // Behind this callback the channel is registered, calls listen(2) and accepts.
                channel.eventLoop.execute {
                    restoreBacklog(of: listener)
                    opening.isOpen()
                }
                return next?(channel) ?? channel.eventLoop.makeSucceededVoidFuture()
            }
            let transport = HTTP2ServerTransport.Posix(
                listeningSocketDescriptor: Int(try listener.duplicate()), transportSecurity: security,
                config: configuration)
            return ServerService(
                server: GRPCServer(transport: transport, services: services, interceptors: interceptors),
                listener: listener)
        }
        try await runServices(.init(services: servers, logger: logger("grpc")))
        try opening.outcome()
    }
}

/// One server as a service, for its graceful shutdown.
struct ServerService: Service, CustomStringConvertible {
    let server: GRPCServer<HTTP2ServerTransport.Posix>
    let listener: Listener

    var description: String { "gRPC at \(listener.address)" }

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await server.serve()
        } onGracefulShutdown: {
            server.beginGracefulShutdown()
            listener.stopListening()
        }
    }
}
