#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Child {
    /// Waits for the end of a child of ours, and leaves it unreaped: its number stays its own. waitid(2)
    package static func waitForEnd(of pid: ProcessID) throws(Errno) {
        var info = unsafe siginfo_t()
        guard let id = id_t(exactly: pid), id > 0 else { throw .noSuchProcess }
        _ = try checked { unsafe waitid(P_PID, id, &info, WEXITED | WNOWAIT) }
    }
}
