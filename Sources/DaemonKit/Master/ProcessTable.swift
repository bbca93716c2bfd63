import Supervision
import Unix

/// The processes of a master, as HAProxy's `show proc` lists them.
package struct ProcessTable {
    private let supervisor: Supervisor
    private let reloads: Int
    private let setup: MasterSetup?
    private let startedAt: Instant

    init(_ supervisor: Supervisor, reloads: Int, setup: MasterSetup?, startedAt: Instant) {
        self.startedAt = startedAt
        self.supervisor = supervisor
        self.reloads = reloads
        self.setup = setup
    }

    var text: String {
        let failures = supervisor.failedReloads > 0 ? " [failed: \(supervisor.failedReloads)]" : ""
        var text = Self.row(["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"])
        text += Self.row([
            "\(CurrentProcess.id)", "master", "\(reloads)\(failures)", Self.uptime(Master.now - startedAt),
            setup?.version ?? "",
        ])
        for (kind, title) in [(Program.Kind.worker, "workers"), (.program, "programs")] {
            let rows = children.filter { self.kind($0) == kind }
            text += "# \(title)\n" + rows.filter { !$0.isRetired }.map(row).joined()
            text += "# old \(title)\n" + rows.filter(\.isRetired).map(row).joined()
        }
        return text
    }

    private var children: [Supervision.Child] {
        supervisor.children.values.sorted {
            ($0.generation, $0.service, $0.instance, $0.pid) < ($1.generation, $1.service, $1.instance, $1.pid)
        }
    }

    /// One object: the master, and an array of its children.
    var json: String {
        var text = "{\"pid\":\(CurrentProcess.id),\"version\":\(quoted(setup?.version ?? "")),"
        text += "\"generation\":\(supervisor.generation),\"reloads\":\(reloads),"
        text += "\"failed_reloads\":\(supervisor.failedReloads),\"children\":["
        text += children.map { child in
            "{\"pid\":\(child.pid),\"service\":\(quoted(child.service)),\"type\":\"\(kind(child).rawValue)\","
                + "\"instance\":\(child.instance + 1),\"generation\":\(child.generation),"
                + "\"state\":\"\(state(child))\",\"uptime_seconds\":\((Master.now - child.spawnedAt).components.seconds)}"
        }.joined(separator: ",")
        return text + "]}\n"
    }

    private func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.appendJSON(text)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func state(_ child: Supervision.Child) -> String {
        child.isRetired && child.phase == .ready ? "old" : child.phase.rawValue
    }

    /// OpenMetrics 1.0 text.
    var metrics: String {
        let uptime = (Master.now - startedAt).components.seconds
        var text = """
            # TYPE masterd_generation gauge
            masterd_generation \(supervisor.generation)
            # TYPE masterd_reloads counter
            masterd_reloads_total \(reloads)
            # TYPE masterd_failed_reloads gauge
            masterd_failed_reloads \(supervisor.failedReloads)
            # TYPE masterd_uptime_seconds gauge
            masterd_uptime_seconds \(uptime)
            # TYPE masterd_child_up gauge

            """
        for child in children {
            let labels =
                "service=\(quoted(child.service)),instance=\"\(child.instance + 1)\",generation=\"\(child.generation)\","
                + "pid=\"\(child.pid)\",state=\"\(state(child))\""
            text += "masterd_child_up{\(labels)} \(child.phase == .ready ? 1 : 0)\n"
        }
        return text + "# EOF\n"
    }

    private func kind(_ child: Supervision.Child) -> Program.Kind { setup?.programs[child.service]?.kind ?? .worker }

    private func row(_ child: Supervision.Child) -> String {
        let survived = max(0, supervisor.generation - child.generation)
        let uptime = Self.uptime(Master.now - child.spawnedAt)
        let type = child.service == "worker" ? "worker" : child.service
        return Self.row(["\(child.pid)", type, "\(survived)", uptime, setup?.version ?? ""])
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
}
