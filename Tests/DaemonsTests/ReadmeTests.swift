import Foundation
import Testing
import Unix

/// What README.md and the guides show is true: their commands are run, their code is compiled.
@Suite("README and guides", .blocking, .timeLimit(.minutes(20)))
struct ReadmeTests {
    private static let readme = Markdown("README.md")
    private static let guides = [
        "WriteADaemon", "TestADaemon", "StartUp", "StopAndReload", "DaemonKit", "ReloadWithoutLoss",
        "SuperviseAnyProgram",
        "MasterdInContainers", "ControlSocket", "DeployWithStartServer", "HowSupervisionWorks", "Deploy", "Compare",
        "WithHummingbird", "WithSwiftNIO", "WithServiceLifecycle", "WithLibraries", "WhoMayOpenWhat", "WhichMaster",
    ].map {
        Markdown("Sources/DaemonKit/DaemonKit.docc/\($0).md")
    }

    @Test("The README's first block of its own is the tickd that is built and tested, in 20 lines at the most")
    func smallestDaemon() throws {
        let first = try #require(Self.readme.blocks.first { $0.file == nil })
        #expect(first.language == "swift")
        #expect(first.text == text(of: "Tests/Fixtures/tickd/main.swift"))
        #expect(first.text.split(separator: "\n", omittingEmptySubsequences: false).count <= 21)
    }

    @Test("A block that is said to be a file of the repository is that file")
    func files() {
        let blocks = ([Self.readme] + Self.guides).flatMap { page in page.blocks.map { (page, $0) } }
        for (page, block) in blocks {
            guard let file = block.file else { continue }
            #expect(block.text == text(of: file), "\(page.path), line \(block.line) is not \(file)")
        }
        #expect(blocks.contains { $0.1.file?.hasPrefix("Examples/") == true })
    }

    @Test("The README's test command is the one that .ci/run calls")
    func testCommand() {
        #expect(Self.readme.blocks.contains { $0.text == "swift test\n" })
        #expect(text(of: ".ci/run").contains(/\bswift test\b/))
    }

    @Test("Every file that the README and the guides link to is there")
    func links() {
        for page in [Self.readme] + Self.guides {
            for match in page.text.matches(of: /\]\(([^):#]+)\)/) {
                let folders = page === Self.readme ? [""] : ["Sources/DaemonKit/DaemonKit.docc/Resources/"]
                #expect(
                    folders.contains { (try? FileStatus(path: "\(Product.repository)/\($0)\(match.1)")) != nil },
                    "\(page.path): \(match.1)")
            }
        }
    }

    // MARK: The commands

    /// All blocks, one after the other, as somebody pastes them into one shell; the one that stays in the foreground has
    /// a terminal of its own. It happens in a copy of the repository, so that nothing lands in this one.
    @Test(
        "Every command of the README works as it stands", .enabled(if: isThorough, "builds a package"),
        .enabled(if: Machine.has("swift"), "needs swift"))
    func commands() throws {
        let shells = Self.readme.blocks.filter { ["sh", "console"].contains($0.language) }
        try #require(shells.count > 8)
        let sandbox = try Sandbox()
        defer { sandbox.end() }
        var script = "set -eo pipefail\n"
        for block in shells {
            switch block.note {
            case "run: in the background"?: script += Sandbox.inBackground(block.text)
            case let note? where note.hasPrefix("not-run: ") && note.count > 20: continue
            case "needs: socat"?: if Machine.has("socat") { script += block.text }
            case let note?: Issue.record("README.md, line \(block.line): what does '\(note)' mean?")
            case nil: script += "echo '== README.md, line \(block.line)' >&2\n\(block.text)"
            }
        }
        // The block in the background was stopped by a later one, and ended as it should.
        let outcome = try sandbox.run(script + "wait \"$background\"\n")
        #expect(outcome.code == 0, "\(outcome.output)\n\(outcome.errors)\n\(sandbox.folder.read("background"))")
        #expect(outcome.output.contains("hello, echod\n"))
        #expect(outcome.output.contains(/echod is running \(pid \d+\)/))
        #expect(outcome.output.contains(/echo started \(pid \d+\)\necho is running \(pid \d+\)\n/))
        #expect(outcome.output.contains("\nSuccess=1\n") && outcome.output.contains(/\necho \(pid \d+\) stopped\n/))
        #expect(outcome.output.contains(/tickd \(pid \d+\) stopped/))
        // Generation and pid after the start, the restart and the upgrade: 500 clients, each answered.
        #expect(outcome.output.contains(/\n1:\d+\n500\n2:\d+\n/), "\(outcome.output)")
        let supervised = sandbox.folder.read("DaemonKit/.build/run/log")
        #expect(supervised.contains("upgraded start_server") && supervised.hasSuffix("\nexiting\n"), "\(supervised)")
        expectMasters(sandbox, outcome)
        let rotated = sandbox.folder.read("tickd/tickd.log.1") + sandbox.folder.read("tickd/tickd.log")
        #expect(rotated.contains("NOTICE tickd daemon startup") && rotated.contains("NOTICE tickd daemon shutdown"))
        #expect(sandbox.folder.read("tickd/tickd.log").starts(with: /\S+ \S+ \S+ tickd pid=\d+ NOTICE Reopening/))
        #expect(sandbox.folder.read("DaemonKit/.build/echod.service").contains("\nType=notify\n"))
        #expect(sandbox.folder.read("DaemonKit/.build/echod.logrotate").contains("--reopen-logs"))
    }

