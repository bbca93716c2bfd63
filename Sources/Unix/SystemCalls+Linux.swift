#if os(Linux)
import CUnix

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Calls that libc hides from Swift, behind syscall(2): each returns -1 and sets errno, as libc's would.
enum SystemCall {
    private static func call(
        _ number: Int32, _ first: Int, _ second: Int = 0, _ third: Int = 0, _ fourth: Int = 0, _ fifth: Int = 0,
        _ sixth: Int = 0
    ) -> Int32 {
        Int32(truncatingIfNeeded: cunix_syscall(Int(number), first, second, third, fourth, fifth, sixth))
    }

    /// O_PATH
    static let onlyPath: Int32 = 0x20_0000
    static let onlyNames = onlyPath | O_DIRECTORY
    /// AT_EMPTY_PATH
    static let emptyPath: Int32 = 0x1000

    /// Of what a descriptor holds, however it was opened. fchmodat2(2)
    static func setMode(_ number: Int32, _ mode: mode_t) -> Int32 {
        unsafe "".withCString { call(452, Int(number), Int(bitPattern: $0), Int(mode), Int(emptyPath)) }
    }

    /// Both ends close-on-exec. pipe2(2)
    static func pipe(_ ends: inout [Int32]) -> Int32 {
        unsafe ends.withUnsafeMutableBufferPointer {
            call(SYS_pipe2, Int(bitPattern: $0.baseAddress), Int(O_CLOEXEC))
        }
    }

    /// Close-on-exec and non-blocking. accept4(2)
    static func accept(_ listener: Int32) -> Int32 {
        call(SYS_accept4, Int(listener), 0, 0, Int(O_CLOEXEC | O_NONBLOCK))
    }

    /// Close-on-exec. dup3(2)
    static func duplicate(_ source: Int32, onto target: Int32) -> Int32 {
        call(SYS_dup3, Int(source), Int(target), Int(O_CLOEXEC))
    }

    /// Without waiting, whatever the flags of the open file: not every kind of file knows how. RWF_NOWAIT
    static func writeNow(_ number: Int32, _ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
        var part = unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
        return unsafe withUnsafePointer(to: &part) { part in
            call(SYS_pwritev2, Int(number), Int(bitPattern: part), 1, -1, -1, 8)
        }
    }

    /// F_SETPIPE_SZ: rounded up to a power of two; never below what the pipe holds.
    static func setPipeSize(_ number: Int32, _ size: Int32) -> Int32 { fcntl(number, 1031, size) }

    /// F_GETPIPE_SZ
    static func pipeSize(_ number: Int32) -> Int32 { fcntl(number, 1032) }

    static func closeRange(_ first: UInt32, _ last: UInt32) -> Int32 { call(SYS_close_range, Int(first), Int(last)) }

    static func openProcess(_ pid: ProcessID) -> Int32 { call(SYS_pidfd_open, Int(pid)) }

    /// A `queued` signal carries a value, as sigqueue(3) would send it. pidfd_send_signal(2)
    static func signal(_ process: Int32, _ signal: Int32, queued value: Int32? = nil) -> Int32 {
        guard let value else { return call(SYS_pidfd_send_signal, Int(process), Int(signal)) }
        // siginfo_t: signal, errno, code; then, aligned as a pointer, pid, user and value. 128 bytes
        var info = [Int32](repeating: 0, count: 32)
        let fields = MemoryLayout<Int>.size == 8 ? 4 : 3
        info[0] = signal
        info[2] = -1  // SI_QUEUE
        info[fields] = getpid()
        info[fields + 1] = Int32(bitPattern: getuid())
        info[fields + 2] = value
        return unsafe info.withUnsafeBufferPointer {
            call(SYS_pidfd_send_signal, Int(process), Int(signal), Int(bitPattern: $0.baseAddress))
        }
    }

    /// What is said of the file system, into these bytes. fstatfs(2)
    static func fileSystem(_ number: Int32, _ facts: UnsafeMutableBufferPointer<Int>) -> Int32 {
        call(SYS_fstatfs, Int(number), Int(bitPattern: facts.baseAddress))
    }

    /// 0 for the same open file, 1 to 3 for others; -1 where the kernel or a filter of system calls does not tell.
    /// kcmp(2), KCMP_FILE
    static func compareFiles(_ one: Int32, _ other: Int32) -> Int32 {
        call(SYS_kcmp, Int(getpid()), Int(getpid()), 0, Int(one), Int(other))
    }

    /// prctl(2), PR_SET_PDEATHSIG
    static func setDeathSignal(_ signal: Int32) -> Int32 { call(SYS_prctl, 1, Int(signal)) }

    /// prctl(2), PR_SET_CHILD_SUBREAPER
    static func becomeSubreaper() -> Int32 { call(SYS_prctl, 36, 1) }

    /// Whether this process may leave a core, and its owner look into it. prctl(2), PR_GET_DUMPABLE, PR_SET_DUMPABLE
    static var isDumpable: Bool {
        get { call(SYS_prctl, 3) == 1 }
        set { _ = call(SYS_prctl, 4, newValue ? 1 : 0) }
    }

    /// An unlinked file in memory. memfd_create(2), MFD_CLOEXEC and MFD_ALLOW_SEALING
    static func memoryFile(_ name: String) -> Int32 {
        unsafe name.withCString {
            call(SYS_memfd_create, Int(bitPattern: $0), 3)
        }
    }

    /// Nobody changes the file any more, we neither. fcntl(2), F_ADD_SEALS
    static func seal(_ file: Int32) -> Int32 { fcntl(file, 1033, 15) }

    /// F_GET_SEALS: F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_WRITE, all of them.
    static func isSealed(_ file: Int32) -> Bool {
        let seals = fcntl(file, 1034)
        return seals != -1 && seals & 15 == 15
    }
}
#endif
