import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Resource limits, getrlimit(2).
package enum Limits {
    /// What the soft limit of open descriptors was before it was raised: children start with that. nil: never raised.
    package static var openFilesOfCaller: Int? {
        get { callers.withLock { $0 } }
        set { callers.withLock { $0 = newValue } }
    }

    private static let callers = Mutex<Int?>(nil)

    /// The limit that a child is to have, where it is not ours.
    static var openFilesOfChildren: rlimit? {
        var limit = rlimit()
        guard let soft = openFilesOfCaller, unsafe getrlimit(resource, &limit) == 0 else { return nil }
        limit.rlim_cur = min(rlim_t(clamping: soft), limit.rlim_max)
        return limit
    }

    /// Raises the soft limit of open descriptors towards `wanted`, as far as the hard limit goes; the limit in force.
    @discardableResult
    package static func raiseOpenFiles(to wanted: Int) -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return 0 }
        let target = min(rlim_t(clamping: wanted), limit.rlim_max)
        if limit.rlim_cur < target {
            let old = limit.rlim_cur
            limit.rlim_cur = target
            if unsafe setrlimit(resource, &limit) != 0 {
                limit.rlim_cur = old
            } else if openFilesOfCaller == nil {
                openFilesOfCaller = Int(clamping: old)
            }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// The soft limit of a core's size becomes the hard one; children inherit it.
    static func raiseCore() throws(Errno) {
        #if canImport(Glibc)
        let core = __rlimit_resource_t(RLIMIT_CORE.rawValue)
        #else
        let core = RLIMIT_CORE
        #endif
        var limit = rlimit()
        _ = try checked { unsafe getrlimit(core, &limit) }
        limit.rlim_cur = limit.rlim_max
        _ = try checked { unsafe setrlimit(core, &limit) }
    }

    #if canImport(Glibc)
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
    private static let resource = RLIMIT_NOFILE
    #endif
}
