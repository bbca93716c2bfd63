import CUnix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

package typealias ProcessID = pid_t
package typealias UserID = uid_t
package typealias GroupID = gid_t

/// How a process ended, wait(2).
package enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
    case exited(Int32)
    case signaled(Signal)

    init(raw: Int32) {
        // WTERMSIG and WEXITSTATUS, which are macros.
        let signal = raw & 0x7F
        self = signal == 0 ? .exited(raw >> 8 & 0xFF) : .signaled(Signal(rawValue: signal))  // bounded: a shift by 8
    }

    /// The code a shell would report: 128 + signal for a killed process.
    package var shellCode: Int32 {
        switch self {
        case .exited(let code): code
        case .signaled(let signal): 128 &+ signal.rawValue
        }
    }

    package var description: String {
        switch self {
        case .exited(let code): "exit status \(code)"
        case .signaled(let signal): "\(signal)"
        }
    }
}

/// The calling process.
package enum CurrentProcess {
    package static var id: ProcessID { getpid() }
    package static var parent: ProcessID { getppid() }
    package static var userID: UserID { geteuid() }
    package static var groupID: GroupID { getegid() }

    package enum Fork {
        case parent(ProcessID)
        case child
    }

    /// fork(2). Only before a second thread exists.
    package static func fork() throws(Errno) -> Fork {
        let pid = try checked(retrying: false) { cunix_fork() }
        return pid == 0 ? .child : .parent(pid)
    }

    package static func startSession() throws(Errno) { _ = try checked { setsid() } }

    package static func leadGroup() { _ = setpgid(0, 0) }

    /// Orphaned descendants become children of this process, so that their end can be told. False where the system
    /// has no such thing.
    package static func becomeSubreaper() -> Bool { SystemCall.becomeSubreaper() == 0 }

    /// The process group of a process; nil when it is gone. getpgid(2)
    package static func group(of pid: ProcessID) -> ProcessID? {
        let group = getpgid(pid)
        return group == -1 ? nil : group
    }

    /// Whether anybody is in the process group. kill(2)
    package static func groupExists(_ group: ProcessID) -> Bool {
        (try? Signal(rawValue: 0).deliver(to: -group)) != nil  // bounded: a pid is positive
    }

    /// Ends the process with everything that exit(3) does.
    package static func exit(_ code: Int32) -> Never {
        #if canImport(Glibc)
        Glibc.exit(code)
        #elseif canImport(Musl)
        Musl.exit(code)
        #else
        Darwin.exit(code)
        #endif
    }

    /// Ends the process at once, without exit handlers: after a fork, or beside a running main.
    package static func exitNow(_ code: Int32) -> Never { _exit(code) }

    /// Ends the process by the signal, as if it had never been caught.
    package static func end(by signal: Signal) -> Never {
        signal.restoreDefault()
        Signal.unblockAll()
        try? signal.deliver(to: id)
        _exit(128 &+ signal.rawValue)
    }

    /// Nobody but root looks into this process from now on, its own user neither. PR_SET_DUMPABLE in prctl(2)
    package static func forbidTracing() throws(Errno) {
        #if os(Linux)
        SystemCall.isDumpable = false
        if SystemCall.isDumpable { throw .notPermitted }
        #endif
    }

    /// A crash leaves a core: as long as the hard limit lets it, and after a change of user too. core(5)
    package static func allowCoreDumps() throws(Errno) {
        try Limits.raiseCore()
        #if os(Linux)
        SystemCall.isDumpable = true
        if !SystemCall.isDumpable { throw .notPermitted }
        #endif
    }

    /// How many threads this process has.
    package static var threadCount: Int {
        #if os(Linux)
        // The link count of the directory is one a thread and two of its own: one call, and no directory to read.
        var raw = stat()
        guard unsafe stat("/proc/self/task", &raw) == 0, raw.st_nlink > 2 else { return 1 }
        return Int(clamping: raw.st_nlink) - 2
        #else
        var threads: thread_act_array_t?
        var count: mach_msg_type_number_t = 0
        guard unsafe task_threads(mach_task_self_, &threads, &count) == KERN_SUCCESS else { return 1 }
        if let threads = unsafe threads {
            let size = vm_size_t(Int(count) * MemoryLayout<thread_t>.stride)
            unsafe vm_deallocate(mach_task_self_, vm_address_t(UInt(bitPattern: threads)), size)
        }
        return Int(count)
        #endif
    }
}

/// Children of the calling process, by pid: never any child, since libraries wait for their own.
package enum Child {
    /// The status of an ended child, which is reaped; nil while it runs and `waiting` is false.
    package static func reap(_ pid: ProcessID, waiting: Bool) throws(Errno) -> ExitStatus? {
        var raw: Int32 = 0
        let found = try checked { unsafe waitpid(pid, &raw, waiting ? 0 : WNOHANG) }
        return found == pid ? ExitStatus(raw: raw) : nil
    }

    /// The next ended child, whichever it is, and its status as wait(2) packs it; nil when none has ended. For a
    /// process that runs nobody's code: process 1, or a master.
    package static func reapAny() -> (pid: ProcessID, status: ExitStatus, raw: Int32)? {
        var raw: Int32 = 0
        guard let pid = try? checked({ unsafe waitpid(-1, &raw, WNOHANG) }), pid > 0 else { return nil }
        return (pid, ExitStatus(raw: raw), raw)
    }

    /// Whether it is a child of ours that has not been reaped: then nobody else can have its number. waitid(2)
    package static func isUnreaped(_ pid: ProcessID) -> Bool {
        var info = unsafe siginfo_t()
        guard let id = id_t(exactly: pid), id > 0 else { return false }
        return unsafe waitid(P_PID, id, &info, WEXITED | WNOHANG | WNOWAIT) == 0
    }

    /// Signals our own unreaped child, or the process group that it leads or has led. ESRCH for anybody else.
    package static func send(_ signal: Signal, to pid: ProcessID, group: Bool = false) throws(Errno) {
        guard isUnreaped(pid) else { throw .noSuchProcess }
        guard group else { return try signal.deliver(to: pid) }
        do {
            try signal.deliver(to: -pid)  // bounded: a pid is positive
        } catch .noSuchProcess {
            // A moment after its fork it has no group yet.
            try signal.deliver(to: pid)
        }
    }

    /// Signals what a reaped child has left behind in its process group: proven to be that group still by `witnesses`,
    /// unreaped children of ours, one of which at least must be in it. A process with the group's number would mean that
    /// the group is another's. ESRCH where nobody is left.
    package static func send(_ signal: Signal, toGroupOf reaped: ProcessID, witnesses: some Sequence<ProcessID>)
        throws(Errno)
    {
        guard reaped > 1, getpgid(reaped) == -1, witnesses.contains(where: { isUnreaped($0) && getpgid($0) == reaped })
        else { throw .noSuchProcess }
        try signal.deliver(to: -reaped)  // bounded: a pid is positive
    }
}
