/// A process that was asked for, from its spawn until it is reaped.
package struct Child: Equatable, Sendable {
    package typealias ID = Int
    package typealias Phase = Life.Phase

    package let id: ID
    package let service: String
    package let instance: Int
    package let generation: Int
    package internal(set) var spawnedAt: Instant
    package internal(set) var life: Life
    package internal(set) var duty: Duty
    /// What it counts as once it is old: it may have been kept over reloads.
    var lastGeneration: Int
    var stop: StopRule
    /// What it has said itself; nil: its service's rule.
    var ownWatchdog: WatchdogTime?

    init(
        id: ID, service: String, instance: Int, generation: Int, spawnedAt: Instant, life: Life, duty: Duty,
        stop: StopRule
    ) {
        self.id = id
        self.service = service
        self.instance = instance
        self.generation = generation
        self.spawnedAt = spawnedAt
        self.life = life
        self.duty = duty
        self.stop = stop
        lastGeneration = generation
    }

    /// 0 until there is a process.
    package var pid: Int32 { life.identity?.pid ?? 0 }
    /// The process group that gets its signals; 0 when only the process does.
    package var group: Int32 { life.identity?.group ?? 0 }
    package var phase: Phase { life.phase }
    package var readyAt: Instant? { life.readySince }
    package var slot: SlotID? { duty.slot }
    /// Nothing replaces it.
    package var isRetired: Bool { slot == nil }
    /// It was sent its stop signal, or SIGKILL.
    package var isSignalled: Bool { phase == .stopping || phase == .killed }
}

/// How often a child that serves must give a beat.
package enum WatchdogTime: Equatable, Sendable {
    case every(Duration)
    case none

    var duration: Duration? {
        switch self {
        case .every(let duration): duration
        case .none: nil
        }
    }
}

/// How a child is stopped.
struct StopRule: Equatable, Sendable {
    var signal: Int32
    let timeout: Duration?

    init(_ service: Service) {
        signal = service.stopSignal
        timeout = service.stopTimeout
    }

    init(signal: Int32, timeout: Duration?) {
        self.signal = signal
        self.timeout = timeout
    }
}
