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

    var give: (String) -> Void {
        switch self {
        case .attempt(let body), .command(let body), .routed(let body): body
        }
    }
}

extension ServiceMaster {
    /// Notes that the session's command is answered later.
    func expect(_ session: ControlSession, _ answer: PendingAnswer) -> Requester {
        requestCount += 1
        requests[requestCount] = answer
        session.requester = requestCount
        return requestCount
    }

    /// Hands a request of a session to the engine, which answers in the end.
    func request(_ session: ControlSession, _ answer: PendingAnswer, _ event: (Requester) -> Event) {
        let requester = expect(session, answer)
        master?.send(event(requester))
    }

    func answer(_ requester: Requester, _ answer: Answer) {
        var log: String { attempt.map { "\($0)\n" }.joined() }
        switch (requests[requester], answer) {
        case (nil, _), (.routed, _): break
        case (.attempt, .done): give("Success=1\n--\n\(log)", to: requester)
        case (.attempt, .failed(.notLoaded)), (.attempt, .failed(.notStarted)):
            give("Success=0\n--\n\(log)", to: requester)
        case (.command, .done): give("Success=1\n", to: requester)
        case (_, .failed(let failure)): give("Success=0\n--\n\(failure.text)\n", to: requester)
        }
    }

    func give(_ text: String, to requester: Requester) {
        endLimit(of: requester)
        requests.removeValue(forKey: requester)?.give(text)
    }

    /// Calls `body` when the answer has not come within `time`.
    func limit(_ requester: Requester, _ time: Duration, _ body: @escaping () -> Void) {
        limits[requester] = master?.after(time) { [unowned self] in
            limits[requester] = nil
            if requests[requester] != nil { body() }
        }
    }

    private func endLimit(of requester: Requester) {
        if let alarm = limits.removeValue(forKey: requester) { master?.cancel(alarm) }
    }

    /// The session that waited has gone.
    func forget(_ requester: Requester) {
        endLimit(of: requester)
        guard let request = requests.removeValue(forKey: requester) else { return }
        // A worker's answer is still expected, and belongs to nobody.
        if case .routed = request { return }
        master?.send(.forget(requester))
    }
}
