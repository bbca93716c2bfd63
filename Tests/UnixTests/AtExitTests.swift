import Testing
import Unix

@Suite("AtExit", .timeLimit(.minutes(20)))
struct AtExitTests {
    private let folder = TemporaryFolder()

    /// Leaves a mark in the file at the process's exit.
    private static func mark(_ path: String) {
        AtExit.run {
            guard let file = try? FileDescriptor.open(path, [.writeOnly, .create, .append]) else { return }
            try? Descriptor.writeAll(file.number, "ran\n")
        }
    }

    @Test("the closure runs once when the process exits")
    func runs() async throws {
        await #expect(processExitsWith: .exitCode(7)) { [path = folder["marks"] as String] in
            Self.mark(path)
            CurrentProcess.exit(7)
        }
        #expect(try folder.contents("marks") == "ran\n")
    }

    @Test("a forked child that exits does not run it")
    func notInChild() async throws {
        await #expect(processExitsWith: .exitCode(0)) { [path = folder["marks"] as String] in
            Self.mark(path)
            let pid = forked { CurrentProcess.exit(5) }
            let status = try Child.reap(pid, waiting: true)
            #expect(status == .exited(5))
            #expect(throws: Errno.noSuchFile) { try FileStatus(path: path) }
            CurrentProcess.exit(0)
        }
        #expect(try folder.contents("marks") == "ran\n")
    }

    @Test("an end at once does not run it")
    func notAtOnce() async {
        await #expect(processExitsWith: .exitCode(7)) { [path = folder["marks"] as String] in
            Self.mark(path)
            CurrentProcess.exitNow(7)
        }
        #expect(Files.names(in: folder.path).isEmpty)
    }
}
