import Supervision
import Unix

/// The master's own commands.
extension ServiceMaster {
    var commands: [ControlCommand] {
        [
            ControlCommand("show version", "the version of the daemon") { [runtime] _, _, answer in
                answer("\(runtime.daemon.name) \(runtime.daemon.version)\n")
            },
            ControlCommand("show proc", "the master and its children: 'json' for machines") {
                [unowned self] words, _, answer in
                guard let table else { return answer("") }
                answer(words == ["json"] ? table.json : table.text)
            },
            ControlCommand("show metrics", "the same as OpenMetrics text") { [unowned self] _, _, answer in
                answer(table?.metrics ?? "")
            },
            ControlCommand("show startup-logs", "what the last attempt to load said") { [unowned self] _, _, answer in
                answer(attempt.map { "\($0)\n" }.joined())
            },
            ControlCommand("show env", "the master's environment: one variable, or all", level: .operator) {
                words, _, answer in
                let all = Environment.entries.map { String(decoding: $0, as: UTF8.self) }
                let chosen = words.first.map { name in all.filter { $0.hasPrefix("\(name)=") } } ?? all
                answer(chosen.isEmpty ? "Variable not found\n" : chosen.map { "\($0)\n" }.joined())
            },
            ControlCommand("reload", "start a new generation, then end the old one", level: .operator) {
                [unowned self] _, session, answer in
                request(session, answer) { .reload($0) }
            },
            ControlCommand("signal", "send a signal to the current children of a service: NAME SIGNAL", level: .admin) {
                [unowned self] words, _, answer in
                answer(signal(words))
            },
        ]
    }

    private var table: ProcessTable? {
        master.map { ProcessTable($0.supervisor, reloads: reloads, setup: current, startedAt: startedAt) }
    }

    private func signal(_ words: [String]) -> String {
        guard words.count == 2 else { return "'signal' expects the name of a service and a signal.\n" }
        guard let signal = Signal(parsing: words[1]) else { return "'\(words[1])' is not a signal.\n" }
        let children = (master?.supervisor.children.values ?? [:].values).filter {
            $0.service == words[0] && !$0.isRetired
        }
        guard !children.isEmpty else {
            let near =
                nearest(words[0], Array((current?.programs ?? [:]).keys)).map { " Maybe '\($0)' is meant." } ?? ""
            return "No service '\(words[0])' runs.\(near)\n"
        }
        for child in children { try? signal.send(to: child.pid) }
        return "\(signal.shortName) sent to \(children.map { "\($0.pid)" }.sorted().joined(separator: ", "))\n"
    }
}
