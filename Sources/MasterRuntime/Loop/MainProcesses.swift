import DaemonCore
import Supervision
import Unix

/// Main processes that children have named: MAINPID, sd_notify(3). Such a process need not be a child of ours, so it is
/// held by a pidfd from the moment when it was proven to belong to the child that named it: by that it is signalled, and
/// by that its end is seen when another process reaps it.
final class MainProcesses {
    private struct Main {
        let process: ProvenProcess
        /// Gets its signals where that may be.
        let group: ProcessID?
        /// A pidfd of an earlier image, while it is the one to keep.
        let descriptor: Int32
    }

    private unowned let master: Master
    private var mains: [ProcessID: Main] = [:]
    private var groups: [ProcessID: ProcessID] = [:]
    /// The process that we had started for the child, until it is reaped.
    private var origins: [Supervision.Child.ID: ProcessID] = [:]

    /// A child has another main process now.
    var taken: ((Supervision.Child.ID, ProcessID) -> Void)?

    init(_ master: Master) { self.master = master }

    // MARK: Proofs

    /// Takes the process for the child's main one from now on, where it is proven that it may be. `sender` says so, 0
    /// where that is unknown; `user`'s processes may be named.
    func take(_ pid: ProcessID, for child: Supervision.Child, by sender: ProcessID, of user: UserID) -> Bool {
        guard pid > 1, pid != child.pid, let process = prove(pid, child, sender, user) else { return false }
        let group = group(of: pid, child)
        guard hold(process, group) else { return false }
        master.send(.mainProcess(pid: child.pid, is: pid, group: group))
        guard master.supervisor.child(withPID: pid)?.id == child.id else {
            release(pid)
            return false
        }
        taken?(child.id, pid)
        if origins[child.id] == nil, Unix.Child.isUnreaped(child.pid) { origins[child.id] = child.pid }
        release(child.pid)
        return true
    }

    private func prove(
        _ pid: ProcessID, _ child: Supervision.Child, _ sender: ProcessID, _ user: UserID
    ) -> ProvenProcess? {
        // Whoever may not signal a process by himself may not have it signalled by us.
        if user != 0, user != CurrentProcess.userID, (try? ProvenProcess(pid, .user(user))) == nil { return nil }
        // Its parents may end between two looks, most of all one whose last word this is: then it is an orphan.
        for _ in 0..<3 {
            if let process = look(pid, child, sender) { return process }
        }
        return nil
    }

    private func look(_ pid: ProcessID, _ child: Supervision.Child, _ sender: ProcessID) -> ProvenProcess? {
        switch master.kinship(of: pid, to: child) {
        case .descendant:
            for ancestor in [child.pid, origins[child.id]].compactMap(\.self) {
                if let process = try? ProvenProcess(pid, .descendant(of: ancestor)) { return process }
            }
            return nil
        case .orphan(let top):
            // Every child has orphans, and they are all ours: this one is in the child's group, or says so itself at the
            // child's own address.
            guard let process = try? ProvenProcess(pid, pid == top ? .child : .descendant(of: top)) else { return nil }
            let isInGroup = child.group > 1 && [pid, top].contains { CurrentProcess.group(of: $0) == child.group }
            return (isInGroup || sender == pid) && !process.hasEnded ? process : nil
        case .stranger, .unseen:
            return nil
        }
    }

    /// The group that signals may go to: its own, or the one that the child was started in.
    private func group(of process: ProcessID, _ child: Supervision.Child) -> ProcessID? {
        guard let group = CurrentProcess.group(of: process) else { return nil }
        return group == process || group == child.group ? group : nil
    }

    // MARK: Ends

    private func hold(_ process: ProvenProcess, _ group: ProcessID?) -> Bool {
        let descriptor = process.descriptor
        if descriptor >= 0 {
            guard (try? master.watch(descriptor, { [unowned self] in look(process.pid) })) != nil else { return false }
        } else {
            master.after(.seconds(1)) { [unowned self] in lookAgain(process) }
        }
        mains[process.pid] = Main(process: process, group: group, descriptor: descriptor)
        if let group { groups[group] = process.pid }
        return true
    }

