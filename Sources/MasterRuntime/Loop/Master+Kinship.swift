import DaemonCore
import Supervision
import Unix

extension Master {
    /// How a process stands to a child, as /proc shows it now.
    enum Kinship: Equatable {
        /// The child itself or one that descends from it.
        case descendant
        /// Its parents have ended, so that it is a child of ours; whose it was cannot be told.
        case orphan(top: ProcessID)
        case stranger
        /// It has ended, or cannot be seen.
        case unseen
    }

    func kinship(of process: ProcessID, to child: Supervision.Child) -> Kinship {
        var pid = process
        for _ in 0..<64 {
            if pid == child.pid || child.group > 1 && pid == child.group { return .descendant }
            if pid == CurrentProcess.id || pid <= 1 || isOther(pid) { return .stranger }
            guard let parent = CurrentProcess.parent(of: pid) else { return .unseen }
            if parent == CurrentProcess.id { return .orphan(top: pid) }
            pid = parent
        }
        return .stranger
    }

    private func isOther(_ pid: ProcessID) -> Bool { supervisor.child(withPID: pid) != nil || isHelper(pid) }
}
