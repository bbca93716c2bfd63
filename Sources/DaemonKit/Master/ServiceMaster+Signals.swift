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
        for pid in daemonsOfOurs { try? Signal.hangup.send(to: pid) }
        if wishes.reloadsOnHangup { master?.send(.reload(nil)) }
    }

    func reopenLogs() {
        reopenOwnLogs()
        for pid in daemonsOfOurs { try? ProcessHandle(pid: pid).queueReopen() }
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
    @discardableResult
    func setPaused(_ on: Bool) -> (told: Int, deaf: Int) {
        isPaused = on
        let workers = (master?.supervisor.children.values ?? [:].values).filter {
            notes[$0.id]?.kind == .worker && $0.phase == .ready
        }
        let told = workers.count { tell($0, isPaused: on) }
        runtime.log.notice("\(on ? "paused" : "resumed") \(told) of \(workers.count) workers")
        return (told, workers.count - told)
    }

    @discardableResult
    func tell(_ child: Supervision.Child, isPaused: Bool) -> Bool {
        let signal = isPaused ? Signal.terminalOutput : .terminalInput
        guard child.pid > 1, ProcessFacts.catches(signal, child.pid) else { return false }
        return (try? signal.send(to: child.pid)) != nil
    }
}
