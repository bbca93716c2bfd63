import Testing
import Unix

/// What SIGTERM and SIGINT do while a start is on its way.
@Suite("StartAbort", .timeLimit(.minutes(20)))
struct StartAbortTests {
    private let folder = TemporaryFolder()

    private static func register(_ path: String) throws {
        StartAbort.remove(path, in: Descriptor.currentDirectory, identity: try FileStatus(path: path).identity)
    }

    @Test("an armed start ends at once with 128 + signal", arguments: [SIGTERM, SIGINT])
    func ends(number: Int32) async {
        // The signal is known here only, and the process's end has to be given before.
        let end = Testing.ExitStatus.exitCode(128 + number)
        let result = await #expect(processExitsWith: .failure) { [number = number as Int32] in
            try StartAbort.arm()
            kill(getpid(), number)
            Poll.pause(.seconds(60))
        }
        #expect(result?.exitStatus == end)
    }

    @Test("registered files are removed, and only if they are still the same")
    func removes() async throws {
        try folder.write("", to: "ours")
        try folder.write("", to: "replaced")
        await #expect(processExitsWith: .exitCode(143)) {
            [ours = folder["ours"] as String, replaced = folder["replaced"] as String] in
            for path in [ours, replaced] { try Self.register(path) }
            let successor = try FileDescriptor.open(replaced + ".new", [.create, .writeOnly])
            rename(replaced + ".new", replaced)
            try StartAbort.arm()
            raiseHere(SIGTERM)
            _ = successor
        }
        #expect(Files.names(in: folder.path) == ["replaced"])
    }

    @Test("the launcher is told")
    func tells() async throws {
        try folder.write("", to: "report")
        await #expect(processExitsWith: .exitCode(130)) { [path = folder["report"] as String] in
            let report = try FileDescriptor.open(path, .writeOnly)
            try StartAbort.arm(report: report.number)
            raiseHere(SIGINT)
        }
        #expect(try folder.contents("report") == "F130 ended by SIGINT during start-up")
    }

    @Test("once disarmed, the signal is only noted")
    func disarmed() async throws {
        try folder.write("", to: "file")
        await #expect(processExitsWith: .success) { [path = folder["file"] as String] in
            let pipe = try SignalPipe()
            try Self.register(path)
            try StartAbort.arm()
            StartAbort.disarm()
            raiseHere(SIGTERM)
            pipe.drain()
            #expect(pipe.take(.terminate))
        }
        #expect(Files.names(in: folder.path) == ["file"])
    }
}
