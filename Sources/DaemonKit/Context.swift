import Unix

/// What a running daemon has: its options, log and listeners, when to stop and reload, and whom to tell.
public struct Context: Sendable {
    let runtime: Runtime

    /// The value of an option: given on the command line, or its default.
    public subscript<Value>(option: Option<Value>) -> Value { runtime.values[option] }

    public var daemon: Daemon { runtime.daemon }
    public var options: OptionValues { runtime.values }
    public var log: Log { runtime.log }

    /// The daemon's sockets: handed down, or bound at `--bind` and `--port` before privileges were dropped.
    public var listeners: [Listener] { runtime.listeners }

    /// How many times a superdaemon has started this daemon; 1 without one.
    public var generation: Int { runtime.generation }

    // MARK: Listening

    /// Binds one more socket, for `prepare`. A stale socket file is replaced, a live one is an error; the file is
    /// removed at the end.
    public func listen(on address: BindAddress, _ kind: Listener.Kind = .stream) throws(DaemonError) -> Listener {
        let listener = try Binding.listen(kind, at: address.address, name: address.text)
        runtime.add([listener])
        return listener
    }

    // MARK: Stopping

    /// True from the first SIGTERM or SIGINT on: accept nothing new, and return from main when the work is done.
    public var isStopping: Bool { runtime.stopState.phase >= .stopping }

    /// True when `Daemon.drainGap` has passed since the stop: connections that were on their way have arrived.
    public var isDraining: Bool { runtime.stopState.phase >= .draining }

    /// Readable from the stop on, for a main with a poll loop of its own. Borrowed; do not read from it.
    public func stopDescriptor() throws(DaemonError) -> Int32 {
        try attempt(.process, "cannot make a pipe", runtime.stopState.descriptor)
    }

    /// Stops the daemon as SIGTERM does.
    public func requestStop() {
        runtime.stopRequested.store(true, ordering: .relaxed)
        runtime.signals.wake()
    }

    /// Calls `body` at the stop, on a thread of its own; at once where the daemon already stops.
    public func onStop(_ body: @escaping @Sendable () -> Void) { runtime.stopState.observe(.stopping, body) }

    /// Calls `body` when `isDraining` becomes true.
    public func onDrain(_ body: @escaping @Sendable () -> Void) { runtime.stopState.observe(.draining, body) }

    /// True after a master's soft stop (SIGUSR1): there is no grace period, so a drain may leave each client the time that
    /// it likes. False again when a SIGTERM follows.
    public var isSoftStop: Bool { runtime.isSoftStop.load(ordering: .relaxed) }

    /// Calls `body` when a SIGTERM ends the patience of a soft stop: from now on the grace period runs.
    public func onSoftStopEnd(_ body: @escaping @Sendable () -> Void) { runtime.stopState.observe(.limited, body) }

    /// Waits until the daemon is to stop.
    public func waitForStop() { _ = sleep(for: nil) }

    /// Waits until the daemon is to stop, or the task is cancelled.
    public func waitForStop() async { await Waiting(runtime.stopState).wait(nil) }

    /// Sleeps; false when the daemon is to stop, which ends the sleep.
    public func sleep(for duration: Duration) -> Bool { sleep(for: .some(duration)) }

    /// Sleeps; false when the daemon is to stop or the task is cancelled, which ends the sleep.
    public func sleep(for duration: Duration) async -> Bool {
        await Waiting(runtime.stopState).wait(duration)
        return !isStopping && !Task.isCancelled
    }

    private func sleep(for duration: Duration?) -> Bool {
        guard let descriptor = try? runtime.stopState.descriptor() else {
            // No descriptor to be had: the state still is.
            let deadline = duration.map { MonotonicTime.now + $0 }
            while !isStopping, deadline.map({ $0 > .now }) ?? true { Poll.pause(.milliseconds(50)) }
            return !isStopping
        }
        return !Poll.readable(descriptor, timeout: duration)
    }

    // MARK: Pausing

    /// True while a worker is to accept nothing new: from SIGTTOU to SIGTTIN. What is open goes on.
    public var isPaused: Bool { runtime.pauseState.isPaused }

    /// Calls `body` when accepting is to pause, on a thread of its own; also where that was said before this call.
    /// Handlers run in the order of their registration. A pause and a resumption within one millisecond may be told as
    /// neither.
    public func onPause(_ body: @escaping @Sendable () -> Void) { runtime.pauseState.onPause(body) }

    /// Calls `body` when accepting is to go on.
    public func onResume(_ body: @escaping @Sendable () -> Void) { runtime.pauseState.onResume(body) }

    // MARK: Commands

    /// Answers a command of the control socket, where the daemon runs with `--workers`: `@1 show cache` there asks the
    /// first worker. What `body` returns or throws is the answer, of 4 MiB at most.
    ///
    /// May be called at any time. The longest words that fit are the command; of the same words the last registration
    /// counts, also before a command that every worker has. `body` runs on another thread: not twice at once, but beside
    /// other commands.
    /// - Parameters:
    ///   - words: One or more, with blanks between.
    ///   - help: One line for the command `help`.
    ///   - level: What the session must have.
    ///   - body: Gets the arguments, and returns the answer.
    public func command(
        _ words: String, _ help: String, level: ControlLevel,
        _ body: @escaping @Sendable (CommandRequest) throws -> String
    ) {
        runtime.commands.add(WorkerCommands.Command(words, help, level: level, body))
    }

    // MARK: Reloading and signals

    /// Calls `body` at each SIGHUP, after the log was reopened: handlers run in the order of their registration, and one
    /// that throws is logged and does not stop the others.
    public func onReload(_ body: @escaping @Sendable () throws -> Void) { runtime.onReload(body) }

    /// The two signals that are free for a daemon's own use.
    public enum UserSignal: Sendable {
        case usr1, usr2
    }

    /// Calls `body` at each of these signals. Without a handler the signal ends the process. signal(7)
    ///
    /// Not for SIGUSR1 in a worker of `--workers`: there it is the master's soft stop, which is SIGTERM's without the
    /// grace period.
    public func onSignal(_ signal: UserSignal, _ body: @escaping @Sendable () -> Void) {
        runtime.onUserSignal(signal == .usr1 ? .user1 : .user2, body)
    }

    // MARK: Telling

    /// Says that the daemon serves, where `Daemon.readiness` is `.explicit`. The launcher returns now.
    /// - Throws: when nobody waits for this daemon any more; let it end main.
    public func ready() throws(DaemonError) { try runtime.ready() }

    /// One line for the service manager's status, such as `systemctl status`.
    public func status(_ text: String) { runtime.tell(.status(text)) }

    /// The service manager's watchdog is fed only while `body` returns true. It must be quick: signals wait for it.
    public func onWatchdog(_ body: @escaping @Sendable () -> Bool) { runtime.setHealth(body) }
}

/// An asynchronous wait for the stop, a time or a cancellation, whichever comes first.
private struct Waiting {
    let stopState: StopState

    init(_ stopState: StopState) { self.stopState = stopState }

    func wait(_ duration: Duration?) async {
        let nap = Task {
            while !Task.isCancelled {
                do {
                    // Task.sleep traps on the end of time; a century will do.
                    try await Task.sleep(for: min(duration ?? .seconds(31_536_000), .seconds(3_153_600_000)))
                } catch {
                    return
                }
                if duration != nil { return }
            }
        }
        let observer = stopState.observe(.stopping) { nap.cancel() }
        await withTaskCancellationHandler {
            await nap.value
        } onCancel: {
            nap.cancel()
        }
        stopState.forget(observer)
    }
}
