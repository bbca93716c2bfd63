#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Resource limits, getrlimit(2).
package enum Limits {
    /// Raises the soft limit of open descriptors towards `wanted`, as far as the hard limit goes; the limit in force.
    @discardableResult
    package static func raiseOpenFiles(to wanted: Int) -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return 0 }
        let target = min(rlim_t(clamping: wanted), limit.rlim_max)
        if limit.rlim_cur < target {
            let old = limit.rlim_cur
            limit.rlim_cur = target
            if unsafe setrlimit(resource, &limit) != 0 { limit.rlim_cur = old }
        }
        return Int(clamping: limit.rlim_cur)
    }

    #if canImport(Glibc)
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
    private static let resource = RLIMIT_NOFILE
    #endif
}
