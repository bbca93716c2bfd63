import DaemonKit
import DaemonKitHummingbird
import DaemonKitLogging
import Hummingbird

let database = Option("database", default: "connect_timeout=5", help: "Where PostgreSQL is, as libpq writes it")
let connections = Option("connections", default: 4, in: 1...100, help: "Connections of each worker")

genericMain(
    Daemon("hits", version: "1.0", listens: [.stream], port: 8080), options: .standard + [database, connections],
    // Before anybody is told that it serves: where this throws, the start has failed, and says why.
    prepare: { context in try await Pool(context[database], count: context[connections]) },
    main: { (context, pool: Pool) async throws in
        context.bootstrapLogging()
        let router = Router()
        router.get("/") { _, _ in try await pool.query("SELECT nextval('hits')") + "\n" }
        try await context.serve(Application(router: router))
    })
