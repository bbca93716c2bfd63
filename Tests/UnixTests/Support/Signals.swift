import Unix

#if os(Linux)
import CUnix
#endif

/// Sends a signal to the calling thread, which takes it at once. A test's thread is Dispatch's, which blocks them all.
func raiseHere(_ signal: Int32) {
    Signal.unblockAll()
    raise(signal)
}

#if os(Linux)
/// Ignores a signal as the kernel knows it, also one of the two that glibc hides.
func ignoreHard(_ signal: Int32) {
    let ignore: UInt = 1
    let action = [ignore, 0, 0, 0, 0]
    _ = action.withUnsafeBytes {
        cunix_syscall(Int(SYS_rt_sigaction), Int(signal), Int(bitPattern: $0.baseAddress), 0, 8, 0, 0)
    }
}

/// Blocks every signal in the calling thread, also the two that glibc hides.
func blockHard() {
    let set: [UInt64] = [.max]
    let setMask = 2
    _ = set.withUnsafeBytes {
        cunix_syscall(Int(SYS_rt_sigprocmask), setMask, Int(bitPattern: $0.baseAddress), 0, 8, 0, 0)
    }
}

/// Whether this process can be traced, and leaves a core. prctl(2), PR_GET_DUMPABLE and PR_SET_DUMPABLE
var isDumpable: Bool {
    get { cunix_syscall(Int(SYS_prctl), 3, 0, 0, 0, 0, 0) == 1 }
    set { _ = cunix_syscall(Int(SYS_prctl), 4, newValue ? 1 : 0, 0, 0, 0, 0) }
}
#endif
