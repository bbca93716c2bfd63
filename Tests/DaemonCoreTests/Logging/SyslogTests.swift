import Testing
import Unix

@testable import DaemonCore

/// The socket's path is the system's own, so only its absence can be tried here.
@Suite(
    "Syslog", .enabled(if: (try? FileStatus(path: "/dev/log")) == nil, "there is a syslog here"),
    .timeLimit(.minutes(20)))
struct SyslogTests {
    @Test("without a logger records are counted only, and nobody waits or is told")
    func absent() {
        let syslog = Syslog()
        syslog.connect()
        for _ in 0..<10_000 {
            syslog.write(Array("record".utf8)) { lost in
                Issue.record("told of \(lost)")
                return []
            }
        }
    }

    @Test("a log without a logger writes its file all the same")
    func besideFile() throws {
        let folder = TemporaryFolder()
        let targets = Log.Targets(file: LogFile(path: folder["log"]), syslog: Syslog())
        let log = try Log(name: "testd", level: .debug, format: .text, targets: targets, holdsStandardStreams: false)
        for _ in 0..<10 { log.info("x") }
        #expect(try folder.contents("log").split(separator: "\n").count == 10)
    }
}
