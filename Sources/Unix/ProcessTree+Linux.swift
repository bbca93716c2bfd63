#if os(Linux)
/// The process's relations, of proc(5).
extension CurrentProcess {
    /// The parent of a process; nil when it is gone.
    package static func parent(of pid: ProcessID) -> ProcessID? {
        ProcessText.read(pid, "stat").flatMap(ProcessText.Stat.init)?.parent
    }

    /// Our children, those that ended and wait for us among them.
    package static var children: [ProcessID] {
        guard let file = try? FileDescriptor.open("/proc/thread-self/children", []) else { return [] }
        // The longest list: 4,194,304 pids of seven digits, PID_MAX_LIMIT.
        return ProcessText.pids(Descriptor.contents(of: file.number, limit: 1 << 25))
    }
}
#endif