    private func expectMasters(_ sandbox: Sandbox, _ outcome: TestProcess.Outcome) {
        let workers = sandbox.folder.read("DaemonKit/.build/workers.log")
        #expect(workers.contains("New worker (") && workers.contains("Upgraded from version"))
        #expect(workers.hasSuffix("NOTICE echod daemon shutdown\n"), "\(workers)")
        let before = sandbox.folder.read("DaemonKit/.build/masterd/masterd.log.1")
        let after = sandbox.folder.read("DaemonKit/.build/masterd/masterd.log")
        #expect(before.components(separatedBy: "New worker (").count == 6, "\(before)")
        #expect(
            after.contains("Reopening log files") && after.hasSuffix("NOTICE masterd daemon shutdown\n"), "\(after)")
        guard Machine.has("socat") else { return }
        #expect(outcome.output.contains("Success=1\n--\n") && outcome.output.contains("Generation: 2\n"))
        #expect(outcome.output.contains("# EOF\n"))
    }

    // MARK: tickd

    @Test("tickd, the smallest daemon, ticks, reopens its log and stops")
    func tickd() throws {
        let daemon = try TestDaemon(Product.tickd)
        #expect(try daemon.launch("--interval", "1").code == 0)
        #expect(eventually { daemon.log.contains("INFO tick\n") })
        #expect(rename(daemon.folder["d.log"], daemon.folder["d.log.1"]) == 0)
        #expect(try daemon.ask("--reopen-logs").code == 0)
        #expect(eventually { daemon.log.contains("Reopening log files") && daemon.log.contains("INFO tick\n") })
        #expect(try daemon.launch("--interval", "0").code == 2)
        #expect(try daemon.ask("--stop").code == 0)
        #expect(daemon.isClean)
        #expect(daemon.log.hasSuffix("NOTICE tickd daemon shutdown\n"))
    }

    // MARK: The guides' code

    @Test(
        "Every Swift block of the README and the guides compiles", .enabled(if: isThorough, "calls the compiler often"),
        .enabled(if: Compiler.why == nil, "\(Compiler.why ?? "")"))
    func blocksCompile() throws {
        let whole = try #require(Self.guides.first?.blocks.first { $0.text.contains("final class Quotes") })
        for page in [Self.readme] + Self.guides {
            // Those that use other packages are compiled with Integrations and Examples.
            for block in page.blocks where block.language == "swift" && block.file == nil && !block.isOfIntegrations {
                let folder = try TestDirectory(mode: 0o755)
                let outcome = try Compiler.check(block, parts: whole.text, folder)
                #expect(outcome.code == 0, "\(page.path), line \(block.line):\n\(outcome.errors)")
            }
        }
    }

    @Test(
        "The guide's DaemonProgram starts, reloads and stops", .enabled(if: isThorough, "builds a program"),
        .enabled(if: Compiler.why == nil, "\(Compiler.why ?? "")"))
    func guideProgram() throws {
        let block = try #require(Self.guides.first?.blocks.first { $0.text.contains("@main struct Pulsed") })
        let folder = try TestDirectory(mode: 0o755)
        try folder.write("main.swift", block.text)
        let built = try Compiler.build(["-parse-as-library", folder["main.swift"]], into: folder["pulsed"], folder)
        try #require(built.code == 0, "\(built.errors)")
        let files = ["--pid-file", folder["pulsed.pid"], "--log-file", folder["pulsed.log"]]
        let outcome = try folder.run(folder["pulsed"], ["--interval", "1"] + files)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(eventually { folder.read("pulsed.log").contains("INFO pulse\n") })
        #expect(try folder.run(folder["pulsed"], ["--reload"] + files).code == 0)
        #expect(eventually { folder.read("pulsed.log").contains("NOTICE nothing to reload\n") })
        #expect(try folder.run(folder["pulsed"], ["--stop"] + files).code == 0)
        #expect(!folder.exists("pulsed.pid"))
    }

    @Test(
        "The guide's daemon serves, reloads and stops", .enabled(if: isThorough, "builds a program"),
        .enabled(if: Compiler.why == nil, "\(Compiler.why ?? "")"))
    func guideDaemon() throws {
        let whole = try #require(Self.guides.first?.blocks.first { $0.text.contains("final class Quotes") })
        let folder = try TestDirectory(mode: 0o755)
        try folder.write("main.swift", whole.text)
        let built = try Compiler.build([folder["main.swift"]], into: folder["quoted"], folder)
        try #require(built.code == 0, "\(built.errors)")
        #expect(try folder.run(folder["quoted"], ["--check"]).errors == "quoted: no quotes: give --quotes FILE\n")
        // The guide's own lines, where the daemon can be found.
        let lines = try #require(Self.guides.first?.blocks.first { $0.language == "sh" })
        let outcome = try folder.shell(
            "set -eo pipefail; cd \"$1\"; PATH=\"$1:$PATH\"\n\(lines.text)", folder.path, [])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let expected = /^Well begun is half done\.\r\nquoted \(pid \d+\) stopped\n/
        #expect(outcome.output.contains(expected), "\(outcome.output)")
        #expect(!folder.exists("quoted.pid"))

        let files = ["--pid-file", folder["quoted.pid"], "--log-file", folder["quoted.log"]]
        let start = ["--quotes", folder["quotes.txt"], "--bind", folder["s"]] + files
        #expect(try folder.run(folder["quoted"], start).code == 0)
        try folder.write("quotes.txt", "one\ntwo\n")
        #expect(try folder.run(folder["quoted"], ["--reload"] + files).code == 0)
        #expect(eventually { folder.read("quoted.log").contains("NOTICE 2 quotes\n") })
        try folder.write("quotes.txt", "")
        #expect(try folder.run(folder["quoted"], ["--reload"] + files).code == 0)
        #expect(eventually { folder.read("quoted.log").contains(/ERROR reload: .* holds no quote\n/) })
        #expect(try folder.run(folder["quoted"], ["--stop"] + files).code == 0)
        #expect(!folder.exists("quoted.pid") && !folder.exists("s"))
    }
}

