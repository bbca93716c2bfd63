#if canImport(Darwin)
import Darwin

/// The process's relations, libproc(3).
extension CurrentProcess {
    package static func parent(of pid: ProcessID) -> ProcessID? {
        var info = unsafe proc_bsdinfo()
        let size = Int32(MemoryLayout<proc_bsdinfo>.size)
        guard unsafe proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, size) == size else { return nil }
        return unsafe ProcessID(info.pbi_ppid)
    }

    package static var children: [ProcessID] { [] }
}
#endif
