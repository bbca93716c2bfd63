import Foundation
import Testing
import Unix

/// The commands of the guides about masters are run, and what they say of commands and keywords is complete.
@Suite("The guides of masterd and --workers", .blocking, .timeLimit(.minutes(20)))
struct MasterGuideTests {
    private static let folder = "Sources/DaemonKit/DaemonKit.docc"

    /// All blocks of a guide, one after the other, as somebody pastes them into one shell.
    private func commands(of name: String, _ judge: (TestProcess.Outcome, TestDirectory) -> Void) throws {
        let guide = Markdown("\(Self.folder)/\(name).md")
        let folder = try TestDirectory(mode: 0o755)
        var script = "set -eo pipefail\ntrap 'kill -KILL $(jobs -p) 2>&- || true' EXIT\ncd \"$1\"\n"
        for block in guide.blocks where block.language == "sh" {
            guard let note = block.note else {
                script += "echo '== line \(block.line)' >&2\n\(block.text)"
                continue
            }
            let needs = note.wholeMatch(of: /needs: (root|socat|root, socat)/)?.1.split(separator: ", ")
            #expect(needs != nil, "\(guide.path), line \(block.line): what does '\(note)' mean?")
            guard needs?.allSatisfy({ $0 == "root" ? Machine.canUnshare : Machine.has(String($0)) }) == true else {
                continue
            }
            script += "echo '== line \(block.line)' >&2\n\(block.text)"
        }
        try folder.write("script", script)
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let outcome = try folder.shell(
            "exec timeout 220 bash \"$2\" \"$1\"", folder.path, [folder["script"]],
            environment: ["PATH": "\(Product.directory):\(path)"], within: .seconds(240))
        let log = ["echod.log", "masterd.log", "second.log", "log"].map(folder.read).joined(separator: "\n--\n")
        #expect(outcome.code == 0, "\(name)\n\(outcome.output)\n\(outcome.errors)\n\(log)")
        judge(outcome, folder)
        let left = Files.names(in: folder.path).filter { $0.hasSuffix(".pid") || ["control", "second"].contains($0) }
        #expect(left.isEmpty, "\(name): \(left)")
    }

    @Test("Reload without losing a request: its commands work, and no request is lost")
    func reload() throws {
        try commands(of: "ReloadWithoutLoss") { outcome, folder in
            #expect(outcome.output.contains("\n500\n") || outcome.output.hasPrefix("500\n"), "\(outcome.output)")
            #expect(folder.read("echod.log").contains("Former worker ("))
            guard Machine.has("socat") else { return }
            #expect(folder.read("masterd.log").components(separatedBy: "Loading success.").count > 2)
            #expect(outcome.output.contains("masterd.cfg:12: unknown keyword 'colour' in 'worker' section"))
            #expect(outcome.output.components(separatedBy: "Success=0\n--\n").count == 3, "\(outcome.output)")
            #expect(outcome.output.contains(/\nOpen: 0\nAccepted: \d+\n/))
            #expect(folder.read("second.log").contains("Upgraded from version"))
            #expect(folder.read("second.log").contains("Not upgraded: "))
        }
    }

    @Test("Supervise any program: its commands work")
    func supervise() throws {
        try commands(of: "SuperviseAnyProgram") { outcome, folder in
            #expect(outcome.output.contains("\nhello, world\n"), "\(outcome.output)")
            #expect(folder.read("greeter.log").hasPrefix("hello, world\n"))
            #expect(folder.read("masterd.log").contains("Reopening log files"))
            #expect(folder.read("masterd.log.1").contains("flaky: I cannot stay"))
            guard Machine.has("socat") else { return }
            #expect(outcome.output.components(separatedBy: "Success=1\n").count == 5, "\(outcome.output)")
        }
    }

