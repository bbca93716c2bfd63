import TestSupport
import Testing

@testable import daemonctl

@Suite("A master's report", .timeLimit(.minutes(20)))
struct ProcessReportTests {
    private static let text = """
        {"pid":10,"version":"1.2","generation":3,"reloads":2,"failed_reloads":0,"reloading":false,"stopping":false,\
        "uptime_seconds":90,"stopped":[],"children":[{"pid":11,"service":"web","type":"worker","instance":1,"generation":3,\
        "state":"ready","old":false,"uptime_seconds":5,"restarts":4,"rss_bytes":2097152,"cpu_seconds":0.250,"version":"x"},\
        {"pid":12,"service":"log\\u001b[2J","type":"program","state":"starting"},{"pid":-1},{"pid":99999999999},7]}
        """

    private func report(_ text: String) -> ProcessReport? { ProcessReport(Array(text.utf8)) }

    @Test("it is read with what it knows; what has no pid is no child")
    func whole() throws {
        let whole = try #require(report(Self.text))
        #expect(whole.pid == 10 && whole.version == "1.2" && whole.generation == 3 && whole.state == "running")
        #expect(
            whole.children == [
                ProcessReport.Child(
                    pid: 11, service: "web", type: "worker", instance: 1, generation: 3, state: "ready", uptime: 5,
                    restarts: 4, residentSize: 2_097_152, processorSeconds: 0.25),
                ProcessReport.Child(pid: 12, service: "log\u{1B}[2J", type: "program", state: "starting"),
            ])
    }

    @Test("the master's state is told in one word")
    func states() {
        func state(_ members: String) -> String? { report("{\"pid\":1,\"children\":[],\(members)}")?.state }
        #expect(state("\"stopping\":true,\"reloading\":true") == "stopping")
        #expect(state("\"reloading\":true") == "reloading")
        #expect(state("\"failed_reloads\":2") == "reload-failed")
        #expect(report("{\"children\":[]}") == nil && report("[]") == nil && report("Unknown command") == nil)
    }

    @Test("what does not run is a row too, with its state and what comes next")
    func vacancies() throws {
        let found = try #require(
            report(
                """
                {"pid":10,"children":[],"not_running":[{"service":"db","type":"worker","instance":2,"state":"backoff",\
                "last_status":7,"next_attempt_seconds":2.519},{"service":"job","type":"program","instance":1,\
                "state":"failed","last_status":137},{"service":"once","type":"program","state":"finished"},7]}
                """))
        #expect(found.vacancies.count == 4 && found.vacancies[0].nextAttempt == 2.519)
        let rows = TopSample.rows("d", found)
        #expect(rows.map(\.state) == ["running", "backoff 2.5s", "failed 137", "finished", "-"])
        #expect(rows[1].service == "db" && rows[1].instance == 2 && rows[1].pid == nil)
    }

    @Test("rows hold no control character that a terminal would obey")
    func rows() throws {
        let rows = TopSample.rows("d", try #require(report(Self.text)))
        #expect(rows.map(\.type) == ["master", "worker", "program"])
        let text = TopSample(rows: rows).table.text
        #expect(!text.contains("\u{1B}") && text.contains("log\\u{1B}[2J"), "\(text)")
        #expect(text.contains("0d00h00m05s         4  2.0M"), "\(text)")
    }

    @Test("no change of it does harm", arguments: 0..<40 as Range<UInt64>)
    func fuzz(seed: UInt64) {
        var dice = Seeded(seed)
        for _ in 0..<100 {
            var bytes = Array(Self.text.utf8)
            for _ in 0..<5 {
                switch Int.random(in: 0..<3, using: &dice) {
                case 0: bytes.removeLast()
                case 1: bytes[Int.random(in: bytes.indices, using: &dice)] = UInt8.random(in: 0...255, using: &dice)
                default:
                    let place = Int.random(in: 0...bytes.count, using: &dice)
                    bytes.insert(Array("[]{},:\"\\u0".utf8).randomElement(using: &dice) ?? 0, at: place)
                }
                _ = ProcessReport(bytes)
            }
        }
    }
}
