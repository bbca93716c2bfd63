/// What the process of a child is in, from the request to spawn it until it is reaped.
///
/// | state     | fork      | exec      | exec failed | ready | stop signal | KILL   | its time is up        |
/// |-----------|-----------|-----------|-------------|-------|-------------|--------|-----------------------|
/// | spawning  | executing |           |             |       |             |        |                       |
/// | executing |           | starting  | killed      |       | stopping    | killed | the start has failed  |
/// | starting  |           |           |             | ready | stopping    | killed | failed, or now ready  |
/// | ready     |           |           |             |       | stopping    | killed | heartbeat missed      |
/// | stopping  |           |           | killed      |       | stopping    | killed | KILL                  |
/// | killed    |           |           |             |       |             |        |                       |
///
/// An empty field changes nothing. Whatever the state, the child leaves the table when it is reaped, and a child that
/// is still spawning leaves it when the spawn fails.
package enum Life: Equatable, Sendable {
    /// The spawn is under way: there is no process yet.
    case spawning(leadsGroup: Bool)
    /// The process is on its way to its program: its user may hold it, and a file system may.
    case executing(Identity, failsAt: Instant?, reloadSignal: Int32?)
    case starting(Identity, StartTimer, reloadSignal: Int32?)
    case ready(Identity, since: Instant, heartbeatBy: Instant?)
    /// It was sent its stop signal.
    case stopping(Identity, Stopping)
    /// It was sent SIGKILL, or the runtime kills it because its program cannot be executed.
    case killed(Identity, readySince: Instant?)

    /// The numbers by which a process is signalled.
    package struct Identity: Equatable, Sendable {
        var pid: Int32
        /// The process group that gets its signals; nil when only the process does.
        var group: Int32?
    }

    /// What the end of a start's time means.
    package enum StartTimer: Equatable, Sendable {
        case none
        /// The start has taken too long.
        case fails(at: Instant)
        /// The child has lived so long that it counts as ready.
        case succeeds(at: Instant)
    }

    package struct Stopping: Equatable, Sendable {
        let signal: Int32
        /// KILL follows then; nil waits for ever.
        var killAt: Instant?
        /// The child grows no older than this, whatever it asks for.
        var latest: Instant?
        let readySince: Instant?
    }
}

extension Life {
    /// The state without what belongs to it. The raw values stand in states and reports.
    package enum Phase: String, CaseIterable, Sendable { case spawning, executing, starting, ready, stopping, killed }

    package var phase: Phase {
        switch self {
        case .spawning: .spawning
        case .executing: .executing
        case .starting: .starting
        case .ready: .ready
        case .stopping: .stopping
        case .killed: .killed
        }
    }

    var identity: Identity? {
        get {
            switch self {
            case .spawning: nil
            case .executing(let identity, _, _), .starting(let identity, _, _), .ready(let identity, _, _),
                .stopping(let identity, _), .killed(let identity, _):
                identity
            }
        }
        set {
            guard let newValue else { return }
            switch self {
            case .spawning: break
            case .executing(_, let failsAt, let signal):
                self = .executing(newValue, failsAt: failsAt, reloadSignal: signal)
            case .starting(_, let timer, let signal): self = .starting(newValue, timer, reloadSignal: signal)
            case .ready(_, let since, let due): self = .ready(newValue, since: since, heartbeatBy: due)
            case .stopping(_, let stopping): self = .stopping(newValue, stopping)
            case .killed(_, let since): self = .killed(newValue, readySince: since)
            }
        }
    }

    /// When it became ready; nil for one that never was.
    var readySince: Instant? {
        switch self {
        case .spawning, .executing, .starting: nil
        case .ready(_, let since, _): since
        case .stopping(_, let stopping): stopping.readySince
        case .killed(_, let since): since
        }
    }

    // MARK: Its timer

    /// What happens to it next, unless something else does before.
    var deadline: Instant? {
        switch self {
        case .spawning, .killed, .starting(_, .none, _): nil
        case .executing(_, let failsAt, _): failsAt
        case .starting(_, .fails(let due), _), .starting(_, .succeeds(let due), _): due
        case .ready(_, _, let due): due
        case .stopping(_, let stopping): stopping.killAt
        }
    }

