#if canImport(Darwin)
import Darwin

/// What the kernel tells of another process, proc_pidinfo in libproc.
package struct ProcessFacts: Sendable {
    /// Memory that lies in RAM, in bytes.
    package let residentSize: Int
    /// User and system time together.
    package let processorTime: Duration
    /// How long it has been running.
    package let age: Duration

    /// nil when the process is gone.
    package init?(of pid: ProcessID) {
        var info = unsafe proc_taskinfo()
        let size = Int32(MemoryLayout<proc_taskinfo>.size)
        guard unsafe proc_pidinfo(pid, PROC_PIDTASKINFO, 0, &info, size) == size else { return nil }
        var identity = unsafe proc_bsdinfo()
        let identitySize = Int32(MemoryLayout<proc_bsdinfo>.size)
        guard unsafe proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &identity, identitySize) == identitySize else { return nil }
        let started = unsafe Int64(clamping: identity.pbi_start_tvsec)
        age = max(.zero, .seconds(WallTime.now.seconds.subtractingSaturated(started)))
        residentSize = unsafe Int(clamping: info.pti_resident_size)
        processorTime = unsafe .nanoseconds(
            Int64(clamping: info.pti_total_user.addingSaturated(info.pti_total_system)))
    }

    /// Whether the process has a handler for the signal; false, since that cannot be told here.
    package static func catches(_ signal: Signal, _ pid: ProcessID) -> Bool { false }
}
#endif
