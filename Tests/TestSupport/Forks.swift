import Unix

/// Runs `body` in a forked child, which has one thread only: its pid.
package func forked(_ body: () -> Never) -> ProcessID {
    // Swift hides fork(2) on Darwin; the number is RTLD_DEFAULT.
    let fork = unsafeBitCast(
        dlsym(UnsafeMutableRawPointer(bitPattern: anyLibrary), "fork"), to: (@convention(c) () -> pid_t).self)
    let pid = fork()
    if pid == 0 { body() }
    return pid
}

#if os(Linux)
private let anyLibrary = 0
#else
private let anyLibrary = -2
#endif

/// Does `body` in a forked child, and tells whether all of it held.
package func holdsInFork(_ body: () throws -> Bool) throws -> Bool {
    let pid = forked { CurrentProcess.exitNow((try? body()) == true ? 0 : 1) }
    return try Child.reap(pid, waiting: true) == .exited(0)
}
