import Synchronization

/// What `show connections` tells of one client; the server counts while another thread reads.
final class ClientFacts: Sendable {
    let since: ContinuousClock.Instant
    let bytes = Atomic(0)

    init(since: ContinuousClock.Instant) { self.since = since }
}

/// The open connections, for whoever asks from another thread.
final class ClientTable: Sendable {
    private struct State {
        var accepted = 0
        /// By the number of the connection, from 1 on.
        var open: [Int: ClientFacts] = [:]
    }

    private let state = Mutex(State())
    /// More are counted, not shown.
    private static let mostShown = 1000

    func opened(_ serial: Int, _ facts: ClientFacts) {
        state.withLock { state in
            state.accepted += 1
            state.open[serial] = facts
        }
    }

    func closed(_ serial: Int) { state.withLock { _ = $0.open.removeValue(forKey: serial) } }

    /// The oldest first.
    var text: String {
        let (accepted, open) = state.withLock { ($0.accepted, $0.open) }
        let now = ContinuousClock.now
        let lines = open.sorted { $0.key < $1.key }.prefix(Self.mostShown).map { serial, facts in
            let age = (now - facts.since).components.seconds
            return "\(serial): age=\(age)s bytes=\(facts.bytes.load(ordering: .relaxed))\n"
        }
        let hidden = open.count > Self.mostShown ? "and \(open.count - Self.mostShown) more\n" : ""
        return "Open: \(open.count)\nAccepted: \(accepted)\n\(lines.joined())\(hidden)"
    }
}
