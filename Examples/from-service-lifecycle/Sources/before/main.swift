import Logging
import ServiceLifecycle

struct Ticker: Service {
    let name: String
    let interval: Duration
    let logger = Logger(label: "ticker")

    func run() async throws {
        for await _ in AsyncTimer(every: interval).cancelOnGracefulShutdown() {
            logger.info("tick", metadata: ["name": "\(name)"])
        }
        logger.info("ticker ended", metadata: ["name": "\(name)"])
    }
}

struct Flusher: Service {
    let logger = Logger(label: "flusher")

    func run() async throws {
        try await gracefulShutdown()
        try await Task.sleep(for: .milliseconds(300))
        logger.info("flushed everything")
    }
}

struct AsyncTimer: AsyncSequence, Sendable {
    let every: Duration

    struct AsyncIterator: AsyncIteratorProtocol {
        let every: Duration
        mutating func next() async -> Void? { try? await Task.sleep(for: every) }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(every: every) }
}

LoggingSystem.bootstrap(StreamLogHandler.standardError)
let group = ServiceGroup(
    services: [Flusher(), Ticker(name: "fast", interval: .seconds(1)), Ticker(name: "slow", interval: .seconds(5))],
    gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "app"))
try await group.run()
