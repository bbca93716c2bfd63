#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Descriptor {
    /// Whether both descriptors of ours are one open file, as copies by dup(2) or from another process are. Where the
    /// system does not tell, files with the same flags count as one, as systemd has it; devices never do.
    package static func isSameOpenFile(_ one: Int32, _ other: Int32) -> Bool {
        #if os(Linux)
        switch SystemCall.compareFiles(one, other) {
        case 0: return true
        case 1...: return false
        default: break
        }
        #endif
        guard let first = try? FileStatus(descriptor: one), let second = try? FileStatus(descriptor: other) else {
            return false
        }
        let isDevice = first.kind == .characterDevice || first.kind == .other
        return !isDevice && first.identity == second.identity && fcntl(one, F_GETFL) == fcntl(other, F_GETFL)
    }
}