    /// Where there are no pidfds.
    private func lookAgain(_ process: ProvenProcess) {
        guard mains[process.pid]?.process === process else { return }
        if process.hasEnded { return look(process.pid) }
        master.after(.seconds(1)) { [unowned self] in lookAgain(process) }
    }

    /// It has ended. Whose child it is, ours or another's, tells who knows how.
    private func look(_ pid: ProcessID) {
        master.reap()
        guard mains[pid] != nil else { return }
        // Its parent has its status: counted as a failure, so that what is to run is started again; not where it was told
        // to end.
        let isStopping = master.supervisor.child(withPID: pid)?.phase == .stopping
        master.bury(pid, .exited(isStopping ? 0 : 1))
    }

    /// A child of ours was reaped: its number means nobody any more.
    func reaped(_ pid: ProcessID) {
        release(pid)
        if origins.values.contains(pid) { origins = origins.filter { $0.value != pid } }
    }

    /// The process that we had started, which is nobody's any more.
    func takeOrigin(of child: Supervision.Child.ID) -> ProcessID? { origins.removeValue(forKey: child) }

    /// It is no main process any more.
    func release(_ pid: ProcessID) {
        guard let main = mains.removeValue(forKey: pid) else { return }
        if main.descriptor >= 0 { master.unwatch(main.descriptor) }
        if let group = main.group, groups[group] == pid { groups[group] = nil }
    }

    // MARK: Signals

    /// False where no main process is meant: then it is a child of ours, which is not reaped.
    func signal(_ pid: ProcessID, _ signal: Signal, group: Bool) -> Bool {
        guard let main = (group ? groups[pid] : pid).flatMap({ mains[$0] }) else { return false }
        if group, (try? send(signal, toGroup: pid, of: main.process)) != nil { return true }
        try? main.process.send(signal)
        return true
    }

    /// Where the process is in that group still: it keeps the number.
    private func send(_ signal: Signal, toGroup group: ProcessID, of main: ProvenProcess) throws(Errno) {
        guard CurrentProcess.group(of: main.pid) == group, !main.hasEnded else { throw .noSuchProcess }
        if group == main.pid { return try main.sendToGroup(signal) }
        if Unix.Child.isUnreaped(group) { return try Unix.Child.send(signal, to: group, group: true) }
        try Unix.Child.send(signal, toGroupOf: group, witnesses: CurrentProcess.children)
    }

    // MARK: Over an exec

    var descriptors: [Int32] { mains.values.map(\.descriptor).filter { $0 >= 0 } }

    var records: [StateRecord] {
        mains.map { pid, main in
            var record = StateRecord("main")
            record[number: "pid"] = Int(pid)
            record[number: "descriptor"] = main.descriptor >= 0 ? Int(main.descriptor) : nil
            record[number: "group"] = main.group.map(Int.init)
            return record
        }
            + origins.map { child, pid in
                var record = StateRecord("origin")
                record[number: "child"] = child
                record[number: "pid"] = Int(pid)
                return record
            }
    }

    /// A number is only as good as the pidfd that came with it.
    func restore(_ state: SavedState) {
        for record in state.all("main") {
            guard let pid = record[number: "pid"].flatMap({ ProcessID(exactly: $0) }), pid > 1,
                master.supervisor.child(withPID: pid) != nil
            else { continue }
            let descriptor = record[descriptor: "descriptor"] ?? -1
            let process = try? ProvenProcess(pid, .held(by: descriptor))
            if descriptor >= 0 { Descriptor.close(descriptor) }
            let group = record[number: "group"].flatMap { ProcessID(exactly: $0) }.flatMap { $0 > 1 ? $0 : nil }
            if let process { _ = hold(process, group) }
        }
        for record in state.all("origin") {
            guard let child = record[number: "child"], master.supervisor.children[child] != nil,
                let pid = record[number: "pid"].flatMap({ ProcessID(exactly: $0) }), Unix.Child.isUnreaped(pid)
            else { continue }
            origins[child] = pid
        }
        // Whoever is neither a child of ours nor held has ended meanwhile, or cannot be proven any more.
        master.after(.zero) { [unowned self] in
            for pid in master.supervisor.children.values.map(\.pid)
            where pid > 1 && mains[pid] == nil && !Unix.Child.isUnreaped(pid) {
                master.bury(pid, .exited(1))
            }
        }
    }
}
