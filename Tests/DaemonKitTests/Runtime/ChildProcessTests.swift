import Testing

@testable import DaemonKit

@Suite("ChildProcess", .timeLimit(.minutes(20)))
struct ChildProcessTests {
    @Test("its end is told: the exit status, or the signal")
    func ends() throws {
        #expect(try ChildProcess.start("/bin/sh", ["-c", "exit 7"]).wait() == .exited(7))
        #expect(try ChildProcess.start("/bin/sh", ["-c", "kill -KILL $$"]).wait() == .signaled(9))
    }

    @Test("what cannot be started is named with the system's reason")
    func refused() {
        let error = #expect(throws: DaemonError.self) { try ChildProcess.start("/nonexistent/program") }
        #expect(error?.message == "cannot start /nonexistent/program: No such file or directory")
        #expect(error?.code == .process)
    }

    @Test("a second wait is an error, not for ever")
    func secondWait() throws {
        let child = try ChildProcess.start("/bin/sh", ["-c", "exit 0"])
        _ = try child.wait()
        let error = #expect(throws: DaemonError.self) { try child.wait() }
        #expect(error?.message == "cannot wait for process \(child.pid): No child processes")
    }
}
