import Testing
import Unix

@testable import DaemonKit

/// What the command line alone decides ends the process: each in one of its own.
@Suite("The command line's ends", .timeLimit(.minutes(20)))
struct CommandLineInterfaceTests {
    private static func read(_ words: [String]) {
        _ = CommandLineInterface(testd, .standard).read(["testd"] + words)
    }

    private func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    @Test("mistakes go to standard error, all in one go, and the exit status is 2")
    func mistakes() async {
        let result = await #expect(
            processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
        ) {
            Self.read(["--nope", "-p", "70000", "left"])
        }
        #expect(
            text(result?.standardErrorContent) == """
                testd: unknown option '--nope'
                testd: option '-p': '70000' is not a port (1 to 65535)
                testd: unexpected argument 'left'
                Try 'testd --help'.

                """)
    }

    @Test("help beside a mistake is a mistake")
    func helpWithMistake() async {
        let result = await #expect(processExitsWith: .exitCode(2), observing: [\.standardOutputContent]) {
            Self.read(["--help", "--nope"])
        }
        let output = text(result?.standardOutputContent)
        #expect(!output.contains("Usage"))
    }

    @Test(
        "help, version and completion go to standard output, and the exit status is 0",
        arguments: [
            (["-fh"], "Usage: testd [OPTIONS]\n"), (["-V"], "testd 1.2\n"), (["--help-comp"], "-f,--foreground none\n"),
            (["--generate-completion-script", "fish"], "complete -c testd "),
        ])
    func prints(words: [String], beginning: String) async {
        let result = await #expect(processExitsWith: .exitCode(0), observing: [\.standardOutputContent]) {
            [words = words as [String]] in
            Self.read(words)
        }
        let output = text(result?.standardOutputContent)
        #expect(output.hasPrefix(beginning))
    }

    @Test("output that cannot be written is a failure")
    func fullDisk() async {
        let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
            try Descriptor.duplicate(try FileDescriptor.open("/dev/full", .writeOnly).release(), ontoStandard: 1)
            Self.read(["--help"])
        }
        #expect(
            text(result?.standardErrorContent) == "testd: cannot write to standard output: No space left on device\n")
    }

    @Test("options that are right alone can exclude each other")
    func conflicts() {
        func found(_ words: String...) -> [String] { StandardOption.conflicts(in: parse(words).values, testd) }
        #expect(found("--stop", "--status") == ["options '--status' and '--stop' exclude each other"])
        #expect(found("--stop", "--signal=HUP") == ["options '--stop' and '--signal' exclude each other"])
        #expect(
            found("--check", "--reload", "--reopen-logs")
                == ["options '--check' and '--reload' and '--reopen-logs' exclude each other"])
        #expect(
            found("--bind=[::1]:80", "-p80") == ["option '--bind': '[::1]:80' names a port, and so does '--port'"])
        #expect(found("--bind=::1", "-p80", "--stop").isEmpty)
        #expect(found("--bind=/run/x", "-p80").isEmpty)
    }
}
