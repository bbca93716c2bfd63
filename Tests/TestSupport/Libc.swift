// swift-format-ignore-file

// What tests call of libc themselves: the whole test target sees it.
#if canImport(Glibc)
@_exported import Glibc
#elseif canImport(Musl)
@_exported import Musl
#else
@_exported import Darwin
#endif

/// Catches a signal so that it interrupts system calls.
package func catchInterrupting(_ signal: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
    var action = sigaction()
    #if os(Linux)
    action.__sigaction_handler.sa_handler = handler
    #else
    action.__sigaction_u.__sa_handler = handler
    #endif
    sigaction(signal, &action, nil)
}

/// The soft and the hard limit of open descriptors.
package var openFilesLimit: (soft: Int, hard: Int) {
    get {
        var limit = rlimit()
        getrlimit(openFiles, &limit)
        return (Int(limit.rlim_cur), Int(limit.rlim_max))
    }
    set {
        var limit = rlimit(rlim_cur: rlim_t(newValue.soft), rlim_max: rlim_t(newValue.hard))
        setrlimit(openFiles, &limit)
    }
}

#if canImport(Glibc)
private let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
#else
private let openFiles = RLIMIT_NOFILE
#endif

/// How large a file may become; the hard limit stays.
package var fileSizeLimit: UInt64 {
    get {
        var limit = rlimit()
        getrlimit(fileSize, &limit)
        return UInt64(limit.rlim_cur)
    }
    set {
        var limit = rlimit()
        getrlimit(fileSize, &limit)
        limit.rlim_cur = rlim_t(newValue)
        setrlimit(fileSize, &limit)
    }
}

#if canImport(Glibc)
private let fileSize = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
#else
private let fileSize = RLIMIT_FSIZE
#endif
