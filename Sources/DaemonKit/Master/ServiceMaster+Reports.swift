import Supervision
import Unix

/// What the engine reports: to the log, to whoever waits for the start, and to the service manager.
extension ServiceMaster {
    func report(_ report: Report) {
        if let (level, text) = line(for: report) {
            if attempt.count < 1000 { attempt.append(text) }
            runtime.log.log(level, text)
        }
        switch report {
        case .reloading: manager?.tell(.reloading)
        case .reloaded: loaded()
        case .reloadFailed(let failure): loadFailed(failure)
        case .accepted(let child): if isPaused, notes[child.id]?.kind == .worker { tell(child, isPaused: true) }
        case .stopping(let request, _):
            manager?.tell(.stopping)
            let longest = request.urgency == .soft ? nil : current?.plan.longestStop
            // bounded: a Duration counts 5 000 000 000 000 years
            if let longest { manager?.tell(.extendTimeout(longest + .seconds(5))) }
        case .ended(let child, _), .formerDied(let child, _), .died(let child, _, _): forget(child)
        case .failedToStart(let child, .ended): forget(child)
        case .failedToStart(let child, .notSpawned): forgetWords(of: child)
        default: break
        }
    }

    private func loaded() {
        if isStarting { try? report?.ready() } else { reloads += 1 }
        isStarting = false
        current = pending ?? current
        pending = nil
        let programs = current?.programs ?? [:]
        let gone = stored.keep(Set(programs.keys))
        if let master { SentDescriptors.close(gone, in: master) }
        source.committed()
        commitControls()
        outputs?.keep(programs.values.map(\.output))
        keepListeners()
        showState()
        manager?.tell(.ready())
    }

    private func loadFailed(_ failure: Supervision.Failure) {
        pending = nil
        source.abandoned()
        abandonControls()
        showState()
        if isStarting { startFailure = failure.text } else { manager?.tell(.ready(status: "Reload failed!")) }
    }

    func showState() {
        let isFailed = (master?.supervisor.failedReloads ?? 0) > 0
        for control in controls { control.state = isFailed ? "ReloadFailed" : "" }
    }

    /// A crashed master's successor gets its sockets from the service manager.
    private func keepListeners() {
        var names: Set<String> = []
        for listener in source.listeners {
            let name = listener.storeName
            names.insert(name)
            if !kept.contains(name) { manager?.tell(.store(listener.fileDescriptor, name: name)) }
        }
        for name in kept.subtracting(names) { manager?.tell(.removeStored(name)) }
        kept = names
    }

    private func forget(_ child: Supervision.Child) {
        leftovers?.adopt(from: child.group, isTold: child.isSignalled, limit: patience(behind: child))
        forgetWords(of: child)
    }

    private func forgetWords(of child: Supervision.Child) {
        notes[child.id] = nil
        closeChannel(of: child.id)
    }

    /// For what a child has left behind. Behind one that was told to stop there may be work to end; behind one that died
    /// there is nothing to wait for.
    private func patience(behind child: Supervision.Child) -> Duration {
        guard child.isSignalled else { return .seconds(1) }
        let service = current?.plan.services.first { $0.name == child.service }
        return min(service?.stopTimeout ?? .seconds(5), .seconds(5))
    }

    // MARK: Words

    private func kind(_ child: Supervision.Child) -> String {
        (notes[child.id]?.kind ?? (pending ?? current)?.programs[child.service]?.kind ?? .worker).rawValue
    }

    private func line(for report: Report) -> (LogLevel, String)? {
        switch report {
        case .starting(let child): (.notice, "New \(kind(child)) (\(child.pid)) started\(label(child))")
        case .accepted(let child): (.debug, "\(kind(child)) \(child.pid) is ready")
        case .failedToStart(let child, .notSpawned(let errno)):
            (.error, "\(kind(child))\(label(child)) failed to start: \(StartFailure.notSpawned(errno).text)")
        case .failedToStart(let child, let failure):
            (.error, "\(kind(child)) (\(child.pid))\(label(child)) failed to start: \(failure.text)")
        case .died(let child, let ending, let restarts):
            (
                .warning,
                "Current \(kind(child)) (\(child.pid)) exited with code \(ending.described)"
                    + (restarts ? ", restarting it" : "")
            )
        case .formerDied(let child, let ending), .ended(let child, let ending):
            (.notice, "Former \(kind(child)) (\(child.pid)) exited with code \(ending.described)")
        case .gaveUp(let child): (.error, "\(child.service) fails again and again, giving up")
        case .killing(let child): (.warning, "\(kind(child)) \(child.pid) does not end, sending SIGKILL")
        case .missedHeartbeat(let child): (.error, "\(kind(child)) \(child.pid) missed its watchdog, sending SIGKILL")
        case .reloading: (.notice, "Reloading")
        case .reloaded: (.notice, "Loading success.")
        case .reloadFailed(let failure): (.error, "Loading failure: \(failure.text)")
        case .upgradeFailed(let reason): (.error, "Not upgraded: \(reason)")
        case .succeeded, .retiring, .changed, .stopping: nil
        }
    }

    private func label(_ child: Supervision.Child) -> String {
        child.service == "worker" ? "" : " for \(child.service)"
    }
}

extension Listener {
    /// As a service manager may name it: no colon, nothing that cannot be printed.
    fileprivate var storeName: String {
        let text = "\(kind.rawValue)-\(address)"
        let bytes = text.utf8.prefix(255).map { byte in
            byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: ":") ? byte : UInt8(ascii: "_")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
