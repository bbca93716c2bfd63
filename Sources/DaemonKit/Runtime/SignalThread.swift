import Unix

/// The one thread that takes signals once the daemon serves. It sleeps until one comes or a deadline that exists.
struct SignalThread: Sendable {
    let runtime: Runtime
    /// At its end when the master is gone; -1 without one.
    let lifeline: Int32

    private struct Deadlines {
        var beat: MonotonicTime?
        var drain: MonotonicTime?
        var grace: MonotonicTime?

        var next: MonotonicTime? { [beat, drain, grace].compactMap(\.self).min() }
    }

    func start() throws(DaemonError) {
        try attempt(.process, "cannot start the signal thread") { () throws(Errno) in
            try Thread.start { run() }
        }
    }

    private func run() {
        // Whatever became of the first thread's mask, somebody takes signals.
        Signal.unblockAll()
        let interval = runtime.manager.watchdogInterval.map { $0 / 2 }
        var deadlines = Deadlines(beat: interval.map { _ in .now })
        // What came before there was a pipe has left its mark all the same.
        takeSignals(&deadlines)
        while true {
            let ready = Poll.readable(
                [runtime.signals.descriptor, lifeline], timeout: deadlines.next.map { max(.zero, $0 - .now) })
            if ready[1] { leaveWithoutMaster() }
            runtime.signals.drain()
            takeSignals(&deadlines)
            let now = MonotonicTime.now
            if let beat = deadlines.beat, beat <= now, let interval {
                if runtime.isHealthy { runtime.manager.beat() }
                deadlines.beat = now + interval
            }
            if let drain = deadlines.drain, drain <= now {
                deadlines.drain = nil
                enter(.draining)
            }
            if let grace = deadlines.grace, grace <= now { endUngracefully() }
        }
    }

    private func takeSignals(_ deadlines: inout Deadlines) {
        if runtime.signals.take(.terminate) || runtime.stopRequested.exchange(false, ordering: .relaxed) {
            stop("SIGTERM", code: 0, &deadlines)
        }
        if runtime.signals.take(.interrupt) { stop("SIGINT", code: 130, &deadlines) }
        let wantsReload = runtime.signals.take(.hangup)
        if runtime.signals.takeReopenOnly() || wantsReload { runtime.log.reopen() }
        if wantsReload { reload() }
        for signal in [Signal.user1, .user2] where runtime.signals.take(signal) { runtime.runUserHandler(signal) }
    }

    private func reload() {
        let handlers = runtime.reloadHandlers
        guard !runtime.isStarting else { return }
        runtime.handlers.run {
            runtime.manager.reloading()
            for handler in handlers {
                do {
                    try handler()
                } catch {
                    runtime.log.error("reload: \(DaemonError(wrapping: error))")
                }
            }
            if runtime.stopCode.load(ordering: .relaxed) < 0 { runtime.manager.ready() }
        }
    }

    /// The first asks, the second insists.
    private func stop(_ signal: String, code: Int32, _ deadlines: inout Deadlines) {
        guard runtime.stopCode.load(ordering: .relaxed) < 0 else {
            runtime.log.warning("received a second signal to stop (\(signal)), ending now")
            runtime.end(runtime.stopCode.load(ordering: .relaxed), isForced: true)
        }
        runtime.stopCode.store(code, ordering: .relaxed)
        runtime.manager.stopping()
        runtime.log.debug("received \(signal), stopping")
        // A main that never looks at the stop state would only be waited for in vain.
        if !runtime.stopState.isAsked && !runtime.isAsync { runtime.end(code, isForced: true) }
        deadlines.drain = .now + runtime.daemon.drainGap
        deadlines.grace = .now + runtime.daemon.gracePeriod
        enter(.stopping)
    }

    /// The phase is entered at once; handlers run beside us, and the async main is cancelled after them.
    private func enter(_ phase: StopState.Phase) {
        let due = runtime.stopState.enter(phase)
        runtime.stopHandlers.run {
            for body in due { body() }
            if phase == .stopping { runtime.cancelMain() }
        }
    }

    /// Nobody would restart or stop this process any more.
    private func leaveWithoutMaster() -> Never {
        runtime.log.error("the master is gone, ending now")
        runtime.end(1, isForced: true)
    }

    private func endUngracefully() -> Never {
        let limit = durationText(runtime.daemon.gracePeriod)
        runtime.log.error("main did not end within \(limit) of the signal to stop, ending now")
        runtime.end(1, isForced: true)
    }
}
