/// Turns a closure into a daemon: options, double fork, pid file, log, signals, listeners, privileges, readiness.
///
/// The process's whole life lies in here. Call it first, before anything starts a thread. `check` and `prepare` may be
/// left out: without `check` the settings are left out as well, without `prepare` main gets what `check` has returned,
/// and with neither it gets the context alone.
///
/// The daemon is ready, so that the launcher returns and the service manager goes on, when `prepare` has returned; where
/// there is none, when main calls ``Context/ready()``. ``Daemon/readiness`` may say otherwise.
///
/// - Parameters:
///   - daemon: What the daemon is.
///   - options: What its command line offers.
///   - arguments: The command line without the program's name; nil is the process's own.
///   - check: Makes settings of the command line, and of files that it names, in the caller's terminal. What it throws
///     goes to standard error; a `DaemonError` says with which exit status. Nothing has been created by then.
///   - prepare: Runs in the daemon, with the pid file held and privileges dropped; what it returns is for main. What it
///     throws, the launcher prints, and exits 1. It may be `async`: main then runs on a thread of its own.
///   - main: Serves until ``Context/stop`` says otherwise. When it returns or throws, the daemon ends.
public func genericMain<Settings: Sendable, Prepared: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, arguments: [String]? = nil,
    check: (OptionValues) throws -> Settings, prepare: (Context, Settings) throws -> Prepared,
    main: @escaping @Sendable (Context, Prepared) throws -> Void
) -> Never {
    run(
        daemon, options, arguments, check: check,
        serve: { context, keeper, settings in
            Serving(context: context, keeper: keeper, main: .synchronous(main)).begin(hasPrepare: true) {
                try prepare($0, settings)
            }
        })
}

/// The same for an asynchronous main, which is a task: it starts after the forks, beside the main queue.
///
/// At the stop it has the grace period to return. Shortly before that is over its task is cancelled, or earlier where
/// ``Daemon/cancelsMain`` says so.
///
/// - Parameters:
///   - daemon: What the daemon is.
///   - options: What its command line offers.
///   - arguments: The command line without the program's name; nil is the process's own.
///   - check: Makes settings of the command line, and of files that it names, in the caller's terminal. What it throws
///     goes to standard error; a `DaemonError` says with which exit status. Nothing has been created by then.
///   - prepare: Runs in the daemon, with the pid file held and privileges dropped; what it returns is for main. What it
///     throws, the launcher prints, and exits 1.
///   - main: Serves until ``Context/stop`` says otherwise. When it returns or throws, the daemon ends.
public func genericMain<Settings: Sendable, Prepared: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, arguments: [String]? = nil,
    check: (OptionValues) throws -> Settings,
    prepare: @escaping @Sendable (Context, Settings) async throws -> Prepared,
    main: @escaping @Sendable (Context, Prepared) async throws -> Void
) -> Never {
    run(
        daemon, options, arguments, check: check,
        serve: { context, keeper, settings in
            Serving(context: context, keeper: keeper, main: .asynchronous(main)).begin(
                asynchronous: { try await prepare($0, settings) })
        })
}

// A generic parameter that appears twice has no default closure in Swift: what may be left out needs its own function.

// MARK: A synchronous main

@_documentation(visibility: internal)
public func genericMain(
    _ daemon: Daemon, options: OptionList = .standard, arguments: [String]? = nil,
    main: @escaping @Sendable (Context) throws -> Void
) -> Never {
    run(
        daemon, options, arguments, check: { _ in },
        serve: { context, keeper, _ in
            Serving(context: context, keeper: keeper, main: .synchronous { context, _ in try main(context) })
                .begin(hasPrepare: false) { _ in }
        })
}

@_documentation(visibility: internal)
public func genericMain<Settings: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, arguments: [String]? = nil,
    check: (OptionValues) throws -> Settings, main: @escaping @Sendable (Context, Settings) throws -> Void
) -> Never {
    run(
        daemon, options, arguments, check: check,
        serve: { context, keeper, settings in
            Serving(context: context, keeper: keeper, main: .synchronous(main)).begin(hasPrepare: false) { _ in settings
            }
        })
}

