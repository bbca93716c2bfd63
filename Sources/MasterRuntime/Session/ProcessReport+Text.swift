import DaemonCore
import Supervision
import Text
import Unix

/// What `show proc` and `show metrics` say.
extension ProcessReport {
    static func parts(of format: Format) -> [Part] {
        switch format {
        case .table, .debug: tableParts
        case .json: jsonParts
        case .metrics: metricsParts
        }
    }

    private var failedReloads: Int { host.master.supervisor.failedReloads }
    private var generation: Int { host.master.supervisor.generation }
    private var held: [String] { host.master.supervisor.disabled.sorted() }
    private var version: String { host.version }
    private func restarts(_ service: String) -> Int? { host.master.supervisor.restartCounts[service] }
    /// In seconds.
    private func uptime(_ child: Supervision.Child) -> Int64 { (Master.now - child.spawnedAt).components.seconds }
    private var uptime: Int64 { (Master.now - host.startedAt).components.seconds }

    // MARK: Text

    private static let tableParts: [Part] = {
        var parts = [Part(head: { $0.tableHead })]
        for (kind, title) in [(Program.Kind.worker, "workers"), (.program, "programs")] {
            for isOld in [false, true] {
                parts.append(
                    Part(
                        head: { _ in "# \(isOld ? "old " : "")\(title)\n" },
                        rows: .children { report, child in
                            child.isRetired == isOld && report.kind(child) == kind ? report.row(child) : nil
                        }))
            }
        }
        return parts + [
            Part(head: { report in
                let held = report.held.map { VisibleText.line($0) }
                return held.isEmpty ? "" : "# stopped: \(held.joined(separator: ", "))\n"
            }), Part(head: { _ in "" }, rows: .vacancies { $0.line($1) }),
        ]
    }()

    private var tableHead: String {
        let failures = " [failed: \(failedReloads)]"
        var heads = ["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"]
        let own = ["\(CurrentProcess.id)", "master", "\(host.reloads)\(failures)"]
        var cells = own + [ProcessTable.uptime(Master.now - host.startedAt), version]
        // With everything that an upgrade carries over, for whoever looks for a fault.
        if format == .debug {
            heads += [
                "<instance>", "<generation>", "<state>", "<channel>", "<start>", "<id>", "<restarts>", "<status>",
            ]
            cells += ["-", "\(generation)", "running", "-", seconds(host.startedAt), "0", "-", "-"]
        }
        return ProcessTable.row(heads) + ProcessTable.row(cells)
    }

    private func row(_ child: Supervision.Child) -> String {
        let survived = max(0, generation - child.generation)
        let uptime = ProcessTable.uptime(Master.now - child.spawnedAt)
        var cells = ["\(child.pid)", child.service, "\(survived)", uptime, host.notes[child.id]?.version ?? "-"]
        if format == .debug {
            cells += [
                "\(child.instance + 1)", "\(child.generation)", state(child),
                host.channels.number(of: child.id).map { "\($0)" } ?? "-", seconds(child.spawnedAt), "\(child.id)",
                "\(restarts(child.service) ?? 0)", host.notes[child.id]?.status ?? "-",
            ]
        }
        return ProcessTable.row(cells)
    }

    /// Of the monotonic clock, which an upgrade goes on with.
    private func seconds(_ instant: Instant) -> String { "\(instant.nanoseconds / 1_000_000_000)" }

    // MARK: JSON

    /// One object: the master, and an array of its children.
    private static let jsonParts = [
        Part(head: { $0.jsonHead }, rows: .children { $0.separator + $0.json($1) }),
        Part(head: { _ in "],\"not_running\":[" }, rows: .vacancies { $0.vacancySeparator + $0.json($1) }),
        Part(head: { _ in "]}\n" }),
    ]

    private var jsonHead: String {
        var text = "{\"pid\":\(CurrentProcess.id),\"version\":\(quoted(version)),"
        text += "\"generation\":\(generation),\"reloads\":\(host.reloads),"
        text += "\"failed_reloads\":\(failedReloads),\"reloading\":\(host.master.supervisor.isReloading),"
        text += "\"stopping\":\(host.master.supervisor.stopRequest != nil),\"uptime_seconds\":\(uptime),"
        return text + "\"stopped\":[\(held.map(quoted).joined(separator: ","))],\"children\":["
    }