    @Test("Use masterd as a container's init: its commands work, in namespaces of their own")
    func container() throws {
        try commands(of: "MasterdInContainers") { outcome, folder in
            guard Machine.canUnshare else { return }
            #expect(outcome.output.contains("masterd\nmasterd\n"), "\(outcome.output)")
            #expect(outcome.output.contains(/masterd is running \(pid 2\)\n/), "\(outcome.output)")
            #expect(outcome.output.contains("\nended with 0\nended with 7\n"), "\(outcome.output)")
            #expect(folder.read("log").contains("Former worker ("))
        }
    }

    @Test("The control socket: its commands work, and answer what it shows")
    func control() throws {
        try commands(of: "ControlSocket") { outcome, _ in
            guard Machine.has("socat") else { return }
            let shown = [
                "The following commands are valid at this level:\n", "# socket lvl processes\n",
                "\nPermission denied!\n",
                "master> 0.1.0\n", "> Name: echod\n", "takes no commands.\n",
                "Can't find the target PID matching the prefix '@9'\n", "# old programs\n", "\nthat was it\n",
                "# TYPE daemonkit_child_up gauge\n", "\n# EOF\n", "\nCONT sent to ", "\nPaused 3 workers\n",
                "\nResumed 3 workers\n", "Unknown command: 'relod', but maybe 'reload' is meant. Try 'help'.\n",
                "Success=0\n--\nNo service 'clok' is configured.",
                "'scale' expects the name of a service and a number from 0 to 1000.\n",
            ]
            for text in shown { #expect(outcome.output.contains(text), "\(text)\n\(outcome.output)") }
        }
    }

    // MARK: Completeness

    @Test("The page of the control socket has every command of master and worker, and no other")
    func everyCommand() throws {
        let daemon = try TestDaemon(Product.echod)
        let socket = daemon.folder["control"]
        let started = try daemon.folder.run(Product.echod, daemon.arguments(["--workers", "1", "-S", socket]))
        try #require(started.code == 0, "\(started.errors)")
        defer { daemon.end() }
        func commands(_ question: String) throws -> Set<String> {
            let client = try Client(.unix(socket))
            try client.send("\(question)\n")
            let words = try client.receive(.max).matches(of: #/(?m)^  ([a-z][a-z -]*?) +: /#).map { String($0.1) }
            return Set(words)
        }
        let known = try commands("help").union(commands("@1 help")).subtracting(["show connections"])
        #expect(known.count > 25)
        let page = Markdown("\(Self.folder)/ControlSocket.md").text
        let rows = page.split(separator: "\n").filter { $0.contains(#/^\| .* \| (user|operator|admin) \|/#) }
        let documented = rows.flatMap { row in
            // The words before the arguments, of each command of the first column.
            row.split(separator: "|")[0].matches(of: /`([a-z][a-z -]*[a-z])/).map { String($0.1) }
        }
        let unknown = Set(documented).subtracting(known).subtracting(["show proc debug", "show proc json"])
        #expect(unknown.isEmpty, "\(unknown)")
        #expect(known.isSubset(of: documented), "\(known.subtracting(documented))")
    }

    @Test("A copy of etc/masterd/masterd.cfg has no mistake, with and without what is commented out")
    func configuration() throws {
        let manual = text(of: "etc/masterd/masterd.cfg")
        let folder = try TestDirectory(mode: 0o755)
        try folder.write("masterd.cfg", manual)
        try folder.write("variables", "NAME=value\n")
        let all = manual.replacing("/etc/default/echo", with: folder["variables"])
        try folder.write("all.cfg", all.replacing(/(?m)^( *)#([a-z])/) { "\($0.1)\($0.2)" })
        #expect(folder.read("all.cfg") != manual)
        for name in ["masterd.cfg", "all.cfg"] {
            let outcome = try folder.run(
                Product.masterd, ["--check", "--config", folder[name]],
                environment: ["PATH": "\(Product.directory):/usr/sbin:/usr/bin:/sbin:/bin"])
            #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
        }
    }
}
