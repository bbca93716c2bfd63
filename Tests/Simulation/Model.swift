import Supervision

/// A process from the request to spawn it until it is reaped.
struct Process {
    enum Role { case candidate, current, old }
    enum Phase { case asked, executing, starting, ready, stopping, killed }

    let id: Child.ID
    let label: SlotID
    let generation: Int
    /// What it counts as once it is old.
    var lastGeneration: Int
    /// It is to lead a group.
    let leads: Bool
    var pid: Int32 = 0
    /// The group that its signals go to; 0 for none.
    var group: Int32 = 0
    /// Its page in the book.
    var rules: Int
    var role: Role
    var phase = Phase.asked
    /// It did not come to its program: nobody waits for its end.
    var isStillborn = false
    /// The runtime has not told yet whether it came to its program.
    var isOnItsWay = false
    /// It said READY=1 and is to be accepted.
    var isReadied = false
    var readyDue = never
    var startDue = never
    var killDue = never
    var watchDue = never
    /// How often it has said that it beats; nil where it has said nothing.
    var ownWatchdog: Int64?
    /// The least that `watchDue` will be when it is accepted.
    var watchFrom: Int64 = 0
    /// It grows no older, whatever it asks for.
    var endBy = never
    /// Its watchdog was reported to have got no beat.
    var hasMissed = false
    /// The reload signal that it gets when it is ready; 0 for none.
    var owed: Int32 = 0
    /// A hard reload has changed its stop signal.
    var isHard = false
    /// The last stop signal, and how urgent: 1 without a stop, 2 and more with one.
    var signal: Int32 = 0
    var urgency = 0
    /// It is to be started again once it has ended.
    var restarts = false
    /// It serves, but the state told too little about it: told to stop by the next good reload.
    var isAdopted = false

    init(_ child: Child, role: Role, rules: Int, leads: Bool) {
        id = child.id
        label = child.slot ?? 0
        generation = child.generation
        lastGeneration = child.generation
        self.role = role
        self.rules = rules
        self.leads = leads
    }

    init(adopted child: Child) {
        self.init(child, role: .old, rules: 0, leads: false)
        pid = child.pid
        phase = .ready
        isAdopted = true
    }

    var isSignalled: Bool { phase == .stopping || phase == .killed }
    /// Its start is not over.
    var isStarting: Bool { phase == .executing || phase == .starting }
}

/// Where one instance of a service belongs.
struct SlotModel {
    /// -1 until somebody is spawned in it.
    var label: SlotID
    let instance: Int
    var rules: Int
    var isCandidate: Bool
    /// The page of the new rules, while a rollout means to keep it.
    var kept = -1
    var failures = 0
    var lastSpawn: Int64
    var restarts: [Int64] = []
    var isFilled = true
    var isOver = false
    /// It has ended well, and is not to be restarted.
    var isDone = false
    /// The rollout does not wait for it: it is not critical, and has failed once, or nothing served before.
    var isExcused = false
    /// It is not critical, and has failed once, but others wait what becomes of it, until then.
    var isFollowed = false
    var patience = never
    /// It waits for what it requires.
    var isBlocked = false
    /// It is filled again between these two.
    var due = never
    var latest = never
}

/// A plan's rules for the whole.
struct Terms {
    let base: Int
    let count: Int
    let slots: Int
    /// A start that fails is tried again, and every attempt is a generation.
    let retries: Bool
    let stopsOnFailure: Bool
    let reloadsAfterUpgrade: Bool
    let bound: Int
    let age: Int64
    var delay: Int64
    var interval: Int64

    init(_ charter: Charter, base: Int) {
        self.base = base
        count = charter.plan.services.count
        slots = charter.slots
        retries = charter.plan.rollout == .persistent
        stopsOnFailure = charter.plan.stopsOnFailure
        reloadsAfterUpgrade = charter.plan.reloadsAfterUpgrade
        bound = charter.plan.maximumOldGenerations ?? Int.max
        age = charter.plan.maximumOldAge?.wholeNanoseconds ?? never
        delay = charter.plan.retireDelay.wholeNanoseconds
        interval = charter.plan.reloadInterval?.wholeNanoseconds ?? never
    }
}

/// A rollout: from its load to its success or failure.
struct RolloutModel {
    var isHard = false
    /// nil until the configuration is loaded.
    var terms: Terms?
    /// How many new slots there must be.
    var needed = 0
    var generation = 0
    /// Everyone is ready; the old ones are told then.
    var delayDue = never
}

struct Request {
    enum State: Equatable {
        case rollout, waiting, upgrade, owedDone, owedStopping, owedFailure, owedUpgradeFailure
        /// Until the rollout is over.
        case queued
        case everything
        case service(String)
        case end(of: Set<Child.ID>)
        case owedUnknown(String)
        case owedNoInstances(String)
        case owedNotStarted(String)
    }

    let requester: Requester
    var state: State

    var isOwed: Bool {
        switch state {
        case .rollout, .waiting, .upgrade, .queued, .everything, .service, .end: false
        default: true
        }
    }
}

/// What is to be seen among the actions of the event at hand.
struct Expectations {
    var load = false
    var isHard = false
    var prove = false
    var isResuming = false
    var stop: StopRequest?
    /// The engine ends everything by itself, with this code.
    var ownStop: Int32?
    var rolloutFails = false
    /// A current or a candidate child was told although no time-out or stop asks for it: a rollout must end now.
    var signalledCurrent = false
    var signalledCandidate = false
    var reloadSignals: [Child.ID] = []
    /// A command tells these.
    var signalled: Set<Child.ID> = []
    /// Its watchdog is triggered.
    var missed: Child.ID?
    /// Another process is told what the one before was.
    var signalledAgain: (id: Child.ID, signal: Int32)?
}
