import Text
import Unix

/// The one thread that takes signals once the daemon serves. It sleeps until one comes or a deadline that exists.
struct SignalThread: Sendable {
    let runtime: Runtime

    private struct Deadlines {
        var beat: MonotonicTime?
        var drain: MonotonicTime?
        var grace: MonotonicTime?
        /// Of an asynchronous main.
        var cancel: MonotonicTime?
        /// At the signals' handlers.
        var looks: [MonotonicTime]

        var next: MonotonicTime? { [beat, drain, grace, cancel, looks.first].compactMap(\.self).min() }
    }

    func start() throws(DaemonError) {
        try attempt(.process, "cannot start the signal thread") { () throws(Errno) in
            try Thread.start { run() }
        }
    }

    private func run() {
        // Whatever became of the first thread's mask, somebody takes signals.
        Signal.unblockAll()
        let interval = runtime.manager.beatInterval
        var deadlines = Deadlines(
            beat: interval.map { _ in .now }, looks: StolenSignals.looks.map { MonotonicTime.now + $0 })
        var channel = runtime.channel
        // What came before there was a pipe has left its mark all the same.
        takeSignals(&deadlines)
        while true {
            let ready = Poll.readable(
                [runtime.signals.descriptor, channel?.descriptor ?? -1],
                timeout: deadlines.next.map { max(.zero, $0 - .now) })
            if ready[1], channel?.receive() == false {  // bounded: as many as were asked for
                channel = nil
                goOnWithoutMaster(&deadlines)
            }
            runtime.signals.drain()
            takeSignals(&deadlines)
            let now = MonotonicTime.now
            deadlines.looks.removeAll { $0 <= now }
            runtime.lookAtSignals()
            if let beat = deadlines.beat, beat <= now, let interval {
                if runtime.isHealthy { runtime.tell(.beat) }
                deadlines.beat = now + interval
            }
            if let drain = deadlines.drain, drain <= now {
                deadlines.drain = nil
                runtime.enter(.draining)
                if deadlines.grace != nil { runtime.enter(.closing) }
            }
            if let cancel = deadlines.cancel, cancel <= now {
                deadlines.cancel = nil
                runtime.cancelMain()
            }
            if let grace = deadlines.grace, grace <= now { endUngracefully() }
        }
    }

    private func takeSignals(_ deadlines: inout Deadlines) {
        if runtime.signals.take(.terminate) || runtime.stopRequested.exchange(false, ordering: .relaxed) {
            stop("SIGTERM", code: 0, &deadlines)
        }
        if runtime.signals.takeMildStop() {
            // Who asks for what is under way already only waits with the others.
            if runtime.isAskedToStop, deadlines.grace != nil {
                runtime.log.debug("asked to stop again, which goes on as it was")
            } else {
                stop("SIGTERM", code: 0, &deadlines)
            }
        }
        for signal in [Signal.interrupt, .quit] where runtime.signals.take(signal) {
            stop("\(signal)", code: 130, &deadlines)
        }
        if runtime.channel != nil { takeMasterSignals(&deadlines) }
        var wantsReload = runtime.signals.take(.hangup)
        if wantsReload, runtime.signals.takeTerminalEnd() {
            wantsReload = false
            if !runtime.isAskedToStop {
                runtime.log.warning("the terminal is gone, stopping")
                stop("SIGHUP", code: 0, &deadlines)
            }
        }
        if runtime.signals.takeReopenOnly() || wantsReload { runtime.log.reopen() }
        if wantsReload { runtime.reloads.request() }
        for signal in [Signal.user1, .user2] where runtime.signals.take(signal) { runtime.runUserHandler(signal) }
    }

    /// A stop that came at the same time goes before a soft one.
    private func takeMasterSignals(_ deadlines: inout Deadlines) {
        if runtime.signals.take(.user1), !runtime.isAskedToStop {
            beginStop("SIGUSR1", code: 0, &deadlines)
        }
        takePause()
    }

    /// Signals that wait together have no order. A pause and its end leave everything as it was, and the second of them
    /// comes within a moment; whoever is to stop has no use for either.
    private func takePause() {
        var (pauses, resumes) = takeBoth()
        guard pauses || resumes else { return }
        if pauses != resumes {
            Poll.pause(.milliseconds(1))
            let more = takeBoth()
            (pauses, resumes) = (pauses || more.pauses, resumes || more.resumes)
        }
        guard pauses != resumes, pauses != runtime.pauseState.isPaused, !runtime.isAskedToStop else { return }
        runtime.log.notice(pauses ? "accepting pauses" : "accepting goes on")
        runtime.pauseState.set(pauses)
    }

    private func takeBoth() -> (pauses: Bool, resumes: Bool) {
        (runtime.signals.take(.terminalOutput), runtime.signals.take(.terminalInput))
    }

    /// The first asks, the second insists; after a soft stop the first limits it.
    private func stop(_ signal: String, code: Int32, _ deadlines: inout Deadlines) {
        guard runtime.isAskedToStop else {
            limit(&deadlines)
            return beginStop(signal, code: code, &deadlines)
        }
        guard deadlines.grace != nil else {
            runtime.log.debug("received \(signal), the soft stop is limited")
            runtime.stopCode.store(code, ordering: .relaxed)
            limit(&deadlines)
            // Within the gap its end says so.
            if deadlines.drain == nil { runtime.enter(.closing) }
            return
        }
        runtime.log.warning("received a second signal to stop (\(signal)), ending now")
        runtime.end(runtime.stopCode.load(ordering: .relaxed), isForced: true)
    }

    /// The grace period begins.
    private func limit(_ deadlines: inout Deadlines) {
        let (now, grace) = (MonotonicTime.now, runtime.daemon.gracePeriod)
        deadlines.grace = now + grace
        if runtime.daemon.cancelsMain == .atGrace {
            deadlines.cancel = now + MainCancellation.delay(within: grace)
        }
    }

    private func beginStop(_ cause: String, code: Int32, _ deadlines: inout Deadlines) {
        runtime.log.debug("received \(cause), stopping")
        runtime.stopCode.store(code, ordering: .relaxed)
        runtime.tell(.stopping)
        runtime.pidFile?.markStopping()
        deadlines.drain = .now + runtime.daemon.drainGap
        runtime.enter(.stopping)
    }

    /// Nobody would restart or stop this process any more.
    private func goOnWithoutMaster(_ deadlines: inout Deadlines) {
        guard runtime.daemon.onMasterDeath == .drain else {
            runtime.log.error("the master is gone, ending now")
            runtime.end(1, isForced: true)
        }
        runtime.log.error("the master is gone, stopping")
        if deadlines.grace == nil { stop("the end of the master", code: 1, &deadlines) }
        runtime.stopCode.store(1, ordering: .relaxed)
    }

    private func endUngracefully() -> Never {
        let limit = DurationText.text(runtime.daemon.gracePeriod)
        if runtime.daemon.gracePeriod <= .zero {
            runtime.end(runtime.stopCode.load(ordering: .relaxed), isForced: true)
        }
        runtime.log.error("main did not end within \(limit) of the signal to stop, ending now")
        runtime.end(1, isForced: true)
    }
}
