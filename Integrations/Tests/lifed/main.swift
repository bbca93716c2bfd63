import DaemonKit
import DaemonKitLifecycle
import DaemonKitLogging
import Logging
import ServiceLifecycle

// What the tests of ServiceLifecycle run: services of every fate.

let fate = DaemonKit.Option(
    "fate", choices: ["serve", "return", "throw"], default: "serve", help: "What becomes of the second service")
let cancels = DaemonKit.Option(flag: "cancel-at-stop", help: "Cancel main's task at the stop")
let given =
    (try? OptionValues(
        parsing: Array(CommandLine.arguments.dropFirst()), .standard + [fate, cancels],
        of: Daemon("lifed", version: "1.0"))) ?? OptionValues()

struct Worker: Service, CustomStringConvertible {
    let description: String
    let logger: Logger
    let fate: String

    func run() async throws {
        if fate == "return" { return }
        if fate == "throw" { throw DaemonError("no fuel") }
        try await gracefulShutdown()
        logger.notice("\(self) finishes", metadata: ["cancelled": "\(Task.isCancelled)"])
        try await Task.sleep(for: .milliseconds(50))
        logger.notice("\(self) has finished", metadata: ["cancelled": "\(Task.isCancelled)"])
    }
}

genericMain(
    Daemon("lifed", version: "1.0", cancelsMain: given[cancels] ? .atStop : .atGrace),
    options: .standard + [fate, cancels]
) { context in
    context.bootstrapLogging()
    let logger = Logger(label: "lifed")
    try await context.run(
        Worker(description: "first", logger: logger, fate: "serve"),
        Worker(description: "second", logger: logger, fate: context[fate]))
}
