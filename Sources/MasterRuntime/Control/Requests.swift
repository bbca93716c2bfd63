import DaemonCore
import Supervision
import Unix

/// Who is to be answered, and in which words.
enum PendingAnswer {
    /// `reload` and its like: with the log of the attempt.
    case attempt((String) -> Void)
    /// A command on services.
    case command((String) -> Void)
    /// A command that a worker answers.
    case routed((String) -> Void)

    fileprivate var give: (String) -> Void {
        switch self {
        case .attempt(let body), .command(let body), .routed(let body): body
        }
    }
}

/// The requests of control sessions that are answered later.
final class Requests {
    private unowned let master: Master
    private var waiting: [Requester: PendingAnswer] = [:]
    /// The timers of those that wait for a limited time.
    private var limits: [Requester: Int] = [:]
    private var count = 0

    init(_ master: Master) { self.master = master }

    func contains(_ requester: Requester) -> Bool { waiting[requester] != nil }

    /// Notes that the session's command is answered later.
    func expect(_ session: ControlSession, _ answer: PendingAnswer) -> Requester {
        count += 1
        waiting[count] = answer
        session.requester = count
        return count
    }

    /// Hands a request of a session to the engine, which answers in the end.
    func request(_ session: ControlSession, _ answer: PendingAnswer, _ event: (Requester) -> Event) {
        let requester = expect(session, answer)
        master.send(event(requester))
    }

    /// The engine's answer; `log` is of the attempt, `text` of a failure.
    func answer(
        _ requester: Requester, _ answer: Answer, log: [String], _ text: (Supervision.Failure) -> String
    ) {
        var lines: String { log.map { "\($0)\n" }.joined() }
        switch (waiting[requester], answer) {
        case (nil, _), (.routed, _): break
        case (.attempt, .done): give("Success=1\n--\n\(lines)", to: requester)
        case (.attempt, .failed(.notLoaded)), (.attempt, .failed(.notStarted)), (.attempt, .failed(.requirement)):
            give("Success=0\n--\n\(lines)", to: requester)
        case (.command, .done): give("Success=1\n", to: requester)
        case (_, .failed(let failure)): give("Success=0\n--\n\(text(failure))\n", to: requester)
        }
    }

    func give(_ text: String, to requester: Requester) {
        endLimit(of: requester)
        waiting.removeValue(forKey: requester)?.give(text)
    }

    /// Calls `body` when the answer has not come within `time`.
    func limit(_ requester: Requester, _ time: Duration, _ body: @escaping () -> Void) {
        limits[requester] = master.after(time) { [unowned self] in
            limits[requester] = nil
            if waiting[requester] != nil { body() }
        }
    }

    private func endLimit(of requester: Requester) {
        if let timer = limits.removeValue(forKey: requester) { master.cancel(timer) }
    }

    /// The session that waited has gone.
    func forget(_ requester: Requester) {
        endLimit(of: requester)
        guard let request = waiting.removeValue(forKey: requester) else { return }
        // A worker's answer is still expected, and belongs to nobody.
        if case .routed = request { return }
        master.send(.forget(requester))
    }

    // MARK: Over an exec

    func note(in head: inout StateRecord) {
        head[number: "requestCount"] = count
        head[numbers: "attempts"] = waiting.filter { if case .attempt = $1 { true } else { false } }.keys.sorted()
    }

    /// Before the sessions are restored. Returns how one of them that waits is noted again.
    func restore(_ state: SavedState, _ head: StateRecord) -> (Requester, @escaping (String) -> Void) ->
        Void
    {
        count = min(max(0, head[number: "requestCount"] ?? 0), Int.max / 2)
        let attempts = Set(head[numbers: "attempts"])
        let routed = Set(state.all("channel").flatMap { $0[numbers: "pending"] })
        return { [unowned self] requester, answer in
            count = min(max(count, requester), Int.max / 2)
            waiting[requester] =
                routed.contains(requester)
                ? .routed(answer) : attempts.contains(requester) ? .attempt(answer) : .command(answer)
        }
    }
}
