import DaemonKit
import DaemonKitHummingbird
import DaemonKitLogging
import Hummingbird

let greeting = Option("greeting", default: "hello", help: "What clients are told")

genericMain(
    Daemon("hello", version: "1.0", summary: "A Hummingbird server as a daemon.", listens: [.stream], port: 8080),
    options: .standard + [greeting]
) { context in
    context.bootstrapLogging()

    let router = Router()
    router.add(middleware: LogRequestsMiddleware(.debug))
    router.get("/") { _, _ in context[greeting] + "\n" }
    router.get("/slow") { _, _ in
        try await Task.sleep(for: .seconds(2))
        return "slowly\n"
    }

    try await context.serve(Application(router: router))
}
