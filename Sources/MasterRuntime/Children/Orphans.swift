import DaemonCore
import Supervision
import Unix

/// Processes that ended children have left behind in their process group: they are ours now, and end too, as the child would
/// have had to.
final class Orphans {
    private struct Group {
        var members: Set<ProcessID>
        let due: MonotonicTime
    }

    private unowned let master: Master
    /// Where children have one of their own.
    let controlGroups: ChildGroups
    private var rests: [ProcessID: Group] = [:]
    /// The last of a group has ended.
    var isGone: ((ProcessID) -> Void)?
    /// Those of which somebody is left.
    var groups: Set<ProcessID> { Set(rests.keys) }

    init(_ master: Master, _ log: any SessionLog) {
        self.master = master
        controlGroups = ChildGroups(master, log)
    }

    /// The child is no more; `isReaped`: it has been one. What is left of it has so long.
    func left(by child: Supervision.Child, isReaped: Bool, limit: Duration) {
        controlGroups.ended(child.id, limit: limit)
        if isReaped { adopt(from: child.group, isTold: child.isSignalled, limit: limit) }
    }

    /// The child was reaped. What is left of its group has so long; `isTold`: it was told to end already.
    func adopt(from group: ProcessID, isTold: Bool, limit: @autoclosure () -> Duration) {
        // The cheap question first: nearly always nobody is left.
        guard group > 1, rests[group] == nil, CurrentProcess.groupExists(group) else { return }
        let members = CurrentProcess.children.filter { CurrentProcess.group(of: $0) == group }
        guard !members.isEmpty else { return }
        keep(group, members, due: .now + limit())
        if !isTold { send(.terminate, group) }
    }

    private func keep(_ group: ProcessID, _ members: [ProcessID], due: MonotonicTime) {
        rests[group] = Group(members: Set(members), due: due)
        for pid in members { master.adopt(helper: pid) { [unowned self] _ in ended(pid, of: group) } }
        master.after(max(.zero, due - .now)) { [unowned self] in kill(group) }
    }

    private func ended(_ pid: ProcessID, of group: ProcessID) {
        rests[group]?.members.remove(pid)
        guard rests[group]?.members.isEmpty == true else { return }
        rests[group] = nil
        isGone?(group)
    }

    private func kill(_ group: ProcessID) { send(.kill, group) }

    /// One member at least is not reaped and has not left, so that the number still is this group's.
    private func send(_ signal: Signal, _ group: ProcessID) {
        guard rests[group] != nil else { return }
        try? Unix.Child.send(signal, toGroupOf: group, witnesses: CurrentProcess.children)
    }

    /// The last thing that a master does: waits for those that may still take their time.
    func end(now: Bool) {
        for (group, rest) in rests {
            while !now, rest.due > .now, rests[group] != nil { reap() }
            kill(group)
        }
        controlGroups.end()
    }

    private func reap() {
        Poll.pause(.milliseconds(5))
        while let (pid, _, _) = Unix.Child.reapAny() {
            for group in rests.keys { ended(pid, of: group) }
        }
    }

    // MARK: Over an exec

    var records: [StateRecord] {
        controlGroups.records
            + rests.map { group, rest in
                var record = StateRecord("leftover")
                record[number: "group"] = Int(group)
                record[numbers: "members"] = rest.members.map(Int.init).sorted()
                record[number: "due"] = Int(rest.due.nanoseconds)
                return record
            }
    }

    func restore(_ state: SavedState) {
        controlGroups.restore(state)
        let own = Set(CurrentProcess.children)
        for record in state.all("leftover") {
            guard let group = record[number: "group"].flatMap({ ProcessID(exactly: $0) }), group > 1 else { continue }
            let members = record[numbers: "members"].compactMap { ProcessID(exactly: $0) }.filter(own.contains)
            let due = MonotonicTime(nanoseconds: Int64(record[number: "due"] ?? 0))
            if !members.isEmpty { keep(group, members, due: due) }
        }
    }
}

extension Supervision.Child {
    /// For what it has left behind. Behind one that was told to stop there may be work to end; behind one that died there
    /// is nothing to wait for.
    func patienceBehind(_ services: [Service]) -> Duration {
        guard isSignalled else { return .seconds(1) }
        let service = services.first { $0.name == self.service }
        return min(service?.stopTimeout ?? .seconds(5), .seconds(5))
    }
}
