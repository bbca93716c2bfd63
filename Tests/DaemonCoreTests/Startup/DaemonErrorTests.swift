import Testing
import Unix

@testable import DaemonCore

@Suite("DaemonError", .timeLimit(.minutes(20)))
struct DaemonErrorTests {
    private struct Silent: Error, CustomStringConvertible { var description: String { "" } }
    private struct Plain: Error { let number = 5 }
    private enum Cases: Error {
        case one
        case two(String)
    }

    @Test("an error of the author's has the author's words")
    func author() {
        let error = DaemonError("no configuration", exitStatus: 78)
        #expect(error.description == "no configuration" && error.exitStatus == 78 && error.code == .author)
        #expect(error.systemError == nil)
    }

    @Test("a failed call says what was tried, and the system's reason")
    func cause() {
        let error = #expect(throws: DaemonError.self) {
            try attempt(.logFile, "log file /x") { () throws(Errno) in throw .noSpace }
        }
        #expect(error?.message == "log file /x: No space left on device" && error?.code == .logFile)
        #expect(error?.systemError == ENOSPC && error?.exitStatus == 1)
    }

    @Test("an error has parts: code, what was tried, path, reason, errno, cure, exit status")
    func parts() {
        let code = DaemonError.Code(rawValue: "cache")
        let error = DaemonError(
            code, tried: "cannot open the cache /var/x", path: "/var/x", systemError: ENOENT, cure: "run x --init",
            exitStatus: 300)
        #expect(error.message == "cannot open the cache /var/x: No such file or directory: run x --init")
        #expect(error.code == code && error.path == "/var/x" && error.reason == "No such file or directory")
        #expect(error.systemError == ENOENT && error.cure == "run x --init" && error.exitStatus == 1)
    }

    @Test("a refused file is the error's path")
    func refusedFile() {
        let error = DaemonError(.logFile, "log file /x/y", FileRefusal(.hardLink, "/x/y"))
        #expect(error.message == "log file /x/y: has another name (hard link)" && error.path == "/x/y")
    }

    @Test("a call that works gives its result, and what was tried is not even put into words")
    func success() throws {
        func words() -> String {
            Issue.record("put into words")
            return ""
        }
        #expect(try attempt(.process, words()) { () throws(Errno) in 5 } == 5)
    }

    @Test(
        "any wrapped error has a text",
        arguments: [
            Silent(), Plain(), Cases.one, Cases.two(""), Errno.noSpace, CancellationError(), OptionMistake("is wrong"),
        ] as [any Error])
    func wrapped(error: any Error) { #expect(!DaemonError(wrapping: error).message.isEmpty) }

    @Test("a wrapped error keeps its words, and one without any is called by its type")
    func wrappedWords() {
        #expect(DaemonError(wrapping: Cases.two("x")).message.contains("two"))
        #expect(DaemonError(wrapping: Errno.noSpace).message == "No space left on device")
        #expect(DaemonError(wrapping: Silent()).message == "unknown error of type Silent")
    }

    @Test("a DaemonError is not wrapped again")
    func unwrapped() {
        let error = DaemonError(wrapping: DaemonError(.listener, "cannot bind x", .addressInUse, exitStatus: 3))
        #expect(error.code == .listener && error.systemError == EADDRINUSE && error.exitStatus == 3)
    }
}
