import DaemonCore
import Supervision
import Unix

/// What signals do, by the front end's map.
extension Session {
    package func received(_ signal: Signal) {
        guard let meaning = meaning(of: signal) else { return }
        if signal == .hangup, parts.signals.takeTerminalEnd() { return endWithTerminal() }
        switch meaning {
        case .stop(let request): master.send(.stop(insisting(request)))
        case .interrupt:
            master.send(
                .stop(
                    insisting(
                        StopRequest(.graceful, signal: Signal.terminate.rawValue, cause: signal.rawValue))))
        case .reopenLogs: reopenLogs()
        case .hangUp(reloads: true):
            reopen(.hangUp)
            master.send(.reload(nil))
        case .hangUp(reloads: false): hangUpWorkers()
        case .reload: master.send(.reload(nil))
        case .upgrade: master.send(.upgrade(nil))
        case .reloadOrUpgrade: master.send(parts.image.hasChanged ? .upgrade(nil) : .reload(nil))
        case .pause(let on): notes.setPaused(on)
        }
    }

    /// A service manager that has sent the signal waits until each worker has run its handlers (Type=notify-reload).
    private func hangUpWorkers() {
        let isTold = !isStarting && stopAskedAt == nil
        if isTold { manager.tell(.reloading) }
        reopen(.hangUp)
        guard isTold else { return }
        notes.afterReloads { [unowned self] hasFailed in
            // A rollout that is under way tells its own end.
            guard !master.supervisor.isReloading, stopAskedAt == nil else { return }
            manager.tell(hasFailed ? .ready(status: "Reload failed!") : .ready())
        }
    }

    package func reopenLogs() { reopen(.reopenLogs) }

    /// As SIGTERM, from somebody who only waits with others for a stop that is under way.
    package func stopMildly() {
        guard case .stop(let request) = meaning(of: .terminate) else { return }
        gracefulSince = gracefulSince ?? .now
        master.send(.stop(request))
    }

    private func meaning(of signal: Signal) -> SignalMeaning? {
        frontEnd.signals.first { $0.signal == signal }?.meaning
    }

    /// The first one asks. One that comes a while later insists: children that ignore their signal hold no stop for ever,
    /// and their time-outs may be long.
    private func insisting(_ request: StopRequest) -> StopRequest {
        guard request.urgency == .graceful else { return request }
        guard let since = gracefulSince else {
            gracefulSince = .now
            return request
        }
        guard MonotonicTime.now - since > .seconds(1) else { return request }
        return StopRequest(.now, signal: Signal.kill.rawValue, cause: request.cause)
    }

    private func endWithTerminal() {
        guard stopAskedAt == nil else { return }
        parts.log.write(.warning, "the terminal is gone, stopping")
        stopMildly()
    }
}
