import Testing
import Unix

@testable import DaemonKit

@Suite("ChildProcess", .blocking, .timeLimit(.minutes(20)))
struct ChildProcessTests {
    private func shell(_ script: String, output: ChildProcess.Stream = .null) throws -> ChildProcess {
        try ChildProcess("/bin/sh", ["-c", script], output: output, error: .null)
    }

    /// All that comes out of the pipe.
    private func text(_ descriptor: Int32?) throws -> String {
        let descriptor = try #require(descriptor)
        var (text, buffer): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 4096))
        while case let count = try Descriptor.read(descriptor, into: &buffer), count > 0 { text += buffer[..<count] }
        return String(decoding: text, as: UTF8.self)
    }

    @Test("its end is told: the exit status, or the signal; as often as it is asked for")
    func ends() async throws {
        #expect(try await shell("exit 7").wait() == .exited(7))
        let killed = try shell("kill -KILL $$")
        #expect(try await killed.wait() == .signaled(9))
        #expect(try await killed.wait() == .signaled(9))
    }

    @Test("what cannot be started is named with the system's reason")
    func refused() {
        let error = #expect(throws: DaemonError.self) { try ChildProcess("/nonexistent/program") }
        #expect(error?.message == "cannot start /nonexistent/program: No such file or directory")
        #expect(error?.code == .process && error?.path == "/nonexistent/program" && error?.systemError == ENOENT)
        #expect(throws: DaemonError.self) { try ChildProcess("/bin/true", directory: "/nonexistent") }
    }

    @Test("a failed start leaves no descriptor open")
    func noLeak() async {
        await #expect(processExitsWith: .success) {
            func fail() {
                let child = try? ChildProcess("/nonexistent", input: .pipe, output: .pipe, error: .pipe)
                precondition(child == nil)
            }
            fail()
            let before = Descriptor.openNumbers().count
            for _ in 0..<50 { fail() }
            // The testing library opens one of its own now and then.
            #expect(Descriptor.openNumbers().count < before + 10)
        }
    }

    @Test("its streams may be pipes: what is written to it, it reads to the end, and what it writes can be read")
    func pipes() throws {
        let child = try ChildProcess(
            "/bin/sh", ["-c", "cat; echo gone >&2"], input: .pipe, output: .pipe, error: .pipe)
        try Descriptor.writeAll(try #require(child.input), "hello")
        child.closeInput()
        #expect(child.input == nil)
        #expect(try text(child.output) == "hello")
        #expect(try text(child.error) == "gone\n")
        #expect(try child.wait() == .exited(0))
    }

    @Test("environment and directory are what it is given")
    func surroundings() throws {
        let child = try ChildProcess(
            "/bin/sh", ["-c", "pwd; echo $WORD; echo ${HOME-none}"], environment: ["WORD": "a b"], directory: "/",
            output: .pipe)
        #expect(try text(child.output) == "/\na b\nnone\n")
        _ = try child.wait()
    }

    @Test("a signal reaches it while it is there, and nobody afterwards")
    func signals() throws {
        let child = try shell("exec sleep 600")
        #expect(child.send(SIGTERM))
        #expect(try child.wait() == .signaled(SIGTERM))
        #expect(!child.send(SIGTERM))
        let group = try shell("sleep 600 & wait")
        #expect(group.send(SIGKILL, toGroup: true))
        #expect(try group.wait() == .signaled(SIGKILL))
    }

    @Test("a wait that is cancelled ends the child, and tells how")
    func cancelled() async throws {
        let child = try shell("exec sleep 600")
        let task = Task { try await child.wait() }
        task.cancel()
        #expect(try await task.value == .signaled(SIGTERM))
    }

    @Test("several may wait, whoever of them reaps it")
    func several() async throws {
        for _ in 0..<50 {
            let child = try shell("exit 3")
            try await withThrowingTaskGroup { group in
                for _ in 0..<5 { group.addTask { try await child.wait() } }
                for try await status in group { #expect(status == .exited(3)) }
            }
        }
    }
}
