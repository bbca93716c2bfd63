import Supervision
import Unix

/// What signals do to a master: section 3 of the master-worker specification.
extension ServiceMaster {
    /// How long an interrupt waits for children.
    private static let patience = Duration.seconds(2)

    func received(_ signal: Signal) {
        switch signal {
        case .terminate: master?.send(.stop(StopRequest(.graceful, cause: signal.rawValue)))
        case .interrupt:
            let request = StopRequest(
                .now, signal: signal.rawValue, timeout: Self.patience, cause: signal.rawValue, exitCode: 130)
            master?.send(.stop(request))
        case .user1:
            master?.send(
                .stop(StopRequest(.soft, signal: wishes.softStop?.rawValue, cause: signal.rawValue)))
        case .hangup: hangUp()
        case .terminalOutput: setPaused(true)
        case .terminalInput: setPaused(false)
        default: master?.send(image.hasChanged ? .upgrade(nil) : .reload(nil))
        }
    }

    /// SIGHUP is for every process of the daemon: each reopens its log and runs its reload handlers.
    private func hangUp() {
        reopenOwnLogs()
        for pid in daemonsOfOurs { try? Unix.Child.send(.hangup, to: pid) }
        if wishes.reloadsOnHangup { master?.send(.reload(nil)) }
    }

    func reopenLogs() {
        reopenOwnLogs()
        for pid in daemonsOfOurs { try? ProvenProcess(pid, .child).queueReopen() }
    }

    private func reopenOwnLogs() {
        runtime.log.reopen()
        outputs?.reopen()
    }

    private var daemonsOfOurs: [ProcessID] {
        (master?.supervisor.children.values ?? [:].values).filter { $0.phase == .ready && channels[$0.id] != nil }
            .map(\.pid)
    }

    /// The workers that know the signal: in any other process it would stop more than its listening.
    func setPaused(_ on: Bool, then: @escaping (_ told: Int, _ deaf: Int) -> Void = { _, _ in }) {
        isPaused = on
        let workers = (master?.supervisor.children.values ?? [:].values).filter {
            notes[$0.id]?.kind == .worker && $0.phase == .ready
        }
        tell(workers.map(\.id)[...], isPaused: on, (0, workers.count), then)
    }

    /// A few at a time: the kernel is asked of each what it knows.
    private func tell(
        _ workers: ArraySlice<Supervision.Child.ID>, isPaused on: Bool, _ counts: (told: Int, all: Int),
        _ then: @escaping (Int, Int) -> Void
    ) {
        let told = workers.prefix(32).count { id in child(id).map { tell($0, isPaused: on) } ?? false } + counts.told
        let rest = workers.dropFirst(32)
        guard rest.isEmpty || isPaused != on else {
            master?.after(.zero) { [unowned self] in tell(rest, isPaused: on, (told, counts.all), then) }
            return
        }
        runtime.log.notice("\(on ? "paused" : "resumed") \(told) of \(counts.all) workers")
        then(told, counts.all - told)
    }

    @discardableResult
    func tell(_ child: Supervision.Child, isPaused: Bool) -> Bool {
        let signal = isPaused ? Signal.terminalOutput : .terminalInput
        guard child.pid > 1, ProcessFacts.catches(signal, child.pid) else { return false }
        return (try? Unix.Child.send(signal, to: child.pid)) != nil
    }
}
