import Unix

/// The last of a daemon's closures.
enum Main<Checked, Prepared> {
    case synchronous(@Sendable (Context, Checked, Prepared) throws -> Void)
    case asynchronous(@Sendable (Context, Checked, Prepared) async throws -> Void)
}

/// The start-up, in the order of the specification.
func run<Checked: Sendable, Prepared: Sendable>(
    _ daemon: Daemon, _ options: OptionList, check: (OptionValues) throws -> Checked,
    prepare: (Context, Checked) throws -> Prepared, main: Main<Checked, Prepared>
) -> Never {
    let resumption = Resumption.take()
    let values = Resumption.read(resumption, daemon, options)
    var start = Start(daemon, values)
    do {
        if let resumption {
            resumption.answerProof()
            _ = try start.resume(resumption)
            try start.resumeWorkers(resumption)
        }
        try start.refuseSecondThread()
        start.actOnRunningInstance()
        try start.resolveAccount()
        try start.takeInheritance()
        let checked = try check(values)
        if values[StandardOption.check] { CurrentProcess.exit(0) }
        try start.becomeChildOfFirstProcess()
        try start.lockPidFile()
        try start.detach()
        try start.openLog()
        try start.writePidFile()
        let context = try start.makeContext()
        try start.listen()
        try start.superviseWorkers()
        try start.dropPrivileges()
        let prepared = try prepare(context, checked)
        try start.goLive()
        serve(context, checked, prepared, main)
    } catch {
        start.fail(DaemonError(wrapping: error))
    }
}

/// Runs main: on the first thread, or as a task beside the main queue.
private func serve<Checked: Sendable, Prepared: Sendable>(
    _ context: Context, _ checked: Checked, _ prepared: Prepared, _ main: Main<Checked, Prepared>
) -> Never {
    let runtime = context.runtime
    CurrentProcess.releaseStartCode()
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
