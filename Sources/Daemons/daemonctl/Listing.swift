import DaemonKit
import Text
import Unix

/// `list` and `status`: what is known of daemons, and how each is.
struct Listing {
    private struct Entry {
        let daemon: ConfiguredDaemon
        let finding: RunningInstance.Finding
        /// nil where systemd has none, or is not asked.
        let unit: Systemctl.Unit?

        var answer: Answer { daemon.instance.status(of: finding) }
    }

    private let entries: [Entry]

    init(_ daemons: [ConfiguredDaemon], systemctl: Systemctl?) {
        entries = daemons.map { daemon in
            Entry(
                daemon: daemon, finding: daemon.instance.look(),
                unit: daemon.unit.flatMap { name in systemctl?.unit(name) })
        }
    }

    /// The first of LSB's codes that does not say that a daemon runs.
    var exitStatus: Int32 { entries.map(\.answer.exitStatus).first { $0 != 0 } ?? 0 }

    /// A line for each daemon.
    var statusText: String {
        entries.map { entry in
            guard let unit = entry.unit else { return "\(entry.answer.text)\n" }
            let isOther = entry.finding.pid != nil && entry.finding.pid != unit.mainPID
            return "\(entry.answer.text)\(isOther ? ", but not under systemd" : ""); \(unit.text)\n"
        }.joined()
    }

    var table: TextTable {
        var table = TextTable(["NAME", "STATE", "PID", "ORDER", "UNIT", "COMMAND"], rightAligned: [2, 3])
        table.rows = entries.map { entry in
            [
                entry.daemon.name, entry.finding.word, entry.finding.pid.map { "\($0)" } ?? "-",
                "\(entry.daemon.order)", entry.daemon.unit ?? "-",
                entry.daemon.command.joined(separator: " "),
            ]
        }
        return table
    }

    var json: String {
        JSONText.lines(
            entries.map { entry in
                let daemon = entry.daemon
                return JSONText.object([
                    "name": .string(daemon.name), "state": .string(entry.finding.word),
                    "status": .number(entry.answer.exitStatus), "pid": .number(entry.finding.pid),
                    "order": .number(daemon.order), "unit": .string(daemon.unit),
                    "unit_state": .string(entry.unit?.active), "command": .array(daemon.command.map { .string($0) }),
                    "pid_file": .string(daemon.pidFile), "log_file": .string(daemon.logFile),
                    "control_socket": .string(daemon.controlSocket), "file": .string(daemon.file),
                ])
            })
    }
}
