public import DaemonKit
import DaemonKitLogging
public import Logging
public import ServiceLifecycle

extension Context {
    /// Runs services until the daemon is told to stop: from `phase` on they shut down gracefully, the last one first.
    ///
    /// The signals stay the daemon's. A service that ends before anybody has asked it to, or throws, ends the others and
    /// the daemon, with an error that has its name. Cancelling main's task does not reach the services, but when the grace
    /// period is about to end.
    ///
    /// Where the daemon's readiness is `.automatic`, this says that it serves; a daemon that knows better says so itself
    /// with `.explicit`.
    ///
    /// - Parameters:
    ///   - services: Started in this order, beside each other.
    ///   - logger: For what ServiceLifecycle has to say; the daemon's log by default.
    ///   - phase: When they shut down. Not before `.draining` where one of them serves clients: until then connections
    ///     arrive that were on their way.
    public func run(
        _ services: any Service..., logger: Logger? = nil, shutDownAt phase: StopPhase = .draining
    ) async throws {
        try await run(services, logger: logger, shutDownAt: phase)
    }

    /// The same for an array.
    public func run(
        _ services: [any Service], logger: Logger? = nil, shutDownAt phase: StopPhase = .draining
    ) async throws {
        try await run(
            ServiceGroupConfiguration(services: services, logger: logger ?? self.logger("lifecycle")), shutDownAt: phase
        )
    }

    /// The same for those who say more about each service. Signals in the configuration are left out: they are the
    /// daemon's.
    public func run(
        _ configuration: ServiceGroupConfiguration, shutDownAt phase: StopPhase = .draining
    ) async throws {
        if daemon.readiness == .automatic { try ready() }
        try await runServices(configuration, shutDownAt: phase)
    }

    /// Runs them, and says nothing of readiness.
    package func runServices(
        _ configuration: ServiceGroupConfiguration, shutDownAt phase: StopPhase = .draining
    ) async throws {
        var configuration = configuration
        configuration.gracefulShutdownSignals = []
        configuration.cancellationSignals = []
        configuration.services = configuration.services.map { named($0) }
        // The last one, so that its end is the beginning of the others'.
        configuration.services.append(
            .init(
                service: StopService(stop: stop, phase: phase), successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .cancelGroup))
        let group = ServiceGroup(configuration: configuration)
        // A task of its own: where main's is cancelled at the stop, the services still have requests to finish.
        let running = Task { try await group.run() }
        let isPatient = daemon.cancelsMain == .atGrace
        try await withTaskCancellationHandler {
            try await running.value
        } onCancel: {
            if isPatient { running.cancel() }
        }
    }

    private func named(
        _ service: ServiceGroupConfiguration.ServiceConfiguration
    ) -> ServiceGroupConfiguration.ServiceConfiguration {
        let mayEnd = service.successTerminationBehavior.description != "cancelGroup"
        var named = service
        named.service = NamedService(base: service.service, name: service.serviceName, stop: stop, mayEnd: mayEnd)
        return named
    }

    /// The daemon's stop as a service for a group that is run by somebody else: it ends when the daemon is to drain, and
    /// the group shuts down with it. The group must not take signals.
    public var stopService: ServiceGroupConfiguration.ServiceConfiguration {
        .init(
            service: StopService(stop: stop, phase: .draining), successTerminationBehavior: .gracefullyShutdownGroup)
    }
}

/// Ends when the daemon is told to stop, and its group with it.
struct StopService: Service, CustomStringConvertible {
    let stop: Stop
    let phase: StopPhase

    var description: String { "the daemon's stop" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await reached in stop.phases where reached >= phase { return }
        }
    }
}

/// A service whose failure has its name.
struct NamedService: Service, CustomStringConvertible {
    let base: any Service
    let name: String
    let stop: Stop
    let mayEnd: Bool

    var description: String { name }

    func run() async throws {
        do {
            try await base.run()
        } catch is CancellationError where Task.isCancelled {
            throw CancellationError()
        } catch {
            throw DaemonError("service \(name) failed: \(error)")
        }
        if !mayEnd, !Task.isShuttingDownGracefully, !Task.isCancelled, stop.phase == .running {
            throw DaemonError("service \(name) ended, although nobody has asked it to")
        }
    }
}
