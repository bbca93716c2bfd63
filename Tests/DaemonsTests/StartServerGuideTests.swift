import Foundation
import Testing
import Unix

/// The commands of the guide "Deploy with start_server" are run, and what it says of options and commands is complete.
@Suite("The guide of start_server", .blocking, .timeLimit(.minutes(20)))
struct StartServerGuideTests {
    private static let guide = Markdown("Sources/DaemonKit/DaemonKit.docc/DeployWithStartServer.md")

    /// All blocks, one after the other, as somebody pastes them into one shell.
    @Test("Every command of the guide works as it stands")
    func commands() throws {
        let folder = try TestDirectory(mode: 0o755)
        defer { for file in ["pid", "other"] { folder.end(holderOf: file) } }
        var script = "set -eo pipefail\ncd \"$1\"\n"
        for block in Self.guide.blocks where block.language == "sh" {
            switch block.note {
            case "needs: socat"?: if !Machine.has("socat") { continue }
            case let note?: Issue.record("\(Self.guide.path), line \(block.line): what does '\(note)' mean?")
            case nil: break
            }
            script += "echo '== line \(block.line)' >&2\n\(block.text)"
        }
        try folder.write("script", script)
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let outcome = try folder.shell(
            "exec timeout 220 bash \"$2\" \"$1\"", folder.path, [folder["script"]],
            environment: ["PATH": "\(Product.directory):\(path)"])
        #expect(outcome.code == 0, "\(outcome.output)\n\(outcome.errors)\n\(folder.read("log"))")
        #expect(outcome.output.contains(/^1:\d+\n/), "\(outcome.output)")
        #expect(outcome.output.contains(/TZ is UTC\n(.*\n)*TZ is unset\n/), "\(outcome.output)")
        if Machine.has("socat") {
            #expect(outcome.output.contains("start_server (DaemonKit)") && outcome.output.contains("# old workers"))
        }
        #expect(folder.read("log.1").contains("upgraded start_server"))
        // In which of them it stands depends on when the log was reopened.
        #expect((folder.read("log.1") + folder.read("log")).contains("received HUP"))
        #expect(folder.read("log").hasSuffix("\nexiting\n"))
        #expect(["pid", "status", "control", "other", "socket"].filter(folder.exists).isEmpty)
    }

    @Test("The guide has every option of --help, and no other")
    func options() throws {
        let folder = try TestDirectory(mode: 0o755)
        let help = try folder.run(Product.startServer, ["--help"]).output
        let table = Self.guide.text.split(separator: "\n").filter { $0.hasPrefix("| `--") }.joined(separator: "\n")
        let known = Self.options(in: help).subtracting(["--help", "--version"])
        #expect(known.count > 20)
        #expect(Self.options(in: table).isSuperset(of: known), "\(known.subtracting(Self.options(in: table)))")
        // The worker's own, and one cut short.
        let unknown = Self.options(in: Self.guide.text).subtracting(known).subtracting(["--foreground", "--int"])
        #expect(unknown.isEmpty, "\(unknown)")
    }

    private static func options(in text: String) -> Set<String> {
        Set(text.matches(of: /(?:^|[^\w-])(--[a-z][a-z-]*[a-z])/).map { String($0.1) })
    }
}
