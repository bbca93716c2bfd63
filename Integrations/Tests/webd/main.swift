import DaemonKit
import DaemonKitHummingbird
import DaemonKitLogging
import DaemonKitTLS
import Foundation
import Hummingbird
import HummingbirdHTTP2
import HummingbirdTLS
import Logging
import ServiceLifecycle

// What the tests of the web run: a route for each question.

let http2 = DaemonKit.Option(flag: "http2", help: "HTTP/2 where the client takes it, with TLS")
let logged = DaemonKit.Option(flag: "own-level", help: "Let the logger 'own' have a level of its own, debug")

struct Noted: Service {
    let logger: Logger
    func run() async throws {
        try await gracefulShutdown()
        logger.info("a service of the application has ended")
    }
}

genericMain(
    Daemon("webd", version: "1.0", listens: [.stream], port: 8080, readiness: .explicit),
    options: .standard + TLS.options + [http2, logged],
    check: { try TLS($0) },
    main: { (context, tls: TLS?) async throws in
        let provider = Logger.MetadataProvider { ["provided": "always"] }
        context.bootstrapLogging(metadataProvider: provider)
        tls?.reload(with: context)
        var own = Logger(label: "own")
        if context[logged] { own.logLevel = .debug }
        own[metadataKey: "of-logger"] = "yes"
        let logger = own
        let router = Router()
        router.get("/") { _, _ in "hello from \(getpid())\n" }
        router.get("/slow") { _, _ in
            // Longer than between the phases of the stop.
            logger.notice("slow begins")
            await context.stop.wait()
            try await Task.sleep(for: .milliseconds(500))
            return "slow\n"
        }
        router.get("/log") { _, context in
            logger.debug("one \"quoted\" message", metadata: ["a": "1", "provided": "no"])
            logger.info("asked")
            return "logged\n"
        }
        router.get("/threads") { _, _ in
            "\(try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count)\n"
        }
        var app = Application(
            router: router,
            server: try tls.map { tls in
                try context[http2]
                    ? .http2Upgrade(tlsConfiguration: tls.configuration) : .tls(tlsConfiguration: tls.configuration)
            } ?? .http1(),
            configuration: .init(serverName: "webd"), services: [Noted(logger: logger)])
        app.beforeServerStarts { logger.notice("before the server starts") }
        try await context.serve(app)
    })
