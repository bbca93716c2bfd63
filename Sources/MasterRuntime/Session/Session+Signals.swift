import DaemonCore
import Supervision
import Unix

/// What signals do, by the front end's map.
extension Session {
    package func received(_ signal: Signal) {
        guard let meaning = frontEnd.signals.first(where: { $0.signal == signal })?.meaning else { return }
        switch meaning {
        case .stop(let request): master.send(.stop(request))
        case .interrupt:
            let isAgain = stopAskedAt.map { MonotonicTime.now - $0 > .seconds(1) } ?? false
            let request = StopRequest(
                isAgain ? .now : .graceful, signal: (isAgain ? Signal.kill : .terminate).rawValue,
                cause: signal.rawValue)
            master.send(.stop(request))
        case .reopenLogs: reopenLogs()
        case .hangUp(let reloads):
            reopen(.hangUp)
            if reloads { master.send(.reload(nil)) }
        case .reload: master.send(.reload(nil))
        case .upgrade: master.send(.upgrade(nil))
        case .reloadOrUpgrade: master.send(parts.image.hasChanged ? .upgrade(nil) : .reload(nil))
        case .pause(let on): notes.setPaused(on)
        }
    }

    package func reopenLogs() { reopen(.reopenLogs) }
}