/// A copy of the repository for the README's commands. What would build this package anew takes the products that are
/// built already; the reader's own package is built in earnest.
private struct Sandbox {
    let folder: TestDirectory
    private static let copied = ["Package.swift", "README.md", "Sources", "Tests", "etc", "Benchmarks/logbench"]

    init() throws {
        folder = try TestDirectory(mode: 0o755)
        for path in Self.copied {
            let target = folder["DaemonKit/\(path)"]
            let parent = String(target[..<(target.lastIndex(of: "/") ?? target.endIndex)])
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: "\(Product.repository)/\(path)", toPath: target)
        }
        try FileManager.default.createDirectory(atPath: folder["bin"], withIntermediateDirectories: true)
        try folder.write("bin/swift", Self.swift(try #require(Machine.find("swift"))))
        chmod(folder["bin/swift"], 0o755)
    }

    private static func swift(_ real: String) -> String {
        """
        #!/bin/bash
        # Stands in for `swift` in the copied repository.
        take() { mkdir -p ".build/$1"; cp "\(Product.directory)/$2" ".build/$1/$2"; }
        case "$*" in
            "run echod "*) take debug echod; shift 2; exec .build/debug/echod "$@" ;;
            "test") ;;
            "build -c release --static-swift-stdlib --product echod") take release echod ;;
            "build -c release --static-swift-stdlib --product start_server") take release start_server ;;
            "build -c release --static-swift-stdlib --product masterd") take release masterd ;;
            "build -c release --static-swift-stdlib --product daemonctl") take release daemonctl ;;
            "build --package-path ../tickd") exec timeout 800 "\(real)" "$@" ;;
            *) echo "the test does not know: swift $*" >&2; exit 99 ;;
        esac

        """
    }

    /// Starts the block beside the others and goes on when it says that it listens.
    static func inBackground(_ block: String) -> String {
        """
        timeout 850 bash -c '\(block.trimmingCharacters(in: .newlines))' >../background 2>&1 &
        background=$!
        until grep -q 'listening on UDP' ../background; do kill -0 "$background"; done

        """
    }

    func run(_ script: String) throws -> TestProcess.Outcome {
        try folder.write("script", script)
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return try folder.shell(
            "cd \"$1\" && exec timeout 850 bash \"$2\"", folder["DaemonKit"], [folder["script"]],
            environment: ["PATH": "\(folder["bin"]):\(path)"], within: .seconds(900))
    }

    /// Whatever a failed block has left running.
    func end() {
        let files = ["echod.pid", "e.pid", "run/pid", "workers.pid", "masterd/masterd.pid"]
        let built = files.map { "DaemonKit/.build/\($0)" }
        for file in built + ["tickd/tickd.pid"] {
            folder.end(holderOf: file, by: SIGKILL)
        }
    }
}

/// The compiler on the guides' code, against the modules that the tests were built with.
private enum Compiler {
    private static let modules = "\(Product.directory)/Modules"
    private static let moduleMap = "\(Product.directory)/CUnix.build/module.modulemap"
    private static let arguments = [
        "-swift-version", "6", "-I", modules, "-Xcc", "-fmodule-map-file=\(moduleMap)",
    ]

