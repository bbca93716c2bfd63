import Configuration
import DaemonKit
import DaemonKitConfiguration
import DaemonKitHummingbird
import DaemonKitLogging
import Hummingbird

struct Settings: Sendable {
    let greeting: String

    init(_ reader: ConfigReader) throws {
        greeting = try reader.requiredString(forKey: "greeting")
        if greeting.isEmpty { throw DaemonError("the greeting is empty") }
    }
}

genericMain(
    Daemon("greetd", version: "1.0", listens: [.stream], port: 8080), options: .standard + configurationOptions,
    check: { try DaemonConfiguration($0, Settings.init) },
    main: { (context, configuration: DaemonConfiguration<Settings>) async throws in
        context.bootstrapLogging()
        configuration.reload(with: context)
        let router = Router()
        router.get("/") { _, _ in configuration.current.greeting + "\n" }
        try await context.serve(Application(router: router))
    })
