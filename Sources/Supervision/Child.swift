/// A process that was asked for, from its spawn until it is reaped.
package struct Child: Equatable, Sendable {
    package typealias ID = Int

    package enum Phase: String, Sendable {
        /// The spawn is under way: it has no pid yet.
        case spawning
        /// It is on its way to its program: its user may hold it, and a file system may.
        case executing
        case starting
        case ready
        /// It was told to stop.
        case stopping
        /// It was sent SIGKILL.
        case killed
    }

    package let id: ID
    package let service: String
    package let instance: Int
    package let generation: Int
    package internal(set) var pid: Int32 = 0
    /// The process group that gets its signals; 0 when only the process does.
    package internal(set) var group: Int32 = 0
    package internal(set) var phase = Phase.spawning
    package internal(set) var spawnedAt: Instant
    package internal(set) var readyAt: Instant?
    /// It belongs to an old generation, or failed in its start: nothing replaces it.
    package internal(set) var isRetired = false
    /// It did not come to its program, which was reported: its end is not worth a word.
    var isStillborn = false
    /// It was told to stop as part of a restart: it is started again when it is gone.
    var restarts = false
    /// The stop signal that it was sent.
    var told: Int32?
    /// What it counts as once it is old: it may have been kept over reloads.
    var lastGeneration: Int
    /// A ready one gives a beat within each such time.
    var watchdog: Duration?
    /// It grows no older than this, whatever it asks for.
    var endBy: Instant?
    /// A reload came while it was starting.
    var reloadSignal: Int32?
    /// The place that it fills; a restarted child has the place of the one before.
    package internal(set) var slot: SlotID
    /// Its deadline is the end of the time for which it must live to be accepted.
    var isOnProbation = false
    /// What happens to it next, unless something else does before.
    var deadline: Instant?
    var stop: StopRule
    /// How many services are to be ready before it: the stop runs backwards.
    var stage: Int

    init(
        id: ID, service: String, instance: Int, generation: Int, spawnedAt: Instant, slot: SlotID, stop: StopRule,
        stage: Int
    ) {
        self.id = id
        self.service = service
        self.instance = instance
        self.generation = generation
        self.spawnedAt = spawnedAt
        self.slot = slot
        self.stop = stop
        self.stage = stage
        lastGeneration = generation
    }

    package var isSignalled: Bool { phase == .stopping || phase == .killed }
}

package typealias SlotID = Int

/// The place of one instance of a service: who fills it, and when it may be filled again.
struct Slot: Equatable, Sendable {
    let id: SlotID
    var service: Service
    let instance: Int
    var stage: Int
    /// Of the children in it, unless every attempt counts.
    var generation = 0
    /// The round that brings it up; nil once it is of the plan in force.
    var round: Int?
    var child: Child.ID?
    /// Short lives in a row.
    var failures = 0
    var lastSpawn: Instant?
    /// The moments of the restarts that its limit counts.
    var restarts: [Instant] = []
    var restartAt: Instant?
    /// Its restart limit is exhausted, or its policy says no.
    var isOver = false
    /// The round does not wait for it: it is not critical, and failed once.
    var isExcused = false
    /// As it is counted for those who wait.
    var standing = Standing.settled

    enum Standing {
        /// Its child is ready, or nobody expects one.
        case settled
        case awaited
        case over
    }
}

/// How a child is stopped.
struct StopRule: Equatable, Sendable {
    var signal: Int32
    let timeout: Duration?
    /// The signals go to its whole group.
    var group: Bool

    init(_ service: Service) {
        signal = service.stopSignal
        timeout = service.stopTimeout
        group = service.leadsGroup
    }

    init(signal: Int32, timeout: Duration?, group: Bool) {
        self.signal = signal
        self.timeout = timeout
        self.group = group
    }
}
