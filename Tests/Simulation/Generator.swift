import Supervision

/// Makes up the next step, knowing the world: most of the time something that is likely there, sometimes anything.
extension Dice {
    mutating func step(in world: World, _ frontEnd: FrontEnd) -> Step {
        if chance(50), let step = naturalStep(in: world) { return step }
        switch roll(100) {
        case ..<14: return .deadline(offset: offset())
        case ..<20: return .advance(pick([1, 10_000_000, 100_000_000, 500_000_000, 3_000_000_000, 100_000_000_000]))
        case ..<38: return .exit(roll(16), status())
        case ..<48: return .ready(roll(16))
        case ..<55: return .command(command(), hasRequester: chance(85))
        case ..<57: return chance(75) ? .waitReady : .forget(roll(8))
        case ..<66: return .reload(requesters: pick([0, 1, 1, 1, 1, 2, 4]), hard: chance(20))
        case ..<71: return .stop(stop())
        case ..<77: return .configure(plan(frontEnd))
        case ..<80: return .configuration(isBroken: chance(50))
        case ..<83: return .failSpawns(1 + roll(3))
        case ..<85: return .upgrade(hasRequester: chance(80))
        case ..<87: return .proof(isGood: chance(85))
        case ..<88: return .exec(works: chance(60))
        case ..<90: return .stranger(pid: Int32(pick([1, 99, 100, 101, 107, 4242])), isReady: chance(50))
        case ..<91: return .adopt
        case ..<93:
            return .adjust(
                retireDelay: .seconds(pick([0, 2])), reloadInterval: chance(50) ? nil : .seconds(pick([1, 7])))
        case ..<94:
            return chance(50)
                ? .spawnTime(pick([0, 1, 600_000_000, 5_000_000_000])) : .slowExecutions(chance(70))
        case ..<95:
            return chance(50)
                ? .mainProcess(roll(16), pick(MainGroup.allCases)) : .advance(31_536_000_000_000_000)
        case ..<96:
            return chance(50)
                ? .extend(roll(16), .milliseconds(pick([1, 700, 20_000])))
                : .watchdog(roll(16), pick([.every(.milliseconds(300)), .every(.seconds(20)), .none]))
        case ..<97: return chance(70) ? .heartbeat(roll(16)) : .heartbeatMissed(roll(16))
        case ..<99: return .deadline(offset: offset())
        default: return .timer
        }
    }

    /// Children get ready, obey, and time passes.
    private mutating func naturalStep(in world: World) -> Step? {
        if world.isProofPending && chance(15) { return .proof(isGood: chance(90)) }
        // Several, to be done one after the other.
        if world.rollout != nil && chance(6) { return .command(command(), hasRequester: chance(85)) }
        guard !world.living.isEmpty else { return nil }
        let which = roll(world.living.count)
        let process = world.living[which]
        switch process.phase {
        case .stopping where process.isOnItsWay && chance(50): return .execution(which, works: chance(50))
        case .stopping: return .exit(which, chance(70) ? .signaled(process.signal, dumpedCore: false) : .exited(0))
        case .killed: return .exit(which, .signaled(9, dumpedCore: false))
        case .starting where world.book[process.rules].readiness == .completed && chance(80):
            return .exit(which, .exited(chance(80) ? 0 : 1))
        case .starting: return chance(70) ? .ready(which) : .deadline(offset: offset())
        case .executing: return chance(80) ? .execution(which, works: chance(75)) : .deadline(offset: offset())
        case .ready where process.watchDue != never && chance(60): return .heartbeat(which)
        case .ready, .asked: return .deadline(offset: offset())
        }
    }

    private mutating func offset() -> Int64 { pick([0, 0, 0, 0, 1, -1, 400_000_000, 10_000_000_000]) }

    private mutating func status() -> TerminationStatus {
        switch roll(10) {
        case 0, 1, 2: .exited(0)
        case 3, 4: .exited(1)
        case 5: .exited(Int32(pick([70, 128, 130, 143, 255])))
        case 6, 7: .signaled(15, dumpedCore: false)
        case 8: .signaled(9, dumpedCore: false)
        default: .signaled(11, dumpedCore: true)
        }
    }

    private mutating func command() -> ServiceCommand {
        let name = chance(2) ? "nobody" : pick(["a", "a", "b", "b", "c", "d", "worker"])
        switch roll(6) {
        case 0, 1: return .start(name)
        case 2, 3: return .stop(name)
        case 4: return .restart(name)
        default: return .scale(name, pick([0, 1, 2, 3]))
        }
    }

    private mutating func stop() -> StopRequest {
        StopRequest(
            pick([.soft, .graceful, .graceful, .now]), signal: pick([nil, nil, 15, 12]),
            timeout: pick([nil, nil, .seconds(2)]), exitCode: pick([0, 0, 130]))
    }
}
