import DaemonKit
import DaemonKitLogging
import DaemonTestKit
import Logging
import Testing

@Suite("DaemonKitLogging")
struct LoggingTests {
    private let test: TestContext
    private var context: Context { test.context }

    init() throws { test = try TestContext(Daemon("logd", version: "1")) }

    @Test("a record has the label, then all metadata in the keys' order: what was said nearer to the event wins")
    func metadata() throws {
        var logger = Logger(label: "web") { label in
            DaemonLogHandler(
                test.context.log, label: label,
                metadataProvider: .init { ["b": "of the provider", "c": "of the provider"] })
        }
        logger[metadataKey: "a"] = "of the logger"
        logger[metadataKey: "b"] = "of the logger"
        logger.notice("said", metadata: ["c": "of the event", "d": ["x", "y"]])
        let ending = "NOTICE said label=web a=of the logger b=of the provider c=of the event d=[\"x\", \"y\"]\n"
        #expect(test.log.hasSuffix(ending), "\(test.log)")
    }

    @Test("an error of the event is a field")
    func error() throws {
        context.logger("x").error("failed", error: DaemonError("no fuel"))
        #expect(test.log.hasSuffix("ERROR failed label=x error=no fuel\n"), "\(test.log)")
    }

    @Test("every level is the daemon's of the same name", arguments: Logger.Level.allCases)
    func levels(_ level: Logger.Level) throws {
        context.log.level = .trace
        context.logger("x").log(level: level, "said")
        #expect(test.log.hasSuffix("\(level.rawValue.uppercased()) said label=x\n"), "\(test.log)")
    }

    @Test("the daemon's level counts, also when it changes, until a logger has one of its own")
    func threshold() throws {
        var logger = context.logger("x")
        logger.debug("one")
        context.log.level = .debug
        logger.debug("two")
        context.log.level = .error
        logger.warning("three")
        logger.logLevel = .debug
        logger.debug("four")
        let said = test.log.split(separator: "\n").compactMap { line in
            ["one", "two", "three", "four"].first { line.contains(" \($0) ") }
        }
        #expect(said == ["two", "four"])
    }

    @Test("a message cannot forge a line")
    func forged() throws {
        context.logger("x").info("one\n2026-01-01 two", metadata: ["k\n": "v\nw"])
        #expect(test.log.split(separator: "\n").count == 1, "\(test.log)")
    }
}
