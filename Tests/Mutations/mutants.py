"""The rules of the engine that are broken, one at a time: what breaks, where, and the text that does it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str
    new: str


ROUNDS, CHILDREN = "Supervisor+Rounds.swift", "Supervisor+Children.swift"
STOP, STATE, ENGINE = "Supervisor+Stop.swift", "Supervisor+State.swift", "Supervisor.swift"

MUTANTS = [
    Mutant("old ones are told before the new ones are ready", ROUNDS,
           "round.unready = starting.count", "round.unready = 0"),
    Mutant("old ones are told before the delay is over", ROUNDS,
           "guard delay > .zero else { return commit() }", "guard delay < .zero else { return commit() }"),
    Mutant("old ones are told although the new one died in the delay", CHILDREN,
           "                round?.unready += 1\n                round?.delayUntil = nil\n",
           "                round?.unready += 1\n"),
    Mutant("a hanging start counts as ready", CHILDREN,
           "            detach(child)\n            failedToStart(child, .timedOut)", "            becameReady(id)"),
    Mutant("a requester who waits is forgotten", ROUNDS,
           "            waiting = (waiting ?? []) + requesters\n        } else {",
           "            waiting = waiting ?? requesters\n        } else {"),
    Mutant("a requester is answered twice", ROUNDS,
           "        answer(round.requesters, .done(generation: generation))",
           "        for _ in 0..<2 { answer(round.requesters, .done(generation: generation)) }"),
    Mutant("a second round begins during the first", ROUNDS,
           "        if round != nil {\n            waiting", "        if waiting != nil {\n            waiting"),
    Mutant("a failed reload ends who is kept", ROUNDS, "let kept = Set(current)", "let kept: Set<SlotID> = []"),
    Mutant("who is kept gets a signal", ROUNDS,
           "case .keep, .replace: break", "case .keep, .replace: tell(child.id, child.stop)"),
    Mutant("services start in no order", ROUNDS,
           "round.stages[stage].append(slot.id)", "round.stages[0].append(slot.id)"),
    Mutant("a reload by itself that fails is tried again at once", ROUNDS,
           "[lastAccepted, lastFailedReload]", "[lastAccepted]"),
    Mutant("a restart is faster than the back-off", CHILDREN, "let due = lastSpawn + pace", "let due = lastSpawn + pace / 2"),
    Mutant("one restart more than the limit", CHILDREN,
           "slot.restarts.count < limit.count", "slot.restarts.count <= limit.count"),
    Mutant("a reaped child stays in the table", CHILDREN,
           "let child = children.removeValue(forKey: id)", "let child = children[id]"),
    Mutant("a child that dies in a stop is restarted", CHILDREN,
           "        if stopRequest != nil { return endedInStop(child, ending) }\n", ""),
    Mutant("who does not stop is not killed", CHILDREN, "case .stopping: kill(id)", "case .stopping: break"),
    Mutant("too many old generations live on", STOP,
           "retired.generations.count > bound else", "retired.generations.count > bound + 1 else"),
    Mutant("old generations grow as old as they like", STOP, "[rule.timeout, age]", "[rule.timeout]"),
    Mutant("services stop in no order", STOP, "max(0, stageCounts.count - 1) : 0", "0 : 0"),
    Mutant("a reload beats a stop", ROUNDS,
           "        if stopRequest != nil { return answer(requesters, .failed(.stopping)) }\n        if round", "        if round"),
    Mutant("it exits before the last child has gone", STOP,
           "children.isEmpty, !isOver", "children.count <= 1, !isOver"),
    Mutant("a crash is hidden behind exit code 0", STOP,
           "request.exitCode != 0 ? request.exitCode : firstBadCode ?? 0", "request.exitCode"),
    Mutant("an exec while a spawn is under way", ENGINE, "if execIsDue, spawning == 0,", "if execIsDue,"),
    Mutant("a child is lost over an exec", STATE,
           "for id in children.keys.sorted() {", "for id in children.keys.sorted().dropFirst() {"),
    Mutant("a time-out is lost over an exec", STATE,
           "if let due = child.deadline { deadlines.insert(due, .child(id)) }", ""),
]
