import Configuration
import DaemonKit
import DaemonKitConfiguration
import DaemonKitMetrics
import Metrics

// What the tests of swift-configuration and swift-metrics run: what it is told to greet, and how often it was read.

struct Settings: Sendable {
    let greeting: String
    let clients: Int
}

genericMain(
    Daemon("confd", version: "1.0"), options: .standard + configurationOptions,
    check: { values in
        try DaemonConfiguration(values) { reader in
            let clients = reader.int(forKey: "http.maxClients", default: 10)
            guard clients > 0 else { throw DaemonError("http.maxClients must be positive, not \(clients)") }
            return Settings(greeting: try reader.requiredString(forKey: "greeting"), clients: clients)
        }
    },
    main: { (context, configuration: DaemonConfiguration<Settings>) async throws in
        context.bootstrapMetrics()
        let reads = Counter(label: "config.reads", dimensions: [("worker", "\(context.workerNumber)")])
        reads.increment()
        let tell: @Sendable (Settings) -> Void = { settings in
            context.log.notice("greeting=\(settings.greeting) clients=\(settings.clients)")
        }
        tell(configuration.current)
        configuration.onChange { settings in
            reads.increment()
            tell(settings)
        }
        configuration.reload(with: context)
        try context.ready()
        await context.stop.wait()
    })