    private func json(_ child: Supervision.Child) -> String {
        var text = "{\"pid\":\(child.pid),\"service\":\(quoted(child.service)),\"type\":\"\(kind(child).rawValue)\","
        text += "\"instance\":\(child.instance + 1),\"generation\":\(child.generation),\"state\":\"\(state(child))\","
        text += "\"old\":\(child.isRetired),\"uptime_seconds\":\(uptime(child)),"
        text += "\"restarts\":\(restarts(child.service) ?? 0)"
        if let facts = ProcessFacts(of: child.pid) {
            text += ",\"rss_bytes\":\(facts.residentSize),\"cpu_seconds\":\(decimals(facts.processorTime))"
        }
        if let version = host.notes[child.id]?.version { text += ",\"version\":\(quoted(version))" }
        if let status = host.notes[child.id]?.status { text += ",\"status\":\(quoted(status))" }
        return text + "}"
    }

    private func quoted(_ text: String) -> String { JSONText.string(text).text }

    // MARK: Metrics

    /// OpenMetrics 1.0 text: a family's lines stand together, and the end is marked.
    private static let metricsParts = [
        Part(
            head: { report in
                family("daemonkit_generation", "gauge") + "daemonkit_generation \(report.generation)\n"
                    + family("daemonkit_reloads", "counter") + "daemonkit_reloads_total \(report.host.reloads)\n"
                    + family("daemonkit_failed_reloads", "gauge")
                    + "daemonkit_failed_reloads \(report.failedReloads)\n"
                    + family("daemonkit_uptime_seconds", "gauge") + "daemonkit_uptime_seconds \(report.uptime)\n"
            }),
        Part(
            head: { _ in family("daemonkit_restarts", "counter") },
            rows: .services { report, service in
                report.restarts(service).map { "daemonkit_restarts_total{service=\(label(service))} \($0)\n" }
            }),
        perChild("daemonkit_child_up", "gauge") { report, child in
            (",state=\"\(report.state(child))\"", child.phase == .ready ? "1" : "0")
        },
        perChild("daemonkit_child_uptime_seconds", "gauge") { ("", "\($0.uptime($1))") },
        perChild("daemonkit_child_resident_memory_bytes", "gauge") { report, child in
            report.residentSize(child).map { ("", "\($0)") }
        },
        perChild("daemonkit_child_cpu_seconds", "counter") { report, child in
            report.processorTime(child).map { ("", report.decimals($0)) }
        },
        perVacancy("daemonkit_not_running") { _, vacancy in (",state=\"\(vacancy.word)\"", "1") },
        perVacancy("daemonkit_last_exit_status") { _, vacancy in vacancy.status.map { ("", "\($0)") } },
        perVacancy("daemonkit_next_attempt_seconds") { report, vacancy in
            vacancy.wait.map { ("", report.decimals($0)) }
        },
        Part(head: { $0.losses("records", \.records) }),
        Part(head: { $0.losses("bytes", \.bytes) }),
        Part(head: { _ in "# EOF\n" }),
    ]

    /// Of each log that has lost something.
    private func losses(_ unit: String, _ count: (LogLoss) -> Int) -> String {
        let name = "daemonkit_log_lost_\(unit)"
        let losses = host.losses.sorted { $0.log < $1.log }
        return Self.family(name, "counter")
            + losses.map { "\(name)_total{log=\(Self.label($0.log))} \(count($0.loss))\n" }.joined()
    }

    static func family(_ name: String, _ type: String) -> String { "# TYPE \(name) \(type)\n" }

    private static func perChild(
        _ name: String, _ type: String,
        _ sample: @escaping @Sendable (ProcessReport, Supervision.Child) -> (labels: String, value: String)?
    ) -> Part {
        let suffix = type == "counter" ? "_total" : ""
        return Part(
            head: { _ in family(name, type) },
            rows: .children { report, child in
                sample(report, child).map { "\(name)\(suffix){\(report.labels(child))\($0.labels)} \($0.value)\n" }
            })
    }

    private func labels(_ child: Supervision.Child) -> String {
        "service=\(Self.label(child.service)),instance=\"\(child.instance + 1)\",generation=\"\(child.generation)\","
            + "pid=\"\(child.pid)\",type=\"\(kind(child).rawValue)\""
    }

    /// Backslash, quote and line feed are escaped, and nothing else.
    static func label(_ text: String) -> String {
        let special: [UInt8] = [UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "\n")]
        guard text.utf8.contains(where: special.contains) else { return "\"\(text)\"" }
        // By scalars: to Swift a carriage return and a line feed are one character.
        let escapes: [Unicode.Scalar: String] = ["\\": "\\\\", "\"": "\\\"", "\n": "\\n"]
        return "\"" + text.unicodeScalars.map { escapes[$0] ?? String($0) }.joined() + "\""
    }
}
