import Supervision
import Unix

/// The processes of a master, as HAProxy's `show proc` lists them.
package struct ProcessTable {
    private let supervisor: Supervisor
    private let reloads: Int
    private let startedAt: Instant
    private let version: String
    private let notes: [Supervision.Child.ID: ChildNote]
    /// The master's ends, by child.
    private let channels: [Supervision.Child.ID: Int32]

    init(
        _ supervisor: Supervisor, reloads: Int, startedAt: Instant, version: String,
        notes: [Supervision.Child.ID: ChildNote], channels: [Supervision.Child.ID: Int32]
    ) {
        self.supervisor = supervisor
        self.reloads = reloads
        self.startedAt = startedAt
        self.version = version
        self.notes = notes
        self.channels = channels
    }

    // MARK: Text

    var text: String {
        table(["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"]) { _ in [] }
    }

    /// With everything that an upgrade carries over, for whoever looks for a fault.
    var debugText: String {
        let more = ["<instance>", "<generation>", "<state>", "<channel>", "<start>", "<id>", "<restarts>", "<status>"]
        return table(["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"] + more) { child in
            guard let child else {
                return ["-", "\(supervisor.generation)", "running", "-", seconds(startedAt), "0", "-", "-"]
            }
            return [
                "\(child.instance + 1)", "\(child.generation)", state(child), channels[child.id].map { "\($0)" } ?? "-",
                seconds(child.spawnedAt), "\(child.id)", "\(supervisor.restartCounts[child.service] ?? 0)",
                notes[child.id]?.status ?? "-",
            ]
        }
    }

    /// Of the monotonic clock, which an upgrade goes on with.
    private func seconds(_ instant: Instant) -> String { "\(instant.nanoseconds / 1_000_000_000)" }

    private func table(_ heads: [String], _ more: (Supervision.Child?) -> [String]) -> String {
        let failures = supervisor.failedReloads > 0 ? " [failed: \(supervisor.failedReloads)]" : ""
        var text = Self.row(heads)
        text += Self.row(
            [
                "\(CurrentProcess.id)", "master", "\(reloads)\(failures)", Self.uptime(Master.now - startedAt), version,
            ] + more(nil))
        for (kind, title) in [(Program.Kind.worker, "workers"), (.program, "programs")] {
            let rows = children.filter { self.kind($0) == kind }
            text += "# \(title)\n" + rows.filter { !$0.isRetired }.map { Self.row(row($0) + more($0)) }.joined()
            text += "# old \(title)\n" + rows.filter(\.isRetired).map { Self.row(row($0) + more($0)) }.joined()
        }
        if !supervisor.held.isEmpty { text += "# stopped: \(supervisor.held.sorted().joined(separator: ", "))\n" }
        return text
    }

    private func row(_ child: Supervision.Child) -> [String] {
        let survived = max(0, supervisor.generation - child.generation)
        let uptime = Self.uptime(Master.now - child.spawnedAt)
        return ["\(child.pid)", child.service, "\(survived)", uptime, notes[child.id]?.version ?? "-"]
    }

    private var children: [Supervision.Child] {
        supervisor.children.values.filter { $0.pid > 0 }.sorted {
            ($0.generation, $0.service, $0.instance, $0.pid) < ($1.generation, $1.service, $1.instance, $1.pid)
        }
    }

    private func kind(_ child: Supervision.Child) -> Program.Kind { notes[child.id]?.kind ?? .worker }

    private func state(_ child: Supervision.Child) -> String {
        if child.phase == .ready, let note = notes[child.id] {
            if note.isStopping { return "stopping" }
            if note.isReloading { return "reloading" }
        }
        return child.isRetired && child.phase == .ready ? "old" : child.phase.rawValue
    }

    /// Columns of 15, joined by one blank.
    package static func row(_ cells: [String]) -> String {
        var text = cells.map { $0 + String(repeating: " ", count: max(0, 15 - $0.count)) }.joined(separator: " ")
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }

    /// `0d00h01m30s`
    package static func uptime(_ duration: Duration) -> String {
        let seconds = max(0, duration.components.seconds)
        let parts = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
        return "\(seconds / 86400)d\(parts[0])h\(parts[1])m\(parts[2])s"
    }

    // MARK: For machines

    /// One object: the master, and an array of its children.
    var json: String {
        var text = "{\"pid\":\(CurrentProcess.id),\"version\":\(quoted(version)),"
        text += "\"generation\":\(supervisor.generation),\"reloads\":\(reloads),"
        text += "\"failed_reloads\":\(supervisor.failedReloads),\"reloading\":\(supervisor.isReloading),"
        text += "\"stopping\":\(supervisor.stopRequest != nil),"
        text += "\"uptime_seconds\":\((Master.now - startedAt).components.seconds),"
        text += "\"stopped\":[\(supervisor.held.sorted().map(quoted).joined(separator: ","))],\"children\":["
        text += children.map(json).joined(separator: ",")
        return text + "]}\n"
    }

    private func json(_ child: Supervision.Child) -> String {
        var text = "{\"pid\":\(child.pid),\"service\":\(quoted(child.service)),\"type\":\"\(kind(child).rawValue)\","
        text += "\"instance\":\(child.instance + 1),\"generation\":\(child.generation),\"state\":\"\(state(child))\","
        text += "\"old\":\(child.isRetired),\"uptime_seconds\":\((Master.now - child.spawnedAt).components.seconds),"
        text += "\"restarts\":\(supervisor.restartCounts[child.service] ?? 0)"
        if let facts = ProcessFacts(of: child.pid) {
            text += ",\"rss_bytes\":\(facts.residentSize),\"cpu_seconds\":\(decimals(facts.processorTime))"
        }
        if let version = notes[child.id]?.version { text += ",\"version\":\(quoted(version))" }
        if let status = notes[child.id]?.status { text += ",\"status\":\(quoted(status))" }
        return text + "}"
    }

    private func decimals(_ time: Duration) -> String {
        let milliseconds = time.wholeNanoseconds / 1_000_000
        let rest = "\(milliseconds % 1000)"
        return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
    }

    private func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.appendJSON(text)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// OpenMetrics 1.0 text: a family's lines stand together, and the end is marked.
    var metrics: String {
        var text = family("daemonkit_generation", "gauge", [("", "\(supervisor.generation)")])
        text += family("daemonkit_reloads", "counter", [("", "\(reloads)")])
        text += family("daemonkit_failed_reloads", "gauge", [("", "\(supervisor.failedReloads)")])
        text += family("daemonkit_uptime_seconds", "gauge", [("", "\((Master.now - startedAt).components.seconds)")])
        let restarts = supervisor.restartCounts.sorted { $0.key < $1.key }
        text += family("daemonkit_restarts", "counter", restarts.map { ("service=\(label($0.key))", "\($0.value)") })
        let rows = children.map { ($0, labels($0), ProcessFacts(of: $0.pid)) }
        text += family(
            "daemonkit_child_up", "gauge",
            rows.map { child, labels, _ in
                ("\(labels),state=\(label(state(child)))", child.phase == .ready ? "1" : "0")
            })
        text += family(
            "daemonkit_child_uptime_seconds", "gauge",
            rows.map { child, labels, _ in (labels, "\((Master.now - child.spawnedAt).components.seconds)") })
        text += family(
            "daemonkit_child_resident_memory_bytes", "gauge",
            rows.compactMap { row in row.2.map { (row.1, "\($0.residentSize)") } })
        text += family(
            "daemonkit_child_cpu_seconds", "counter",
            rows.compactMap { row in row.2.map { (row.1, decimals($0.processorTime)) } })
        return text + "# EOF\n"
    }

    private func family(_ name: String, _ type: String, _ samples: [(labels: String, value: String)]) -> String {
        let suffix = type == "counter" ? "_total" : ""
        let lines = samples.map { "\(name)\(suffix)\($0.labels.isEmpty ? "" : "{\($0.labels)}") \($0.value)\n" }
        return "# TYPE \(name) \(type)\n" + lines.joined()
    }

    private func labels(_ child: Supervision.Child) -> String {
        "service=\(label(child.service)),instance=\"\(child.instance + 1)\",generation=\"\(child.generation)\","
            + "pid=\"\(child.pid)\",type=\"\(kind(child).rawValue)\""
    }

    /// Backslash, quote and line feed are escaped, and nothing else.
    private func label(_ text: String) -> String {
        let special: [UInt8] = [UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "\n")]
        guard text.utf8.contains(where: special.contains) else { return "\"\(text)\"" }
        let escapes: [Character: String] = ["\\": "\\\\", "\"": "\\\"", "\n": "\\n"]
        return "\"" + text.map { escapes[$0] ?? String($0) }.joined() + "\""
    }
}
