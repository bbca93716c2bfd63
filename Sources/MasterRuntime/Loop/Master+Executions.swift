import DaemonCore
import Supervision
import Unix

/// Children that somebody else may hold, between their fork and their exec and at their end: the child's user may stop it,
/// and its directory and executable may lie on a file system that does not answer. A master waits for neither.
extension Master {
    /// The answer to `Action.spawn`.
    package func begin(_ child: Supervision.Child) -> Event {
        do throws(Errno) {
            guard let process = try host?.spawn(child) else { throw .noSuchProcess }
            guard let report = process.report else { return .spawned(child.id, pid: process.pid) }
            follow(process.pid, report)
            return .forked(child.id, pid: process.pid)
        } catch {
            return .spawnFailed(child.id, errno: error.rawValue)
        }
    }

    private func follow(_ pid: ProcessID, _ report: ExecReport) {
        executions[pid] = report
        // What cannot be watched is read when the child ends, or its start takes too long.
        try? watch(report.descriptor) { [unowned self] in readExecution(of: pid, isReaped: false) }
    }

    func readExecution(of pid: ProcessID, isReaped: Bool) {
        guard let report = executions[pid], let outcome = report.read() ?? (isReaped ? .executed : nil) else { return }
        unwatch(report.descriptor)
        executions[pid] = nil
        switch outcome {
        case .executed: send(.executed(pid: pid))
        case .failed(let failure):
            // It has said its last word: nobody keeps it from ending.
            if !isReaped { try? Unix.Child.send(.kill, to: pid) }
            host?.cannotExecute(pid, failure)
            send(.notExecuted(pid: pid, errno: failure.errno.rawValue))
        }
    }

    /// A child of the front end itself, which the engine does not know; `ended` gets why there was no exec, too.
    package func start(
        helper spawn: Spawn, ended: @escaping (TerminationStatus, SpawnFailure?) -> Void
    ) throws(Errno) -> ProcessID {
        let process = try spawn.begin()
        adopt(helper: process.pid) { ending in
            guard case .failed(let failure)? = process.report?.read() else { return ended(ending, nil) }
            ended(ending, failure)
        }
        return process.pid
    }

    // MARK: Who does not end

    /// From SIGKILL on. It ends everybody at once, but for who waits for a file system that does not answer.
    private static let patience = Duration.seconds(10)

    /// A stop ends, whatever keeps a killed child: it is the first process's then.
    func limitStop() {
        lastWait.map(cancel)
        lastWait = after(Self.patience) { [unowned self] in
            lastWait = nil
            let pids = supervisor.children.values.filter { $0.phase == .killed }.map(\.pid).sorted()
            if !pids.isEmpty { host?.gaveUp(pids) }
            for pid in pids { bury(pid, .signaled(Signal.kill.rawValue, dumpedCore: false)) }
        }
    }

    // MARK: Over an exec

    var executionRecords: [StateRecord] {
        executions.map { pid, report in
            var record = StateRecord("execution")
            record[number: "pid"] = Int(pid)
            record[number: "descriptor"] = Int(report.descriptor)
            return record
        }
    }

    func restoreExecutions(_ state: SavedState) {
        for record in state.all("execution") {
            guard let number = record[descriptor: "descriptor"] else { continue }
            let report = ExecReport(owning: number)
            if let pid = record[number: "pid"].flatMap({ ProcessID(exactly: $0) }) { follow(pid, report) }
        }
        // What the state has lost is known at the latest when the child says something, or ends.
        for child in supervisor.children.values where child.phase == .executing && executions[child.pid] == nil {
            send(.executed(pid: child.pid))
        }
    }
}
