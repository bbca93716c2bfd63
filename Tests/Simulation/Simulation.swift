import Supervision

/// Random histories of a supervisor, each against all its guarantees.
package enum Simulation {
    package struct Failure: Error {
        package let violation: Violation
        package let history: History
    }

    /// Makes up one history and lives it. Returns the number of events; throws the history that broke a guarantee, as
    /// it came: `shrunk` makes it readable.
    package static func run(_ source: some RandomNumberGenerator) throws(Failure) -> Int {
        var dice = Dice(source: source)
        let frontEnd = dice.frontEnd()
        var history = History(plan: dice.plan(frontEnd), steps: [])
        var world = World(history, traces: false)
        world.send(.start)
        for _ in 0..<4 + dice.roll(dice.chance(15) ? 40 : 14) where world.violation == nil && !world.hasExited {
            let step = dice.step(in: world, frontEnd)
            history.steps.append(step)
            world.apply(step)
        }
        if world.violation == nil { world.finish() }
        if let violation = world.violation { throw Failure(violation: violation, history: history) }
        return world.events
    }

    /// Lives a history again.
    package static func replay(_ history: History) -> Violation? { replay(history, traces: false).violation }

    static func replay(_ history: History, traces: Bool) -> World {
        var world = World(history, traces: traces)
        world.send(.start)
        for step in history.steps where world.violation == nil && !world.hasExited { world.apply(step) }
        if world.violation == nil { world.finish() }
        return world
    }
}
