import Testing
import Unix

@testable import DaemonCore

@Suite("Readiness", .timeLimit(.minutes(20)))
struct ReadinessTests {
    /// The state after these pieces, one read each.
    private func state(_ pieces: [UInt8]...) -> ReadinessState {
        var state = ReadinessState()
        for piece in pieces { state.append(piece[...]) }
        return state
    }

    private func state(_ text: String) -> ReadinessState { state(Array(text.utf8)) }

    // MARK: What the launcher understands

    @Test("nothing is neither a pid, nor ready, nor a failure")
    func nothing() {
        let state = state("")
        #expect(state.pid == nil && !state.isReady && state.failure == nil)
    }

    @Test("a pid alone is not ready: the pipe's end then is a failure")
    func pidOnly() {
        let state = state("P123\n")
        #expect(state.pid == 123 && !state.isReady && state.failure == nil)
    }

    @Test(
        "a report means the same, wherever a read divides it",
        arguments: [
            "P123\nR\n", "P123\nF7 cannot bind [::1]:80: in use", "F1 two\nlines\nR\n", "P1\nF3 Rüstung ‒ R\n", "R\n",
        ])
    func divided(text: String) {
        let bytes = Array(text.utf8)
        let whole = state(bytes)
        for index in 0...bytes.count { #expect(state(Array(bytes[..<index]), Array(bytes[index...])) == whole) }
        var single = ReadinessState()
        for index in bytes.indices { single.append(bytes[index...index]) }
        #expect(single == whole)
    }

    @Test("ready is ready only when its line is whole")
    func halfReady() {
        #expect(!state("P123\nR").isReady)
        #expect(state("P123\nR\n").isReady)
    }

    @Test(
        "a failure has its exit status and its text, which may have lines and be empty",
        arguments: [
            ("F1 text", 1, "text"), ("F77 a b  c", 77, "a b  c"), ("F3 one\ntwo\n", 3, "one\ntwo\n"),
            ("F5 ", 5, "no reason given"),
            ("P9\nF2 grüße", 2, "grüße"), ("F143 ended by SIGTERM", 143, "ended by SIGTERM"),
        ])
    func failure(text: String, exitStatus: Int32, reason: String) throws {
        let failure = try #require(state(text).failure)
        #expect(failure.exitStatus == exitStatus && failure.text == reason)
        #expect(!state(text).isReady)
    }

    @Test("a failure's text can say neither ready nor another pid")
    func forgedText() {
        let state = state("P123\nF1 x\nR\nP1\n")
        #expect(state.pid == 123 && !state.isReady && state.failure?.text == "x\nR\nP1\n")
    }

    @Test(
        "only the first line names the process: what the daemon says later names nobody",
        arguments: ["P123\nP1\n", "P123\n\nP1\nP2\n", "P123\n\0P1\nx\nP1\n", "P123\nP1"])
    func secondPID(text: String) { #expect(state(text).pid == 123) }

    @Test("a pid that does not come first is none", arguments: ["\nP1\n", "x\nP1\n", "R\nP1\n"])
    func latePID(text: String) { #expect(state(text).pid == nil) }

    @Test("garbage without an end is read and forgotten, and a failure without an end is cut")
    func endless() {
        let block = [UInt8](repeating: UInt8(ascii: "P"), count: 1 << 14)
        var state = state("P123\n")
        for _ in 0..<10 { state.append(block[...]) }
        state.append(Array("\nR\n".utf8)[...])
        #expect(state.pid == 123 && state.isReady && state.failure == nil)
        var failed = self.state("P123\nF7 ")
        for _ in 0..<10 { failed.append(block[...]) }
        #expect(failed.failure?.exitStatus == 7 && failed.failure?.text.utf8.count ?? .max <= 1 << 16)
    }

    @Test("a failure never has exit status 0", arguments: ["F0 text", "F256 text", "F-256 text"])
    func neverZero(text: String) throws {
        let failure = try #require(state(text).failure)
        #expect(failure.exitStatus & 0xFF != 0)
    }

    @Test(
        "a garbled failure is a failure",
        arguments: ["F", "F1", "Fx text", "F text", "FF", "F99999999999 x", "F1\n", "F1\nx y"])
    func garbledFailure(text: String) throws {
        let failure = try #require(state(text).failure)
        #expect(failure.exitStatus == 1 && failure.text == "garbled report")
    }

    @Test(
        "garbage is not ready, and no pid",
        arguments: ["\n", "X\n", "P\n", "Px\n", "P 1\n", "P99999999999\n", "RR\n", "R \n", " R\n", "r\n", "\0R\n"])
    func garbage(text: String) {
        let state = state(text)
        #expect(!state.isReady && state.pid == nil && state.failure == nil)
    }

    @Test("bytes that are no text are no harm")
    func randomBytes() {
        var random = Seeded(12)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...30, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? UInt8.random(in: 0...255, using: &random)
                    : Array("PRF1 \n").randomElement(using: &random)!.asciiValue!
            }
            let state = state(bytes)
            if let failure = state.failure { #expect(failure.exitStatus != 0 && !failure.text.isEmpty) }
        }
    }

    // MARK: What the daemon says

    private func reported(_ body: (ReadinessReport) throws -> Void) throws -> ReadinessState {
        let ends = try FileDescriptor.pipe().release()
        try body(ReadinessReport(pipe: ends.write))
        defer { Descriptor.close(ends.read) }
        return state(try readAll(ends.read))
    }

    @Test("what a report says, the state understands, and the pipe is at its end")
    func reports() throws {
        let ready = try reported { report in
            report.started(pid: 123)
            try report.ready()
        }
        #expect(ready.pid == 123 && ready.isReady && ready.failure == nil)
        let failed = try reported { report in
            report.started(pid: 123)
            report.failed(DaemonError("first\nsecond", exitStatus: 7))
        }
        #expect(failed.pid == 123 && !failed.isReady)
        #expect(failed.failure?.exitStatus == 7 && failed.failure?.text == "first\nsecond")
    }

    @Test("an empty error text is not taken for success")
    func emptyError() throws {
        let failed = try reported { $0.failed(DaemonError("", exitStatus: 0)) }
        #expect(!failed.isReady && failed.failure?.exitStatus == 1 && failed.failure?.text == "no reason given")
    }

    @Test("ready throws when the launcher is gone, and raises no signal that ends the daemon")
    func launcherGone() async {
        await #expect(processExitsWith: .success) {
            Signal.unblockAll()
            Signal.pipe.discard()
            let ends = try FileDescriptor.pipe().release()
            Descriptor.close(ends.read)
            #expect(throws: Errno.brokenPipe) { try ReadinessReport(pipe: ends.write).ready() }
        }
    }
}
