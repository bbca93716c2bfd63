import Unix

/// The last of a daemon's closures.
enum Main<Prepared>: Sendable {
    case synchronous(@Sendable (Context, Prepared) throws -> Void)
    case asynchronous(@Sendable (Context, Prepared) async throws -> Void)
}

/// A daemon whose start has made everything: `prepare`, readiness, and `main` to its end.
struct Serving<Prepared: Sendable>: Sendable {
    let context: Context
    let keeper: Keeper?
    let main: Main<Prepared>

    /// A synchronous `prepare`, or none, runs on the first thread while there is no other.
    func begin(hasPrepare: Bool, _ prepare: (Context) throws -> Prepared) -> Never {
        let runtime = context.runtime
        runtime.decideReadiness(hasPrepare: hasPrepare)
        do {
            if case .asynchronous = main { try DaemonError.requireTasks("an async main") }
            let prepared = try prepare(context)
            try runtime.goLive(keeper)
            switch main {
            case .synchronous(let body): end(with: body, prepared)
            case .asynchronous(let body): start(body, prepared)
            }
        } catch {
            runtime.endStart(DaemonError(wrapping: error))
        }
        Thread.runMainQueue()
    }

    /// An asynchronous one is a task, after the last fork. Signals end the start until it has returned.
    func begin(asynchronous prepare: @escaping @Sendable (Context) async throws -> Prepared) -> Never {
        let runtime = context.runtime
        runtime.decideReadiness(hasPrepare: true)
        do throws(DaemonError) {
            try DaemonError.requireTasks("an async prepare")
        } catch {
            runtime.endStart(error)
        }
        Task.detached {
            do {
                let prepared = try await prepare(context)
                try runtime.goLive(keeper)
                switch main {
                case .synchronous(let body):
                    // Not in a task: a main that waits in poll(2) would take its thread away from all others.
                    try Thread.start(stackSize: 8 << 20) { end(with: body, prepared) }
                case .asynchronous(let body): start(body, prepared)
                }
            } catch {
                runtime.endStart(DaemonError(wrapping: error))
            }
        }
        Thread.runMainQueue()
    }

    private func end(with body: @Sendable (Context, Prepared) throws -> Void, _ prepared: Prepared) -> Never {
        do {
            try body(context, prepared)
            context.runtime.mainEnded(nil)
        } catch {
            context.runtime.mainEnded(error)
        }
    }

    private func start(_ body: @escaping @Sendable (Context, Prepared) async throws -> Void, _ prepared: Prepared) {
        let task = Task.detached {
            do {
                try await body(context, prepared)
                context.runtime.mainEnded(nil)
            } catch {
                context.runtime.mainEnded(error)
            }
        }
        context.runtime.setCancel { task.cancel() }
    }
}
