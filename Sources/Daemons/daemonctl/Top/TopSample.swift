import DaemonKit
import MasterRuntime
import Text
import Unix

/// A process of a daemon at one moment.
struct TopRow: Equatable {
    let daemon: String
    /// When it was looked at.
    let time: MonotonicTime
    var pid: ProcessID?
    /// `master`, `worker`, `program`, or `daemon` where it has no master.
    var type = "daemon"
    var service: String?
    var instance: Int?
    var generation: Int?
    var state: String
    /// In seconds.
    var uptime: Int?
    var restarts: Int?
    /// In bytes.
    var residentSize: Int?
    var processorSeconds: Double?
    /// Of one processor in percent, since the look before.
    var load: Double?

    init(_ daemon: String, state: String) {
        self.daemon = daemon
        self.state = state
        time = .now
    }

    /// What the kernel tells of the process.
    fileprivate mutating func ask(_ pid: ProcessID) {
        self.pid = pid
        guard let facts = ProcessFacts(of: pid) else { return }
        uptime = Int(facts.age.components.seconds)
        residentSize = facts.residentSize
        processorSeconds = Double(facts.processorTime.inNanoseconds) / 1e9
    }
}

/// All processes of the daemons at one moment.
struct TopSample {
    private(set) var rows: [TopRow] = []

    /// A master that does not answer must not keep the others from being seen.
    private static let answerLimit = Duration.seconds(1)

    init(_ daemons: [ConfiguredDaemon], since earlier: TopSample? = nil) {
        rows = daemons.flatMap(Self.rows)
        if let earlier { measure(since: earlier) }
    }

    /// For tests.
    init(rows: [TopRow]) { self.rows = rows }

    private static func rows(_ daemon: ConfiguredDaemon) -> [TopRow] {
        guard let path = daemon.controlSocket else { return [plainRow(daemon)] }
        do {
            let answer = try ControlClient(path).ask("show proc json", within: answerLimit)
            guard let report = ProcessReport(Array(answer.utf8)) else { return [plainRow(daemon)] }
            return rows(daemon.name, report)
        } catch .absent {
            return [plainRow(daemon)]
        } catch {
            var row = plainRow(daemon)
            row.state = error == .silent ? "no-answer" : error == .denied ? "denied" : row.state
            return [row]
        }
    }

    /// Of a daemon without a master: what the lock and the kernel tell.
    private static func plainRow(_ daemon: ConfiguredDaemon) -> TopRow {
        let finding = daemon.instance.look()
        var row = TopRow(daemon.name, state: finding.word)
        if case .running(let process) = finding { row.ask(process.pid) }
        return row
    }

    static func rows(_ daemon: String, _ report: ProcessReport) -> [TopRow] {
        var master = TopRow(daemon, state: report.state)
        master.type = "master"
        master.ask(report.pid)
        master.generation = report.generation
        master.uptime = report.uptime
        return [master]
            + report.children.map { child in
                var row = TopRow(daemon, state: child.state ?? "-")
                row.pid = child.pid
                row.type = child.type ?? "-"
                row.service = child.service
                row.instance = child.instance
                row.generation = child.generation
                row.uptime = child.uptime
                row.restarts = child.restarts
                row.residentSize = child.residentSize
                row.processorSeconds = child.processorSeconds
                return row
            }
            + report.vacancies.map { vacancy in
                var row = TopRow(daemon, state: state(of: vacancy))
                row.type = vacancy.type ?? "-"
                row.service = vacancy.service
                row.instance = vacancy.instance
                return row
            }
    }

    /// `backoff 2.5s`, `failed 137`
    private static func state(of vacancy: ProcessReport.Vacancy) -> String {
        let word = vacancy.state ?? "-"
        if let time = vacancy.nextAttempt { return "\(word) \(DecimalText.tenths(time))s" }
        guard word == "failed", let status = vacancy.status else { return word }
        return "\(word) \(status)"
    }

    /// A pid may mean another process by now: its processor time would have gone back.
    private mutating func measure(since earlier: TopSample) {
        let before = Dictionary(
            earlier.rows.compactMap { row in row.pid.map { ($0, row) } }, uniquingKeysWith: { first, _ in first })
        for index in rows.indices {
            guard let pid = rows[index].pid, let old = before[pid], let used = rows[index].processorSeconds,
                let usedBefore = old.processorSeconds, used >= usedBefore
            else { continue }
            let time = Double((rows[index].time - old.time).inNanoseconds) / 1e9
            if time > 0 { rows[index].load = (used - usedBefore) / time * 100 }
        }
    }

    // MARK: Text

    var table: TextTable {
        var table = TextTable(
            [
                "DAEMON", "PID", "TYPE", "SERVICE", "INSTANCE", "GENERATION", "STATE", "UPTIME", "RESTARTS", "RSS",
                "CPU%",
            ], rightAligned: [1, 4, 5, 7, 8, 9, 10])
        table.rows = rows.map { row in
            [
                row.daemon, Self.text(row.pid), row.type, row.service ?? "-",
                Self.text(row.instance), Self.text(row.generation), row.state,
                row.uptime.map { ProcessTable.uptime(.seconds($0)) } ?? "-", Self.text(row.restarts),
                row.residentSize.map(Self.size) ?? "-", row.load.map(DecimalText.tenths) ?? "-",
            ]
        }
        return table
    }

    private static func text(_ number: (some BinaryInteger)?) -> String { number.map { "\($0)" } ?? "-" }

    /// `12.3M`
    static func size(_ bytes: Int) -> String {
        let units = [(1 << 30, "G"), (1 << 20, "M")]
        let unit = units.first { bytes >= $0.0 } ?? (1 << 10, "K")
        return DecimalText.tenths(Double(bytes) / Double(unit.0)) + unit.1
    }

    var json: String {
        JSONText.lines(
            rows.map { row in
                JSONText.object([
                    "daemon": .string(row.daemon), "pid": .number(row.pid), "type": .string(row.type),
                    "service": .string(row.service), "instance": .number(row.instance),
                    "generation": .number(row.generation), "state": .string(row.state),
                    "uptime_seconds": .number(row.uptime), "restarts": .number(row.restarts),
                    "rss_bytes": .number(row.residentSize), "cpu_percent": .number(row.load),
                ])
            })
    }
}

extension RunningInstance.Finding {
    /// For tables and machines.
    var word: String {
        switch self {
        case .running, .unseen: "running"
        case .starting: "starting"
        case .dead: "dead"
        case .notRunning: "stopped"
        case .unknown: "unknown"
        }
    }

    var pid: ProcessID? {
        switch self {
        case .running(let process): process.pid
        case .unseen(let pid, _): pid
        case .starting, .dead, .notRunning, .unknown: nil
        }
    }
}
