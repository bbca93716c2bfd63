import DaemonCore
import Supervision
import Text
import Unix

/// The master's own commands: section 5 of the master-worker specification.
extension Session {
    /// Gives a control socket the commands of the front end, and those of every session that it does not do without.
    func equip(_ server: ControlServer) {
        let own = frontEnd.commands(self)
        server.add(
            commands.filter { command in
                command.words.first.map(frontEnd.omittedCommands.contains) != true
                    && !own.contains { $0.words == command.words }
            })
        server.add(own)
        server.router = channels
        server.abandoned = { [unowned self] in requests.forget($0) }
        server.resume = { [unowned self] in ProcessReport($0, self) }
    }

    private var commands: [ControlCommand] { lookingCommands + loadingCommands + serviceCommands }

    private var lookingCommands: [ControlCommand] {
        [
            ControlCommand("show version", "the version of the daemon") { [unowned self] _, _, answer in
                answer("\(version)\n")
            },
            ControlCommand(
                "show proc", "the master and its children: 'debug' for all, 'json' for machines",
                .report { [unowned self] words throws(ControlMistake) in try processes(words) }),
            ControlCommand(
                "show metrics", "the same as OpenMetrics text",
                .report { [unowned self] _ throws(ControlMistake) in ProcessReport(.metrics, self) }),
            ControlCommand("show startup-logs", "what the last attempt to load said") { [unowned self] _, _, answer in
                answer(attempt.map { "\($0)\n" }.joined())
            },
            ControlCommand("show env", "the master's environment: one variable, or all", level: .operator) {
                words, _, answer in
                answer(environmentText(words.first))
            },
        ]
    }

    private var loadingCommands: [ControlCommand] {
        [
            ControlCommand("reload", "start a new generation, then end the old one", level: .operator) {
                [unowned self] _, session, answer in
                requests.request(session, .attempt(answer)) { .reload($0) }
            },
            ControlCommand("hard-reload", "the same, and the old one ends at once", level: .operator) {
                [unowned self] _, session, answer in
                requests.request(session, .attempt(answer)) { .reload($0, hard: true) }
            },
            ControlCommand("upgrade", "another executable of the master, then a reload", level: .admin) {
                [unowned self] _, session, answer in
                requests.request(session, .attempt(answer)) { .upgrade($0) }
            },
            ControlCommand("wait ready", "until everything serves: [TIMEOUT in seconds]") {
                [unowned self] words, session, answer in
                waitReady(words, session, answer)
            },
        ]
    }

    private var serviceCommands: [ControlCommand] {
        let verbs: [(String, String, (String) -> ServiceCommand)] = [
            ("start", "a service that was stopped, or has failed for good: NAME", { .start($0) }),
            ("stop", "a service, until it is started again: NAME", { .stop($0) }),
            ("restart", "end a service's children and start them again: NAME", { .restart($0) }),
        ]
        let commands = verbs.map { verb, help, command in
            ControlCommand(verb, help, level: .admin) { [unowned self] words, session, answer in
                guard words.count == 1 else { return answer("'\(verb)' expects the name of a service.\n") }
                requests.request(session, .command(answer)) { .command($0, command(words[0])) }
            }
        }
        return commands + [
            ControlCommand("scale", "run so many instances of a service: NAME NUMBER", level: .admin) {
                [unowned self] words, session, answer in
                guard words.count == 2, let count = DecimalText.parse(words[1], in: 0...1000) else {
                    return answer("'scale' expects the name of a service and a number from 0 to 1000.\n")
                }
                scaled(words[0], to: count)
                requests.request(session, .command(answer)) { .command($0, .scale(words[0], count)) }
            },
            ControlCommand("signal", "send a signal to the current children of a service: NAME SIGNAL", level: .admin) {
                [unowned self] words, _, answer in
                answer(signal(words))
            },
            ControlCommand("pause", "workers accept nothing new", level: .admin) { [unowned self] _, _, answer in
                pause(true, answer)
            },
            ControlCommand("resume", "workers accept again", level: .admin) { [unowned self] _, _, answer in
                pause(false, answer)
            },
        ]
    }

    private func processes(_ words: [String]) throws(ControlMistake) -> ProcessReport {
        switch words {
        case []: ProcessReport(.table, self)
        case ["debug"]: ProcessReport(.debug, self)
        case ["json"]: ProcessReport(.json, self)
        default: throw ControlMistake("'show proc' expects nothing, 'debug' or 'json'.")
        }
    }

    private func waitReady(_ words: [String], _ session: ControlSession, _ answer: @escaping (String) -> Void) {
        let seconds = words.first.flatMap {
            DecimalText.parse($0.hasSuffix("s") ? String($0.dropLast()) : $0, in: 0...86_400)
        }
        guard words.isEmpty || words.count == 1 && seconds != nil else {
            return answer("'wait ready' expects a number of seconds, at most a day, or nothing.\n")
        }
        let requester = requests.expect(session, .command(answer))
        if let seconds { limitReadiness(requester, .seconds(seconds)) }
        master.send(.waitReady(requester))
    }

    private func limitReadiness(_ requester: Requester, _ time: Duration) {
        requests.limit(requester, time) { [unowned self] in
            master.send(.forget(requester))
            let text = "not everything was ready within \(DurationText.text(time)): \(absentees)"
            requests.give("Success=0\n--\n\(VisibleText.line(text))\n", to: requester)
        }
    }

    /// Who is not ready, and why.
    private var absentees: String {
        let all = master.supervisor.absences
        let shown = all.prefix(20).map { absence in
            let reason =
                switch absence.reason {
                case .phase(let phase): phase.rawValue
                case .vacancy(let vacancy): vacancy.text
                }
            return "\(absence.service) \(absence.instance + 1) (\(reason))"
        }
        if all.isEmpty { return "the configuration is being loaded" }
        // bounded: lengths in memory
        return (shown + (all.count > 20 ? ["\(all.count - 20) more"] : [])).joined(separator: ", ")
    }

    private func pause(_ on: Bool, _ answer: @escaping (String) -> Void) {
        notes.setPaused(on) { told, deaf in
            let rest = deaf > 0 ? "; \(deaf) know no such thing" : ""
            answer("\(on ? "Paused" : "Resumed") \(told) \(told == 1 ? "worker" : "workers")\(rest)\n")
        }
    }

    private func signal(_ words: [String]) -> String {
        guard words.count == 2 else { return "'signal' expects the name of a service and a signal.\n" }
        guard let signal = Signal(parsing: words[1]) else { return "'\(words[1])' is not a signal.\n" }
        let targets = children.values.filter {
            $0.service == words[0] && !$0.isRetired && $0.pid > 1
        }
        guard !targets.isEmpty else { return "No service '\(words[0])' runs.\(meant(words[0]))\n" }
        for child in targets { master.deliver(signal, to: child.pid) }
        return "\(signal.shortName) sent to \(targets.map { "\($0.pid)" }.sorted().joined(separator: ", "))\n"
    }

    /// The nearest name of a service.
    private func meant(_ name: String) -> String {
        Suggestion.nearest(name, services.map(\.name)).map { " Maybe '\($0)' is meant." } ?? ""
    }
}
