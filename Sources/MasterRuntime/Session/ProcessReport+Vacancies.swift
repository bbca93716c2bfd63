import Supervision
import Text

/// What `show proc` and `show metrics` say of instances that do not run.
extension ProcessReport {
    /// A comment to those who read only processes.
    func line(_ vacancy: Vacancy) -> String {
        let name = VisibleText.line("\(vacancy.service) \(vacancy.instance + 1)")
        let facts = [vacancy.reason, lastEnd(vacancy), vacancy.nextAttempt].compactMap(\.self)
        return "# not running: \(name): \(vacancy.word), \(facts.joined(separator: ", "))\n"
    }

    func json(_ vacancy: Vacancy) -> String {
        let wait = vacancy.wait.map { "\(decimals($0))" }
        var text = "{\"service\":\(JSONText.string(vacancy.service).text),"
        text += "\"type\":\"\(host.kind(ofService: vacancy.service).rawValue)\",\"instance\":\(vacancy.instance + 1),"
        text += "\"state\":\"\(vacancy.word)\",\"reason\":\(JSONText.string(vacancy.reason).text)"
        if let end = lastEnd(vacancy) { text += ",\"last_end\":\(JSONText.string(end).text)" }
        if let status = vacancy.status { text += ",\"last_status\":\(status)" }
        if let wait { text += ",\"next_attempt_seconds\":\(wait)" }
        return text + "}"
    }

    private func lastEnd(_ vacancy: Vacancy) -> String? {
        vacancy.lastEnd.map { end in
            if case .ended(let status) = end { return "last exit code \(status.described)" }
            return host.frontEnd.words.text(of: end, nil, nil)
        }
    }

    static func perVacancy(
        _ name: String, _ sample: @escaping @Sendable (ProcessReport, Vacancy) -> (labels: String, value: String)?
    ) -> Part {
        Part(
            head: { _ in family(name, "gauge") },
            rows: .vacancies { report, vacancy in
                sample(report, vacancy).map { labels, value in
                    "\(name){service=\(label(vacancy.service)),instance=\"\(vacancy.instance + 1)\","
                        + "type=\"\(report.host.kind(ofService: vacancy.service).rawValue)\"\(labels)} \(value)\n"
                }
            })
    }
}

extension Vacancy {
    /// Its state in one word.
    var word: String {
        switch state {
        case .pending: "pending"
        case .backoff: "backoff"
        case .blocked: "blocked"
        case .stopped: "stopped"
        case .finished: "finished"
        case .failed: "failed"
        }
    }

    var reason: String {
        switch state {
        case .pending: "its turn has not come"
        case .backoff: "to be started again"
        case .blocked(let names): "waits for \(names.joined(separator: " and "))"
        case .stopped: "stopped by hand"
        case .finished: "ended well"
        case .failed(.policy): "not to be started again after such an end"
        case .failed(.limit): "its restart limit is exhausted"
        case .failed(.requirement): "what it requires has failed"
        }
    }

    /// The code of its last end, as a shell reports it.
    var status: Int32? { if case .ended(let status)? = lastEnd { status.code } else { nil } }

    /// Until the next attempt.
    var wait: Duration? { if case .backoff(let until) = state { max(.zero, until - Master.now) } else { nil } }

    fileprivate var nextAttempt: String? {
        wait.map { "next attempt in \(DurationText.text(.milliseconds($0.wholeNanoseconds / 1_000_000)))" }
    }

    /// Why it is not ready.
    var text: String { [word, reason, nextAttempt].compactMap(\.self).joined(separator: ", ") }
}
