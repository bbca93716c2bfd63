import DaemonKit
import DaemonKitHummingbird
import DaemonKitLogging
import DaemonKitTLS
import Hummingbird
import HummingbirdTLS

genericMain(
    Daemon("secure", version: "1.0", listens: [.stream], port: 8443), options: .standard + TLS.options,
    check: { try TLS($0) },
    main: { (context, tls: TLS?) async throws in
        context.bootstrapLogging()
        tls?.reload(with: context)
        let router = Router()
        router.get("/") { _, _ in "hello\n" }
        try await context.serve(
            Application(router: router, server: tls.map { try .tls(tlsConfiguration: $0.configuration) } ?? .http1()))
    })
