import Unix

/// Sends a signal to the calling thread, which takes it at once. A test's thread is Dispatch's, which blocks them all.
func raiseHere(_ signal: Int32) {
    Signal.unblockAll()
    raise(signal)
}

/// Does `body` in a forked child, which has one thread only, and tells whether all of it held.
func holdsInFork(_ body: () throws -> Bool) throws -> Bool {
    guard case .parent(let pid) = try CurrentProcess.fork() else {
        CurrentProcess.exitNow((try? body()) == true ? 0 : 1)
    }
    return try Child.reap(pid, waiting: true) == .exited(0)
}
