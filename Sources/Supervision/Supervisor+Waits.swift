/// Who waits, and when they are answered.
extension Supervisor {
    mutating func waitReady(_ requester: Requester) {
        if stopRequest != nil { return answer(requester, .failed(.stopping)) }
        requests.waits.append(requester, .everything)
    }

    mutating func forget(_ requester: Requester) {
        rollout?.requesters.remove(requester)
        requests.next?.requesters.remove(requester)
        upgrade.requesters?.remove(requester)
        requests.waits.remove(requester)
        requests.orders.forget(requester)
    }

    /// Answers whoever need not wait any more, in the order in which they came.
    mutating func settleWaits(_ changed: Set<String>) {
        guard !requests.waits.isEmpty else { return }
        var due: [(waiter: Waits.Waiter, answer: Answer)] = []
        let done = Answer.done(generation: generation)
        if rollout == nil, plan != nil, census.current.awaited == 0 {
            due += requests.waits.takeEverything().map { ($0, done) }
        }
        for name in changed where requests.waits.isAwaited(name) {
            if let outcome = outcome(of: name) { due += requests.waits.take(service: name).map { ($0, outcome) } }
        }
        due += requests.waits.takeDeparted().map { ($0, done) }
        for (waiter, outcome) in due.sorted(by: { $0.waiter.number < $1.waiter.number }) {
            answer(waiter.requester, outcome)
        }
    }

    private func outcome(of name: String) -> Answer? {
        guard registry.services[name] != nil else { return .failed(.unknownService(name)) }
        let standings = census.services[name] ?? Census.Standings()
        if standings.failed > 0 { return .failed(.gaveUp(name)) }
        return standings.awaited > 0 ? nil : .done(generation: generation)
    }

    /// A rollout has failed: what waits for everything waited for it too.
    mutating func failWaits(_ failure: Failure) {
        for waiter in requests.waits.takeEverything() { answer(waiter.requester, .failed(failure)) }
    }

    /// The service is stopped by hand, or one of its children has failed to start.
    mutating func failWaits(for name: String, _ failure: Failure) {
        for waiter in requests.waits.take(service: name) { answer(waiter.requester, .failed(failure)) }
    }
}
