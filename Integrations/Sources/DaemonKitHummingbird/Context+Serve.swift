public import DaemonKit
import DaemonKitLifecycle
import DaemonKitNIO
public import Hummingbird

extension Context {
    /// Serves a Hummingbird application on the daemon's listeners until the last request is answered.
    ///
    /// The application is run as it is, with its routes, protocols, services and processes before the start; only where it
    /// listens is the daemon's matter. `ready()` is called when it accepts. From the stop on, HTTP/1 clients are told
    /// `Connection: close`; when the daemon drains, the application shuts down gracefully.
    ///
    /// - Parameters:
    ///   - app: Made here, where that is the first to use SwiftNIO's event loops: they then have the number that suits
    ///     this worker. Its address is not used.
    ///   - probes: Paths that are answered before the application sees them; nil for none.
    /// - Throws: What the application throws, and a `DaemonError` where the daemon has no stream listener.
    public func serve<App: ApplicationProtocol>(
        _ app: @autoclosure () async throws -> App, probes: Probes? = Probes()
    ) async throws {
        sizeEventLoops()
        guard listeners.contains(where: { $0.kind == .stream }) else {
            throw DaemonError("there is no stream listener: let the Daemon say listens: [.stream]")
        }
        let app = try await app()
        let adopted = AdoptedApplication(base: app, context: self, probes: probes)
        try await runServices(.init(services: [.init(service: adopted, serviceName: "\(app)")], logger: app.logger))
        try adopted.outcome.get()
    }
}

/// Where a probe asks how the daemon is.
public struct Probes: Sendable {
    /// 200 as long as the process answers.
    public var health: String
    /// 200 while clients are to come here; 503 when the daemon is paused or is to stop.
    public var readiness: String

    public init(health: String = "/healthz", readiness: String = "/readyz") {
        self.health = health
        self.readiness = readiness
    }
}
