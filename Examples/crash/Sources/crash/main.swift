import DaemonKit
import DaemonKitHummingbird
import DaemonKitLogging
import Hummingbird

// A programmer's mistake in a route: the other workers serve on, and the log says where it happened.

genericMain(Daemon("crash", version: "1.0", listens: [.stream], port: 8080)) { context in
    context.bootstrapLogging()
    let words = ["zero", "one", "two"]
    let router = Router()
    router.get("/word/:number") { _, request in
        words[try request.parameters.require("number", as: Int.self)] + "\n"
    }
    try await context.serve(Application(router: router))
}