    /// Why it cannot be asked.
    static let why: String? = {
        guard Machine.has("swiftc") else { return "needs swiftc" }
        let needed = ["\(modules)/DaemonKit.swiftmodule", moduleMap]
        return needed.first { (try? FileStatus(path: $0)) == nil }.map { "no \($0)" }
    }()

    static func check(_ block: Markdown.Block, parts: String, _ folder: TestDirectory) throws -> TestProcess.Outcome {
        try folder.write("main.swift", complete(block.text, parts))
        var arguments = Self.arguments
        if block.text.contains("import PackageDescription") { arguments = try manifestArguments() }
        if block.text.contains("import Testing") || block.text.contains("@main ") {
            arguments.append("-parse-as-library")
        }
        return try swiftc(folder, ["-typecheck"] + arguments + [folder["main.swift"]])
    }

    static func build(_ sources: [String], into executable: String, _ folder: TestDirectory) throws
        -> TestProcess.Outcome
    {
        let modules = [
            "DaemonKit", "DeploymentFiles", "MasterRuntime", "DaemonCore", "Supervision", "Text", "Unix", "CUnix",
        ]
        let objects = modules.flatMap { module in
            Files.names(in: "\(Product.directory)/\(module).build").filter { $0.hasSuffix(".o") }
                .map { "\(Product.directory)/\(module).build/\($0)" }
        }
        return try swiftc(folder, arguments + sources + objects + ["-o", executable])
    }

    /// A program as it is; a fragment within what the guide has declared by then.
    private static func complete(_ text: String, _ parts: String) -> String {
        if text.contains(#/^import /#.anchorsMatchLineEndings()) { return text }
        let end = parts.range(of: "\ngenericMain(")?.lowerBound ?? parts.endIndex
        // In a scope of its own, where it may declare anew what the whole program declares.
        return """
            \(parts[..<end])
            struct Configuration: Sendable {
                func replace(by: Configuration) {}
            }
            func readConfiguration(_ path: String) throws -> Configuration { Configuration() }
            let configuration = Configuration()

            func fragment(_ context: Context) throws {
            \(text)
            }
            """
    }

    private static func manifestArguments() throws -> [String] {
        let compiler = URL(fileURLWithPath: try #require(Machine.find("swiftc"))).resolvingSymlinksInPath()
        let root = compiler.deletingLastPathComponent().deletingLastPathComponent().path
        return ["-swift-version", "6", "-package-description-version", "6.2", "-I", "\(root)/lib/swift/pm/ManifestAPI"]
    }

    private static func swiftc(_ folder: TestDirectory, _ arguments: [String]) throws -> TestProcess.Outcome {
        let path = try #require(Machine.find("swiftc"))
        return try folder.run(path, arguments, environment: ["TMPDIR": folder.path], within: .seconds(600))
    }
}
