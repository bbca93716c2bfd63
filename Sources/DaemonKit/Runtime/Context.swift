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

    /// How many processes ran main beside each other when this one was started: 1, or as `--workers` said.
    public var workerCount: Int { runtime.role?.count ?? 1 }

    /// Which of them this one is, from 1 on.
    public var workerNumber: Int { runtime.role?.number ?? 1 }

    // MARK: Listening

    /// Binds one more socket, for `prepare`. A stale socket file is replaced, a live one is an error; the file is
    /// removed at the end. A user or group in the address's options is looked up here.
    public func listen(on address: BindAddress, _ kind: Listener.Kind = .stream) throws(DaemonError) -> Listener {
        let listener = try Binding.listen(
            kind, at: address.address, SocketSettings(address.options), name: address.text)
        runtime.add([listener])
        return listener
    }

    /// Makes the queue of a listener's clients again as long as `--bind` says, or else as the system allows: for a framework
    /// that has called listen(2) once more with a length of its own, as SwiftNIO does for a socket that it is given. Without
    /// effect on datagrams. A length that another giver of the socket has chosen is not known here.
    public func restoreBacklog(of listener: Listener) {
        let binds = self[StandardOption.bind]
        // A port that the system has chosen is not the one that was asked for.
        let bind = binds.first { listener.isBound(to: $0.address) } ?? (binds.count == 1 ? binds.first : nil)
        listener.restoreBacklog(bind?.options.backlog)
    }

    /// Raises the limit of open descriptors of this process towards `wanted`, as far as its hard limit goes; children
    /// start with the old one. Returns the limit that is in force. getrlimit(2)
    @discardableResult
    public func allowOpenFiles(_ wanted: Int) -> Int { Limits.raiseOpenFiles(to: wanted) }

    // MARK: Stopping

    /// When and how the daemon is to end.
    public var stop: Stop { Stop(runtime: runtime) }

    /// True from the first SIGTERM or SIGINT on: accept nothing new, and return from main when the work is done.
    public var isStopping: Bool { runtime.stopState.phase > .running }

    /// Sleeps; false when the daemon is to stop, which ends the sleep.
    public func sleep(for duration: Duration) -> Bool {
        runtime.mainWaits()
        guard let descriptor = try? runtime.stopState.descriptor() else {
            // No descriptor to be had: the state still is.
            let deadline = MonotonicTime.now + duration
            while !isStopping, deadline > .now { Poll.pause(.milliseconds(50)) }
            return !isStopping
        }
        return !Poll.readable(descriptor, timeout: duration)
    }

    /// Sleeps; false when the daemon is to stop or the task is cancelled, which ends the sleep.
    public func sleep(for duration: Duration) async -> Bool {
        runtime.mainWaits()
        await Nap(runtime.stopState).take(duration)
        return !isStopping && !Task.isCancelled
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

    /// Calls `body` at each SIGHUP, after the log was reopened: handlers run in the order of their registration, beside
    /// main, and the reload is over when the last one has returned.
    ///
    /// One that throws is logged, does not keep the others from running, and makes the reload a failed one: the service
    /// manager's status says so, and so does the answer of `@1 reload` on the control socket. While a reload runs, all
    /// that are asked for meanwhile become one.
    public func onReload(_ body: @escaping @Sendable () throws -> Void) { runtime.reloads.add(.synchronous(body)) }

    /// The same for a handler that awaits something.
    public func onReload(_ body: @escaping @Sendable () async throws -> Void) {
        runtime.reloads.add(.asynchronous(body))
    }

    /// The two signals that are free for a daemon's own use.
    public struct UserSignal: Hashable, Sendable {
        let signal: Signal

        public static let usr1 = UserSignal(signal: .user1)
        public static let usr2 = UserSignal(signal: .user2)
    }

    /// Calls `body` at each of these signals. Without a handler the log has a warning, and nothing else happens.
    ///
    /// Not for SIGUSR1 in a worker of `--workers`: there it is the master's soft stop, which is SIGTERM's without the
    /// grace period.
    public func onSignal(_ signal: UserSignal, _ body: @escaping @Sendable () -> Void) {
        runtime.onUserSignal(signal.signal, body)
    }

    // MARK: Telling

    /// Says that the daemon serves: the launcher returns now, and a reload of workers goes on. A second call does nothing.
    ///
    /// For mains without a `prepare`, whose end says so otherwise, and for ``Daemon/Readiness/explicit``.
    /// - Throws: When nobody waits for this daemon any more; let it end main.
    public func ready() throws(DaemonError) { try runtime.ready() }

    /// One line for the service manager's status, such as `systemctl status`.
    public func status(_ text: String) { runtime.tell(.status(text)) }

    /// The service manager's watchdog is fed only while `body` returns true. It must be quick: signals wait for it.
    public func onWatchdog(_ body: @escaping @Sendable () -> Bool) { runtime.setHealth(body) }
}