    /// Its time is up: the timer rings once.
    mutating func timerRang() {
        switch self {
        case .spawning, .killed: break
        case .executing(let identity, _, let signal): self = .executing(identity, failsAt: nil, reloadSignal: signal)
        case .starting(let identity, _, let signal): self = .starting(identity, .none, reloadSignal: signal)
        case .ready(let identity, let since, _): self = .ready(identity, since: since, heartbeatBy: nil)
        case .stopping(let identity, var stopping):
            stopping.killAt = nil
            self = .stopping(identity, stopping)
        }
    }

    /// Puts the timer off, and never forward. Who asks for it runs its program. The time for which a child must live to
    /// be accepted stays as it is, and so does the age of an old generation.
    mutating func extend(to due: Instant) {
        switch self {
        case .starting(let identity, .fails(let limit), let signal):
            self = .starting(identity, .fails(at: max(limit, due)), reloadSignal: signal)
        case .ready(let identity, let since, let limit?):
            self = .ready(identity, since: since, heartbeatBy: max(limit, due))
        case .stopping(let identity, var stopping):
            guard let limit = stopping.killAt else { return }
            stopping.killAt = max(limit, stopping.latest.map { min(due, $0) } ?? due)
            self = .stopping(identity, stopping)
        case .spawning, .executing, .starting, .ready, .killed: break
        }
    }

    // MARK: Transitions

    /// There is a process. False when none was waited for.
    mutating func forked(_ pid: Int32) -> Bool {
        guard case .spawning(let leadsGroup) = self else { return false }
        self = .executing(Identity(pid: pid, group: leadsGroup ? pid : nil), failsAt: nil, reloadSignal: nil)
        return true
    }

    /// Its start takes no longer.
    mutating func failStart(at due: Instant) {
        if case .executing(let identity, _, let signal) = self {
            self = .executing(identity, failsAt: due, reloadSignal: signal)
        }
    }

    /// It runs its program.
    mutating func executed(_ timer: StartTimer) -> Bool {
        guard case .executing(let identity, _, let signal) = self else { return false }
        self = .starting(identity, timer, reloadSignal: signal)
        return true
    }

    mutating func becameReady(at now: Instant, heartbeatBy due: Instant?) -> Bool {
        guard case .starting(let identity, _, _) = self else { return false }
        self = .ready(identity, since: now, heartbeatBy: due)
        return true
    }

    /// A reload came while it was starting: it may not catch the signal yet, and gets it when it is ready.
    mutating func owe(_ signal: Int32) {
        switch self {
        case .executing(let identity, let failsAt, _):
            self = .executing(identity, failsAt: failsAt, reloadSignal: signal)
        case .starting(let identity, let timer, _): self = .starting(identity, timer, reloadSignal: signal)
        case .spawning, .ready, .stopping, .killed: break
        }
    }

    var owedSignal: Int32? {
        switch self {
        case .executing(_, _, let signal), .starting(_, _, let signal): signal
        case .spawning, .ready, .stopping, .killed: nil
        }
    }

    /// It is sent its stop signal, perhaps once more.
    mutating func stopped(by signal: Int32, killAt: Instant?, latest: Instant?) -> Bool {
        switch self {
        case .spawning, .killed: return false
        case .executing(let identity, _, _), .starting(let identity, _, _), .ready(let identity, _, _),
            .stopping(let identity, _):
            let stopping = Stopping(signal: signal, killAt: killAt, latest: latest, readySince: readySince)
            self = .stopping(identity, stopping)
            return true
        }
    }

    mutating func killed() -> Bool {
        switch self {
        case .spawning, .killed: return false
        case .executing(let identity, _, _), .starting(let identity, _, _), .ready(let identity, _, _),
            .stopping(let identity, _):
            self = .killed(identity, readySince: readySince)
            return true
        }
    }
}
