import Testing
import Text
import Unix

@testable import DaemonCore

@Suite("Log", .timeLimit(.minutes(20)))
struct LogTests {
    private let folder = TemporaryFolder()

    private func lines() throws -> [Substring] { try folder.contents("log").split(separator: "\n") }

    @Test("each level's function writes a line of its level, with metadata")
    func levels() throws {
        let log = try Log.testing(folder["log"])
        log.debug("a")
        log.info("b")
        log.notice("c")
        log.warning("d")
        log.error("e")
        log.critical("f")
        log.alert("g")
        log.emergency("h", metadata: ["key": "value"])
        let words = try lines().map { $0.split(separator: " ").dropFirst(5).joined(separator: " ") }
        #expect(
            words == [
                "DEBUG a", "INFO b", "NOTICE c", "WARNING d", "ERROR e", "CRITICAL f", "ALERT g",
                "EMERGENCY h key=value",
            ])
    }

    @Test("a line names the daemon, and the process that writes")
    func identity() throws {
        try Log.testing(folder["log"]).info("x")
        #expect(try lines()[0].contains(": testd pid=\(CurrentProcess.id) INFO x"))
    }

    @Test("below the log's level nothing is written, and the message is not even made")
    func threshold() throws {
        let log = try Log.testing(folder["log"], level: .warning)
        var made = 0
        func message() -> String {
            made += 1
            return "x"
        }
        for level in LogLevel.allCases { log.log(level, message()) }
        #expect(made == 5)
        #expect(try lines().count == 5)
    }

    @Test("metadata is any sequence of pairs: a literal or tuples with the same key twice, or a dictionary")
    func metadata() throws {
        let log = try Log.testing(folder["log"])
        log.log(.info, "literal", metadata: ["b": "1", "a": "2", "b": "3"])
        log.log(.info, "tuples", metadata: [("b", "1"), ("a", "2"), ("b", "3")])
        log.log(.info, "lazy", metadata: (1...2).lazy.map { (key: "n", value: "\($0)") })
        let dictionary = ["only": "one"]
        log.log(.info, "dictionary", metadata: dictionary)
        let endings = ["literal b=1 a=2 b=3", "tuples b=1 a=2 b=3", "lazy n=1 n=2", "dictionary only=one"]
        for (line, ending) in zip(try lines(), endings) { #expect(line.hasSuffix(" INFO \(ending)"), "\(line)") }
    }

    @Test("a record of another logging library, which has levels of its own, is written whatever the log's level is")
    func record() throws {
        let log = try Log.testing(folder["log"], level: .error)
        log.record(.trace, "one", metadata: [(key: "b", value: "1"), (key: "a", value: "2")])
        #expect(try lines().map { $0.hasSuffix(" TRACE one b=1 a=2") } == [true])
    }

    @Test("the author may set the level at run time, down to trace")
    func level() throws {
        let log = try Log.testing(folder["log"], level: .info)
        log.trace("one")
        log.level = .trace
        log.trace("two")
        log.level = .error
        log.warning("three")
        #expect(try lines().count == 1)
        #expect(try lines()[0].hasSuffix(" TRACE two"))
    }

    @Test("as JSON each line is one object")
    func json() throws {
        let log = try Log.testing(folder["log"], format: .json)
        log.info("one\ntwo", metadata: ["key": "value"])
        let line = try #require(try lines().first)
        #expect(line.hasPrefix(#"{"time":""#) && line.hasSuffix(#""message":"one\ntwo","metadata":{"key":"value"}}"#))
    }

    @Test("the file is made with 0600, and what it held stays")
    func appends() throws {
        try Log.testing(folder["log"]).info("one")
        #expect(try FileStatus(path: folder["log"]).mode == 0o600)
        try Log.testing(folder["log"]).info("two")
        #expect(try lines().count == 2)
    }

    @Test("a file that takes nothing is told by its reason")
    func failure() throws {
        let log = try Log.testing("/dev/full")
        #expect(log.fileFailure == nil)
        log.info("lost")
        #expect(log.fileFailure == .noSpace)
    }

    @Test("without any target a record is no harm")
    func nowhere() throws {
        let log = try Log(name: "testd", level: .debug, format: .text, targets: .init(), holdsStandardStreams: false)
        log.info("nowhere")
        #expect(log.descriptor == nil && log.fileFailure == nil)
    }

    @Test("on standard error the lines look as in the file")
    func standardError() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            [path = folder["log"] as String] in
            unsetenv("JOURNAL_STREAM")
            let targets = Log.Targets(file: LogFile(path: path), standardError: true)
            try Log(name: "testd", level: .info, format: .text, targets: targets, holdsStandardStreams: false).info(
                "hello")
        }
        let shown = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        let written = try folder.contents("log")
        #expect(shown.contains(written) && written.hasSuffix("INFO hello\n"))
    }

    @Test("for the journal the lines have their priority instead of the time; the file keeps its form")
    func journal() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            [path = folder["log"] as String] in
            let stream = try FileStatus(descriptor: 2).identity
            setenv("JOURNAL_STREAM", "\(stream.device):\(stream.inode)", 1)
            let targets = Log.Targets(file: LogFile(path: path), standardError: true)
            let log = try Log(name: "testd", level: .info, format: .text, targets: targets, holdsStandardStreams: false)
            log.warning("hello")
        }
        let shown = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(shown.contains(/<4>testd pid=\d+ WARNING hello\n/))
        let written = try folder.contents("log")
        #expect(written.hasPrefix("2") && written.hasSuffix(" WARNING hello\n"))
    }

    @Test("a journal that is elsewhere changes nothing", arguments: ["1:1", "", "nonsense"])
    func otherJournal(stream: String) async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            [stream = stream as String] in
            setenv("JOURNAL_STREAM", stream, 1)
            let log = try Log(
                name: "testd", level: .info, format: .text, targets: .init(standardError: true),
                holdsStandardStreams: false)
            log.warning("hello")
        }
        let shown = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(shown.contains(" WARNING hello\n") && !shown.contains("<4>"))
    }
}
