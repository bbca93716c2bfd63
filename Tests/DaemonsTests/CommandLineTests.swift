import Testing
import Unix

@Suite(
    "The command line", .enabled(if: Machine.canUnshare, "needs root and mounts of its own"), .blocking,
    .timeLimit(.minutes(20)))
struct CommandLineTests {
    @Test(
        "is read where /proc is not there: no daemon is started by --stop",
        arguments: [Product.echod, Product.masterd, Product.startServer, Product.daemonctl])
    func withoutProc(executable: String) throws {
        let folder = try TestDirectory(mode: 0o755)
        let script = "mount -t tmpfs none /proc && exec \"$@\""
        func run(_ words: String...) throws -> TestProcess.Outcome {
            try folder.run(
                try #require(Machine.find("unshare")),
                ["--mount", "sh", "-c", script, "sh", executable] + words)
        }
        #expect(try run("--help").output.lowercased().contains("usage"))
        #expect(try run("--no-such-option").code != 0)
        guard [Product.echod, Product.masterd].contains(executable) else { return }
        let stop = try run("--stop", "--pid-file", folder["x.pid"])
        #expect(stop.code == 0 && stop.output.hasSuffix("is not running\n"), "\(stop)")
    }
}
