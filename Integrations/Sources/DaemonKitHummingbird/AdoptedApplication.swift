import DaemonKit
import DaemonKitNIO
import Hummingbird
import HummingbirdCore
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import ServiceLifecycle

/// An application whose clients come from the daemon's listeners.
///
/// Hummingbird can only bind. So it binds to a socket that nobody can connect to, and its server channel is given the
/// clients that our own channels accept, as if it had accepted them itself: everything behind is Hummingbird's.
struct AdoptedApplication<Base: ApplicationProtocol>: ApplicationProtocol {
    let base: Base
    let context: DaemonKit.Context
    let probes: Probes?
    let outcome = Outcome()
    private let seat: Seat

    init(base: Base, context: DaemonKit.Context, probes: Probes?) {
        self.base = base
        self.context = context
        self.probes = probes
        seat = Seat()
    }

    var responder: DrainingResponder<Base.Responder> {
        get async throws { DrainingResponder(base: try await base.responder, context: context, probes: probes) }
    }

    var server: HTTPServerBuilder { base.server }
    var eventLoopGroup: any EventLoopGroup { base.eventLoopGroup }
    var logger: Logger { base.logger }
    var services: [any Service] { base.services }
    var processesRunBeforeServerStart: [@Sendable () async throws -> Void] { base.processesRunBeforeServerStart }

    var configuration: ApplicationConfiguration {
        var configuration = base.configuration
        configuration.address = seat.address
        return configuration
    }

    func onServerRunning(_ channel: any Channel) async {
        seat.vacate()
        do {
            try await adopt(into: channel)
            await base.onServerRunning(channel)
            try context.ready()
        } catch {
            outcome.fail(error)
            context.stop.request()
        }
    }

    private func adopt(into server: any Channel) async throws {
        let gate = Gate(context)
        for listener in context.listeners where listener.kind == .stream {
            let bootstrap = ServerBootstrap(group: base.eventLoopGroup)
                .serverChannelOption(.autoRead, value: false)
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Forwarder(to: server, through: gate))
                    }
                }
            let channel = try await bootstrap.withBoundSocket(try listener.duplicate()).get()
            context.restoreBacklog(of: listener)
            gate.add(channel)
            server.closeFuture.whenComplete { _ in
                channel.close(promise: nil)
                listener.stopListening()
            }
        }
        try await server.eventLoop.submit {
            try server.pipeline.syncOperations.addHandler(gate.handler, position: .first)
        }.get()
        gate.open()
    }
}

/// What went wrong where nothing can be thrown.
final class Outcome: Sendable {
    private let error = NIOLockedValueBox<(any Error)?>(nil)

    func fail(_ failure: any Error) { error.withLockedValue { $0 = $0 ?? failure } }
    func get() throws { if let failure = error.withLockedValue(\.self) { throw failure } }
}
