import Unix

/// The last of a daemon's closures.
enum Main<Checked, Prepared> {
    case synchronous(@Sendable (Context, Checked, Prepared) throws -> Void)
    case asynchronous(@Sendable (Context, Checked, Prepared) async throws -> Void)
}

/// A daemon with a main. With `--workers` this process becomes the master of several.
func run<Checked: Sendable, Prepared: Sendable>(
    _ daemon: Daemon, _ options: OptionList, check: (OptionValues) throws -> Checked,
    prepare: (Context, Checked) throws -> Prepared, main: Main<Checked, Prepared>
) -> Never {
    switch startUp(daemon, options, isFrontEnd: false, check: check) {
    case .resumed(let listening, let state):
        listening.supervise(resuming: state, workers)
    case .begun(let listening, let checked):
        if listening.facts.role.isMaster { listening.supervise(workers) }
        let unprivileged = listening.dropPrivileges()
        let prepared = unprivileged.prepare { context in try prepare(context, checked) }
        serve(unprivileged.goLive(), checked, prepared, main)
    }
}

private func workers(_ listening: borrowing Listening, _ image: MasterImage) -> FrontEnd {
    let runtime = listening.runtime
    let workers = Workers(runtime, count: runtime.values[StandardOption.workers], image: image)
    var frontEnd = FrontEnd.workers(workers, version: runtime.daemon.version)
    if let path = runtime.values[StandardOption.controlSocket] { frontEnd.controls = [ControlSocketRequest(path)] }
    return frontEnd
}

/// Runs main: on the first thread, or as a task beside the main queue.
private func serve<Checked: Sendable, Prepared: Sendable>(
    _ context: Context, _ checked: Checked, _ prepared: Prepared, _ main: Main<Checked, Prepared>
) -> Never {
    let runtime = context.runtime
    switch main {
    case .synchronous(let body):
        do {
            try body(context, checked, prepared)
            runtime.mainEnded(nil)
        } catch {
            runtime.mainEnded(error)
        }
    case .asynchronous(let body):
        let task = Task.detached {
            do {
                try await body(context, checked, prepared)
                runtime.mainEnded(nil)
            } catch {
                runtime.mainEnded(error)
            }
        }
        runtime.setCancel { task.cancel() }
        Thread.runMainQueue()
    }
}
