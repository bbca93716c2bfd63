import DaemonCore
import Testing
import Unix

@testable import DeploymentFiles

@Suite("Completion scripts", .timeLimit(.minutes(20)))
struct CompletionScriptTests {
    private static let hasBash = Files.isExecutable("/bin/bash")
    private let folder = TemporaryFolder()

    private func script(_ shell: String, _ own: [any DaemonOption] = [], _ daemon: Daemon = testd) -> String {
        HelpText(daemon: daemon, options: (.standard + own).offered(by: daemon)).completionScript(for: shell)
    }

    /// What a shell prints; its own words on standard error count too.
    private func run(_ shell: String, _ arguments: [String]) throws -> String {
        var spawn = Spawn(shell, arguments, environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"])
        let errors = try FileDescriptor.open(folder["errors"], [.writeOnly, .create])
        spawn.descriptors = [(child: 2, ours: errors.number)]
        return try output(of: spawn) + (try folder.contents("errors"))
    }

    @Test("every option is in every script", arguments: ["bash", "zsh", "fish"])
    func everyOption(shell: String) {
        let text = script(shell)
        for option in OptionList.standard.offered(by: testd) {
            #expect(text.contains(shell == "fish" ? " -l \(option.name)" : "--\(option.name)"))
            guard let short = option.short else { continue }
            #expect(text.contains(shell == "fish" ? " -s \(short)" : "-\(short)"))
        }
        #expect(text.hasSuffix("\n"))
    }

    @Test(
        "bash reads the script without a complaint", .enabled(if: hasBash, "needs bash"),
        arguments: ["testd", "my.daemon-2", "ünd"])
    func bashReads(name: String) throws {
        let help = "It's [a] \"test\": $(touch pwned) `id` \\"
        let own: [any DaemonOption] = [Option(flag: "own", short: "o", help: help), Option(file: "in", help: help)]
        let path = try folder.write(script("bash", own, Daemon(name, version: "1", listens: [.stream])), to: "script")
        #expect(try run("/bin/bash", ["-n", path]) == "")
        #expect(try run("/bin/bash", ["-euc", ". '\(path)'; complete -p \(name)"]).hasPrefix("complete -F _"))
    }

    private static let shells = ["bash": "/bin/bash", "zsh": "/usr/bin/zsh", "fish": "/usr/bin/fish"]
    private static let hostile = Option(
        "mode", choices: ["it's", "a b", "$(id)", "x:y", "\\"], default: "a b", help: "")

    @Test(
        "the script survives choices that the shell takes for its own",
        arguments: ["bash", "zsh", "fish"].filter { shells[$0].map(Files.isExecutable) ?? false })
    func hostileChoices(shell: String) throws {
        let path = try folder.write(script(shell, [Self.hostile]), to: "script")
        let complaints = try run(Self.shells[shell] ?? "", ["-n", path])
        #expect(complaints == "")
    }

    @Test("bash offers such choices as words that mean themselves", .enabled(if: hasBash, "needs bash"))
    func hostileWords() throws {
        let path = try folder.write(script("bash", [Self.hostile]), to: "script")
        let program = """
            . '\(path)'; COMP_WORDS=(testd --mode ''); COMP_CWORD=2; _testd; eval printf "'<%s>'" "${COMPREPLY[@]}"
            """
        #expect(try run("/bin/bash", ["-c", program]) == #"<it's><a b><$(id)><x:y><\>"#)
    }

    @Test(
        "fish offers such choices as words that mean themselves",
        .enabled(if: Files.isExecutable("/usr/bin/fish"), "needs fish"))
    func hostileWordsInFish() throws {
        let path = try folder.write(script("fish", [Self.hostile]), to: "script")
        let program = "source '\(path)'; complete --do-complete 'testd --mode '"
        let offered = try run("/usr/bin/fish", ["--no-config", "-c", program]).split(separator: "\n").map(String.init)
        #expect(Set(offered) == ["it's", "a b", "$(id)", "x:y", "\\"])
    }

    /// What bash offers for the last of the words.
    private func offered(_ words: String...) throws -> [String] {
        let path = try folder.write(script("bash", [Option(directory: "data", help: "")]), to: "script")
        let line = words.map { "'\($0)'" }.joined(separator: " ")
        let program = """
            . '\(path)'; cd '\(folder.path)'; compopt() { echo "compopt $*"; }; COMP_WORDS=(testd \(line)); COMP_CWORD=\(words.count)
            _testd; printf '%s\\n' "${COMPREPLY[@]}"
            """
        return try run("/bin/bash", ["-c", program]).split(separator: "\n").map(String.init).sorted()
    }

    @Test("bash offers the options that begin so", .enabled(if: hasBash, "needs bash"))
    func bashOffersOptions() throws {
        #expect(try offered("--sys") == ["--syslog", "--syslog-facility", "--syslog-tag"])
        #expect(try offered("-f", "--log") == ["--log-file", "--log-format", "--log-group", "--log-mode"])
        #expect(try offered("--syslog", "yes", "--he") == ["--help", "--help-completion"])
        #expect(try offered("--nothing") == [])
    }

    @Test("bash offers the choices of an option, with an equals sign or without", .enabled(if: hasBash, "needs bash"))
    func bashOffersChoices() throws {
        #expect(try offered("--syslog", "") == ["no", "only", "yes"])
        #expect(try offered("--syslog", "o") == ["only"])
        #expect(try offered("--syslog", "=") == ["no", "only", "yes"])
        #expect(try offered("--syslog", "=", "y") == ["yes"])
    }

    @Test(
        "bash leaves files and directories to readline, which knows how to quote them",
        .enabled(if: hasBash, "needs bash"))
    func bashOffersFiles() throws {
        // Tests/Deployment presses Tab at a terminal.
        #expect(try offered("--pid-file", "da") == ["compopt -o default"])
        #expect(try offered("--pid-file", "=", "da") == ["compopt -o default"])
        #expect(try offered("--data", "da") == ["compopt -o filenames -o dirnames"])
        #expect(try offered("--port", "8") == [])
    }

    @Test("in zsh's script the shell reads each specification as one word")
    func zshQuotes() throws {
        let text = script("zsh", [Option(flag: "own", help: "It's [a] test: $HOME `id` \"x\"")])
        let line = try #require(text.split(separator: "\n").first { $0.contains("--own") })
        let read = try run("/bin/sh", ["-c", "printf '<%s>' \(line.hasSuffix("\\") ? line.dropLast() : line)"])
        #expect(read == #"<--own[It's \[a\] test\: $HOME `id` "x"]>"#)
    }

    /// The description behind `-d '` as fish reads it, where a backslash escapes a quote and itself only; nil where the
    /// quotes do not match.
    private func fishDescription(_ option: Option<Bool>) -> String? {
        let lines = script("fish", [option]).split(separator: "\n").map(String.init)
        guard let line = lines.first(where: { $0.contains("-l own") }), let match = line.firstMatch(of: /-d '/) else {
            return nil
        }
        var (result, rest) = ("", line[match.range.upperBound...])
        while var letter = rest.popFirst() {
            if letter == "'" { return rest.isEmpty ? result : nil }
            if letter == "\\", let next = rest.first, next == "\\" || next == "'" { letter = rest.removeFirst() }
            result.append(letter)
        }
        return nil
    }

    @Test("fish reads each description as it is written")
    func fishQuotes() {
        let help = "It's [a] test: $HOME `id` \"x\""
        #expect(fishDescription(Option(flag: "own", help: help)) == help)
    }

    @Test("fish reads a description with a backslash too")
    func fishBackslash() {
        let help = #"In C:\'temp'\"#
        #expect(fishDescription(Option(flag: "own", help: help)) == help)
    }
}
