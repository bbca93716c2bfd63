import Supervision
import Unix

extension Ending {
    /// `137 (Killed)`, `0 (Exit)`
    var described: String {
        switch self {
        case .exited(let code): "\(code) (Exit)"
        case .signaled(let signal, _): "\(128 + signal) (\(Signal(rawValue: signal).effect))"
        }
    }
}

extension StartFailure {
    var text: String {
        switch self {
        case .ended(let ending): "it ended before it was ready, with code \(ending.described)"
        case .timedOut: "it was not ready in time"
        case .notSpawned(let errno): "cannot start it: \(Errno(rawValue: errno))"
        }
    }
}

extension Supervision.Failure {
    var text: String {
        switch self {
        case .stopping: "the master is stopping"
        case .notLoaded(let reason), .notUpgraded(let reason): reason
        case .notStarted(let child, let failure): "\(child.service) \(child.instance + 1): \(failure.text)"
        }
    }
}

/// The processes of a master, as HAProxy's `show proc` lists them.
package struct ProcessTable {
    private let supervisor: Supervisor
    private let reloads: Int
    private let version: String

    init(_ supervisor: Supervisor, reloads: Int, version: String) {
        self.supervisor = supervisor
        self.reloads = reloads
        self.version = version
    }

    var text: String {
        let children = supervisor.children.values.sorted {
            ($0.generation, $0.service, $0.instance, $0.pid) < ($1.generation, $1.service, $1.instance, $1.pid)
        }
        let failures = supervisor.failedReloads > 0 ? " [failed: \(supervisor.failedReloads)]" : ""
        return row(["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"])
            + row(["\(CurrentProcess.id)", "master", "\(reloads)\(failures)", "", version])
            + "# workers\n" + children.filter { !$0.isRetired }.map(row).joined()
            + "# old workers\n" + children.filter(\.isRetired).map(row).joined()
    }

    private func row(_ child: Supervision.Child) -> String {
        let survived = max(0, supervisor.generation - child.generation)
        return row(["\(child.pid)", "worker", "\(survived)", Self.uptime(Master.now - child.spawnedAt), version])
    }

    private func row(_ cells: [String]) -> String { ProcessTable.row(cells) }

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