@_documentation(visibility: internal)
public func genericMain<Prepared: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, arguments: [String]? = nil,
    prepare: (Context) throws -> Prepared, main: @escaping @Sendable (Context, Prepared) throws -> Void
) -> Never {
    genericMain(
        daemon, options: options, arguments: arguments, check: { _ in },
        prepare: { context, _ in try prepare(context) },
        main: main)
}

// MARK: An asynchronous prepare, and a synchronous main

@_documentation(visibility: internal)
public func genericMain<Settings: Sendable, Prepared: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, arguments: [String]? = nil,
    check: (OptionValues) throws -> Settings,
    prepare: @escaping @Sendable (Context, Settings) async throws -> Prepared,
    main: @escaping @Sendable (Context, Prepared) throws -> Void
) -> Never {
    run(
        daemon, options, arguments, check: check,
        serve: { context, keeper, settings in
            Serving(context: context, keeper: keeper, main: .synchronous(main)).begin(
                asynchronous: { try await prepare($0, settings) })
        })
}

@_documentation(visibility: internal)
public func genericMain<Prepared: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, arguments: [String]? = nil,
    prepare: @escaping @Sendable (Context) async throws -> Prepared,
    main: @escaping @Sendable (Context, Prepared) throws -> Void
) -> Never {
    run(
        daemon, options, arguments, check: { _ in },
        serve: { context, keeper, _ in
            Serving(context: context, keeper: keeper, main: .synchronous(main)).begin(asynchronous: prepare)
        })
}

// MARK: An asynchronous main

@_documentation(visibility: internal)
public func genericMain(
    _ daemon: Daemon, options: OptionList = .standard, arguments: [String]? = nil,
    main: @escaping @Sendable (Context) async throws -> Void
) -> Never {
    run(
        daemon, options, arguments, check: { _ in },
        serve: { context, keeper, _ in
            Serving(context: context, keeper: keeper, main: .asynchronous { context, _ in try await main(context) })
                .begin(hasPrepare: false) { _ in }
        })
}

@_documentation(visibility: internal)
public func genericMain<Settings: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, arguments: [String]? = nil,
    check: (OptionValues) throws -> Settings, main: @escaping @Sendable (Context, Settings) async throws -> Void
) -> Never {
    run(
        daemon, options, arguments, check: check,
        serve: { context, keeper, settings in
            Serving(context: context, keeper: keeper, main: .asynchronous(main)).begin(hasPrepare: false) { _ in
                settings
            }
        })
}

@_documentation(visibility: internal)
public func genericMain<Prepared: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, arguments: [String]? = nil,
    prepare: @escaping @Sendable (Context) async throws -> Prepared,
    main: @escaping @Sendable (Context, Prepared) async throws -> Void
) -> Never {
    run(
        daemon, options, arguments, check: { _ in },
        serve: { context, keeper, _ in
            Serving(context: context, keeper: keeper, main: .asynchronous(main)).begin(asynchronous: prepare)
        })
}

// MARK: An asynchronous main after a prepare that runs on the first thread, while there is no other

@_documentation(visibility: internal)
public func genericMain<Settings: Sendable, Prepared: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, arguments: [String]? = nil,
    check: (OptionValues) throws -> Settings, prepare: (Context, Settings) throws -> Prepared,
    main: @escaping @Sendable (Context, Prepared) async throws -> Void
) -> Never {
    run(
        daemon, options, arguments, check: check,
        serve: { context, keeper, settings in
            Serving(context: context, keeper: keeper, main: .asynchronous(main)).begin(hasPrepare: true) {
                try prepare($0, settings)
            }
        })
}

@_documentation(visibility: internal)
public func genericMain<Prepared: Sendable>(
    _ daemon: Daemon, options: OptionList = .standard, arguments: [String]? = nil,
    prepare: (Context) throws -> Prepared, main: @escaping @Sendable (Context, Prepared) async throws -> Void
) -> Never {
    genericMain(
        daemon, options: options, arguments: arguments, check: { _ in },
        prepare: { context, _ in try prepare(context) }, main: main)
}
