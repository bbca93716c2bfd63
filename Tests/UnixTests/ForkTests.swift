import CUnix
import Testing
import Unix

@Suite("Forks", .timeLimit(.minutes(20)))
struct ForkTests {
    @Test("a fork returns in both; the child has one thread, and its end is told")
    func fork() async {
        await #expect(processExitsWith: .success) {
            let ourselves = CurrentProcess.id
            guard case .parent(let pid) = try CurrentProcess.fork() else {
                let isAlone = CurrentProcess.threadCount == 1 && getppid() == ourselves
                CurrentProcess.exitNow(isAlone ? 9 : 1)
            }
            #expect(try Child.reap(pid, waiting: true) == .exited(9))
        }
    }

    @Test("a new session has its own process group, and a second one is refused")
    func session() async {
        await #expect(processExitsWith: .success) {
            guard case .parent(let pid) = try CurrentProcess.fork() else {
                let isStarted =
                    (try? CurrentProcess.startSession()) != nil && getsid(0) == getpid() && getpgrp() == getpid()
                let isRefused = (try? CurrentProcess.startSession()) == nil
                CurrentProcess.exitNow(isStarted && isRefused ? 0 : 1)
            }
            #expect(try Child.reap(pid, waiting: true) == .exited(0))
        }
    }

    #if os(Linux)
    @Test("a thread's words of libc's that happen to be the parent's id are the child's, too")
    func threadWords() async {
        await #expect(processExitsWith: .success) {
            let thread = Int32(cunix_syscall(Int(SYS_gettid), 0, 0, 0, 0, 0, 0))
            errno = thread
            guard case .parent(let pid) = try CurrentProcess.fork() else {
                CurrentProcess.exitNow(errno == thread ? 9 : 1)
            }
            #expect(try Child.reap(pid, waiting: true) == .exited(9))
        }
    }
    #endif
}
