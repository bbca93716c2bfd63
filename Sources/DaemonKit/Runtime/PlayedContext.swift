import MasterRuntime
import Unix

/// A context without a start, signals or a master: whoever holds this plays their part. DaemonTestKit is made of it.
package struct PlayedContext: Sendable {
    package let context: Context
    private var runtime: Runtime { context.runtime }

    /// - Throws: Where there is no descriptor to be had.
    package init(
        _ daemon: Daemon, _ values: OptionValues, log: Log, manager: ServiceManager, listeners: [Listener]
    ) throws(DaemonError) {
        let signals = try attempt(.process, "cannot make a pipe") { () throws(Errno) in
            try SignalPipe(isConnected: false)
        }
        let runtime = Runtime(
            daemon: daemon, values: values, log: log, manager: manager, signals: signals, pidFile: nil, report: nil,
            generation: 1, role: nil)
        runtime.add(listeners)
        runtime.setWhenReady { () throws(DaemonError) in try runtime.tellReady() }
        context = Context(runtime: runtime)
    }

    package var isHealthy: Bool { runtime.isHealthy }

    /// Enters this phase of the stop, and those before it, in their order; returns when the handlers have run.
    package func enter(_ phase: StopPhase) {
        if !runtime.isAskedToStop, phase > .running {
            runtime.stopCode.store(0, ordering: .relaxed)
            runtime.tell(.stopping)
        }
        for each in [StopPhase.stopping, .draining, .closing] where each <= phase { runtime.enter(each) }
        runtime.stopHandlers.waitUntilIdle()
    }

    /// Returns when the handlers have run.
    package func setPaused(_ isPaused: Bool) {
        runtime.pauseState.set(isPaused)
        runtime.pauseState.waitUntilIdle()
    }

    /// As at SIGHUP: `answer` gets the first error of the handlers.
    package func reload(_ answer: @escaping @Sendable (DaemonError?) -> Void) {
        runtime.log.reopen()
        runtime.reloads.request(answer)
    }

    /// Returns when the handler has run.
    package func signal(_ signal: Context.UserSignal) {
        runtime.runUserHandler(signal.signal)
        runtime.handlers.waitUntilIdle()
    }

    /// Runs a command of the daemon's own; `answer` is called once, on another thread.
    package func run(
        _ line: String, payload: String?, level: ControlLevel, _ answer: @escaping @Sendable (String) -> Void
    ) {
        let words = line.split(separator: " ").map(String.init)
        runtime.commands.run(ControlRequest(words, payload: payload), level: level, answer)
    }

    /// Removes the files of its sockets.
    package func end() { runtime.cleanUp() }
}
