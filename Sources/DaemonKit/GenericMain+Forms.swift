/// Turns a closure into a daemon: options, double fork, pid file, log, signals, listeners, privileges, readiness.
///
/// The process's whole life lies in here: `main` runs when the launcher has been told that the daemon serves, and when
/// it returns or throws, the daemon ends. Call it first, before anything starts a thread.
public func genericMain(
    _ daemon: Daemon, options: OptionList = .standard, main: @escaping @Sendable (Context) throws -> Void
) -> Never {
    run(
        daemon, options, check: { _ in }, prepare: { _, _ in },
        main: .synchronous { context, _, _ in try main(context) })
}

/// The same for an asynchronous main: it runs after the forks, and is cancelled at the stop.
public func genericMain(
    _ daemon: Daemon, options: OptionList = .standard, main: @escaping @Sendable (Context) async throws -> Void
) -> Never {
    run(
        daemon, options, check: { _ in }, prepare: { _, _ in },
        main: .asynchronous { context, _, _ in try await main(context) })
}

/// The same with a check before anything is created.
///
/// - Parameters:
///   - daemon: what the daemon is.
///   - options: what its command line offers.
///   - check: validates options and configuration in the caller's terminal. What it throws goes to standard error; a
///     `DaemonError` says with which exit status.
///   - main: gets what `check` returned.
public func genericMain<Checked: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, check: (OptionValues) throws -> Checked,
    main: @escaping @Sendable (Context, Checked) throws -> Void
) -> Never {
    run(
        daemon, options, check: check, prepare: { _, _ in },
        main: .synchronous { context, checked, _ in try main(context, checked) })
}

/// The same with a check before anything is created, for an asynchronous main.
public func genericMain<Checked: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, check: (OptionValues) throws -> Checked,
    main: @escaping @Sendable (Context, Checked) async throws -> Void
) -> Never {
    run(
        daemon, options, check: check, prepare: { _, _ in },
        main: .asynchronous { context, checked, _ in try await main(context, checked) })
}

/// The same with a preparation before the launcher returns.
///
/// - Parameters:
///   - daemon: what the daemon is.
///   - options: what its command line offers.
///   - prepare: runs in the daemon, with the pid file held and privileges dropped. What it throws, the launcher prints,
///     and exits 1.
///   - main: gets what `prepare` returned.
public func genericMain<Prepared: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, prepare: (Context) throws -> Prepared,
    main: @escaping @Sendable (Context, Prepared) throws -> Void
) -> Never {
    run(
        daemon, options, check: { _ in }, prepare: { context, _ in try prepare(context) },
        main: .synchronous { context, _, prepared in try main(context, prepared) })
}

/// The same with a preparation before the launcher returns, for an asynchronous main.
public func genericMain<Prepared: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, prepare: (Context) throws -> Prepared,
    main: @escaping @Sendable (Context, Prepared) async throws -> Void
) -> Never {
    run(
        daemon, options, check: { _ in }, prepare: { context, _ in try prepare(context) },
        main: .asynchronous { context, _, prepared in try await main(context, prepared) })
}

/// All three closures: `check` in the caller's terminal, `prepare` in the daemon before the launcher returns, `main`.
public func genericMain<Checked: Sendable, Prepared: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, check: (OptionValues) throws -> Checked,
    prepare: (Context, Checked) throws -> Prepared,
    main: @escaping @Sendable (Context, Checked, Prepared) throws -> Void
) -> Never {
    run(daemon, options, check: check, prepare: prepare, main: .synchronous(main))
}

/// All three closures, with an asynchronous main.
public func genericMain<Checked: Sendable, Prepared: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, check: (OptionValues) throws -> Checked,
    prepare: (Context, Checked) throws -> Prepared,
    main: @escaping @Sendable (Context, Checked, Prepared) async throws -> Void
) -> Never {
    run(daemon, options, check: check, prepare: prepare, main: .asynchronous(main))
}
