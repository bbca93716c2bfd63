import DaemonTestKit
import Testing

@Suite("DaemonKitArguments")
struct ArgumentsTests {
    private func argd(_ arguments: String...) throws -> DaemonProcess {
        try DaemonProcess(DaemonProcess.product("argd"), arguments)
    }

    @Test("options, flags, lists and arguments of the command stand beside the daemon's, in any order")
    func arguments() async throws {
        let daemon = try argd(
            "-q", "one", "--tag", "a", "--debug", "--interval", "5", "--tag=-b", "--color", "green", "--", "-two")
        try await daemon.ready()
        try await daemon.logLine(#"quiet=true interval=5 color=green tag=["a", "-b"] files=["one", "-two"]"#)
        #expect(try await daemon.stop() == .exited(0))
    }

    @Test("what is left out has the command's default")
    func defaults() async throws {
        let daemon = try argd()
        try await daemon.ready()
        try await daemon.logLine("quiet=false interval=60 color=none tag=[] files=[]")
    }

    @Test(
        "what is wrong ends in the terminal with exit status 2, validate() included",
        arguments: [
            (["--interval", "x"], "interval"), (["--color", "blue"], "color"),
            (["--interval", "2000"], "an interval of 2000 s is too long"), (["--nonsense"], "nonsense"),
        ])
    func mistakes(_ words: [String], _ text: String) async throws {
        let daemon = try DaemonProcess(DaemonProcess.product("argd"), words)
        #expect(try await daemon.ended() == .exited(2))
        #expect(daemon.standardError.contains(text), "\(daemon.standardError)")
    }

    @Test("one help has the options of both, with the command's values and defaults")
    func help() async throws {
        let daemon = try argd("--help")
        #expect(try await daemon.ended() == .exited(0))
        for text in ["--pid-file", "--interval", "INTERVAL", "Seconds between two ticks", "60", "--color", "FILES"] {
            #expect(daemon.standardOutput.contains(text), "\(text) in \(daemon.standardOutput)")
        }
    }
}
