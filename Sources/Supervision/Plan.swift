/// What to run, and by which rules. One plan is in force; a reload brings the next.
package struct Plan: Hashable, Sendable {
    package var services: [Service]
    package var rollout = RolloutPolicy.allOrNothing
    /// Between the readiness of the new generation and the stop signal of the old one.
    package var retireDelay = Duration.zero
    /// More old generations than this: the oldest are killed.
    package var maximumOldGenerations: Int?
    /// Older than this since it was told to stop: killed.
    package var maximumOldAge: Duration?
    /// The bad end of a critical child that is not restarted ends everything. HAProxy's exit-on-failure
    package var stopsOnFailure = false
    /// A reload by itself, so long after the last child was accepted; nil or zero for none.
    package var reloadInterval: Duration?
    /// An upgrade is followed by a reload.
    package var reloadsAfterUpgrade = false

    package init(services: [Service]) { self.services = services }
}

/// What a rollout makes of a start that fails, and what counts as a generation.
package enum RolloutPolicy: Hashable, Sendable {
    /// Server::Starter: a start that fails is tried again until it succeeds. Each attempt is a generation of its own.
    case persistent
    /// HAProxy: a critical child that fails in its start fails the rollout, which then changes nothing. Each rollout is
    /// a generation.
    case allOrNothing
}

/// One kind of child: a worker section or a program.
package struct Service: Hashable, Sendable {
    package var name: String
    package var instances = 1
    package var readiness = Readiness.none
    /// A start that takes longer has failed; nil waits for ever.
    package var startTimeout: Duration?
    package var restart = Restart()
    package var stopSignal: Int32
    /// From the stop signal to KILL; nil waits for ever.
    package var stopTimeout: Duration?
    /// A ready child that sends no heartbeat for so long is killed; nil expects none.
    package var watchdog: Duration?
    package var onReload = OnReload.replace
    /// Names of services whose outcome this one's start waits for, and that end after it.
    package var after: [String] = []
    /// Those of them without which it is not started at all; they need not stand in `after` too.
    package var requires: [String] = []
    /// Its failure for good is the end of everything.
    package var isCritical = true
    /// Leads a process group, which gets the signals.
    package var leadsGroup = true

    package init(name: String, stopSignal: Int32) {
        self.name = name
        self.stopSignal = stopSignal
    }

    /// All that go before it.
    package var predecessors: [String] { after + requires }
}

/// When a child serves.
package enum Readiness: Hashable, Sendable {
    /// It says READY=1. sd_notify(3)
    case notified
    /// It is still alive after so long.
    case alive(Duration)
    /// From its spawn on.
    case none
    /// It has ended with success: a one-shot, which runs to its end and is not restarted then.
    case completed
}

/// What a reload does to a service's children.
package enum OnReload: Hashable, Sendable {
    /// New ones beside them; they retire when the new ones are ready.
    case replace
    /// Nothing at all, not even a signal.
    case keep
    /// They are sent this signal once the reload has succeeded.
    case signal(Int32)
    /// They are stopped once the reload has succeeded, and started again.
    case restart
}

/// What follows the end of a child that nobody asked to end.
package struct Restart: Hashable, Sendable {
    package enum When: String, Sendable { case never, onFailure, always }

    package var when = When.always
    /// Codes that are a success as 0 is; 128 + signal for one.
    package var successCodes: Set<Int32> = []
    /// Codes after which nothing is restarted, whatever `when` says.
    package var finalCodes: Set<Int32> = []
    package var backoff = Backoff()
    /// So many restarts in the window; one more, and it has failed for good. nil: no limit.
    package var limit: Limit?

    package struct Limit: Hashable, Sendable {
        package var count: Int
        package var window: Duration

        package init(count: Int, window: Duration) {
            self.count = count
            self.window = window
        }
    }

    package init() {}

    func applies(to status: TerminationStatus) -> Bool {
        if finalCodes.contains(status.code) { return false }
        return switch when {
        case .never: false
        case .onFailure: !isSuccess(status)
        case .always: true
        }
    }

    func isSuccess(_ status: TerminationStatus) -> Bool {
        status.code == 0 || successCodes.contains(status.code)
    }

    /// Nothing to worry about: a success, or the answer to SIGINT or SIGTERM.
    func isGood(_ status: TerminationStatus) -> Bool { !status.isBad || isSuccess(status) }
}

/// The pace of starts: the least time from one spawn to the next, doubled by each life that is shorter than it.
package struct Backoff: Hashable, Sendable {
    package var base = Duration.milliseconds(100)
    package var maximum = Duration.seconds(1)
    /// Up to so many percent are added at random, so that many that fell together do not rise together.
    package var jitter = 0

    package init() {}

    /// After `failures` short lives in a row.
    func pace(failures: Int) -> Duration {
        var pace = base
        // bounded: it ends at the maximum; failures are counted
        for _ in 0..<min(failures, 40) where pace < maximum { pace *= 2 }
        // Never none at all: a program that cannot be started must not keep the processor busy.
        return max(min(pace, maximum), .milliseconds(1))
    }
}

/// Why a plan cannot be followed.
package enum PlanError: Error, Hashable, Sendable {
    case unknownService(String, after: String)
    case cycle([String])
}

extension Plan {
    /// Those that others come after.
    var followed: Set<String> { Set(services.flatMap(\.predecessors)) }

    /// For each service the number of services that must be ready one after the other before it.
    package func stages() throws(PlanError) -> [Int] {
        var indices: [String: Int] = [:]
        for (index, service) in services.enumerated() { indices[service.name] = index }
        var stages: [Int?] = Array(repeating: nil, count: services.count)
        var isOnPath = Array(repeating: false, count: services.count)
        for first in services.indices where stages[first] == nil {  // bounded: indices of the services
            // Not recursive: a chain may be as long as there are services.
            var path = [PathStep(index: first)]
            isOnPath[first] = true  // bounded: indices of the services
            while var step = path.popLast() {
                let service = services[step.index]
                guard step.next < service.predecessors.count else {
                    stages[step.index] = step.stage  // bounded: indices of the services
                    isOnPath[step.index] = false  // bounded: indices of the services
                    continue
                }
                let name = service.predecessors[step.next]
                guard let before = indices[name] else { throw .unknownService(name, after: service.name) }
                if let stage = stages[before] {
                    step.stage = max(step.stage, 1 + stage)
                    step.next += 1
                    path.append(step)
                    continue
                }
                path.append(step)
                if isOnPath[before] { throw cycle(path, at: before) }
                isOnPath[before] = true
                path.append(PathStep(index: before))
            }
        }
        return stages.map { $0 ?? 0 }
    }

    /// A service on the way down, and how many of those that it comes after have their stage.
    private struct PathStep {
        let index: Int
        var next = 0
        var stage = 0
    }

    private func cycle(_ path: [PathStep], at index: Int) -> PlanError {
        .cycle((path.drop { $0.index != index }.map(\.index) + [index]).map { services[$0].name })
    }
}
