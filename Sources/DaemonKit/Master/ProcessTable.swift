import Supervision
import Unix

/// The processes of a master, as HAProxy's `show proc` lists them.
package struct ProcessTable {
    private let supervisor: Supervisor
    private let reloads: Int
    private let setup: MasterSetup?

    init(_ supervisor: Supervisor, reloads: Int, setup: MasterSetup?) {
        self.supervisor = supervisor
        self.reloads = reloads
        self.setup = setup
    }

    var text: String {
        let children = supervisor.children.values.sorted {
            ($0.generation, $0.service, $0.instance, $0.pid) < ($1.generation, $1.service, $1.instance, $1.pid)
        }
        let failures = supervisor.failedReloads > 0 ? " [failed: \(supervisor.failedReloads)]" : ""
        var text = Self.row(["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"])
        text += Self.row(["\(CurrentProcess.id)", "master", "\(reloads)\(failures)", "", setup?.version ?? ""])
        for (kind, title) in [(Program.Kind.worker, "workers"), (.program, "programs")] {
            let rows = children.filter { self.kind($0) == kind }
            text += "# \(title)\n" + rows.filter { !$0.isRetired }.map(row).joined()
            text += "# old \(title)\n" + rows.filter(\.isRetired).map(row).joined()
        }
        return text
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
