import DaemonCore
import Testing
import Unix

@testable import DeploymentFiles

@Suite("Programs with commands", .timeLimit(.minutes(20)))
struct CommandWordsTests {
    private static let words = CommandWords(
        [.init("start", "NAME", "It's a start"), .init("list", "", "All")], listing: "list --names")
    private let folder = TemporaryFolder()

    private var text: HelpText {
        HelpText(
            daemon: Daemon("ctl", version: "1", summary: "Controls."), options: OptionList.none.offered(by: testd),
            commands: Self.words)
    }

    @Test("words beside options are kept, those behind -- apart")
    func operands() {
        let options = OptionList.standard.offered(by: testd)
        let parser = CommandLineParser(["a", "-d", "b", "--", "-x", "--"], options: options, takesOperands: true)
        #expect(parser.operands == ["a", "b"] && parser.rest == ["-x", "--"] && parser.mistakes.isEmpty)
        #expect(parser.values[StandardOption.debug] && parser.values.isGiven("debug") && !parser.values.isGiven("port"))
    }

    @Test("the help and the lines for completion tools name the commands")
    func help() {
        let help = text.help
        let usage = "Usage: ctl COMMAND [NAME...] [OPTIONS]\nControls.\n"
        #expect(help.hasPrefix(usage + "\nCommands:\n  start NAME  It's a start\n"))
        #expect(help.contains("\n  list        All\n\nOptions:\n  -h, --help"))
        #expect(text.completionLines.hasSuffix("\n1 1 choices=start,list\n0 none string\n"))
    }

    @Test(
        "the scripts offer commands, then what the program lists",
        .enabled(if: Files.isExecutable("/bin/bash"), "needs bash"))
    func bash() throws {
        try folder.write(text.completionScript(for: "bash"), to: "script")
        let program = """
            . '\(folder["script"])'; ctl() { [ "$*" != 'list --names' ] || printf 'web\\nmail\\n'; }
            compopt() { :; }
            try() { COMP_WORDS=(ctl "$@"); COMP_CWORD=$#; _ctl; echo "${COMPREPLY[*]}"; }
            try ''; try s; try start ''; try -h start we; try start web --gen; try start -; cd '\(folder.path)'; try start ./
            """
        var spawn = Spawn("/bin/bash", ["-c", program], environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"])
        spawn.descriptors = [(2, 2)]
        let lines = try output(of: spawn).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.prefix(5) == ["start list", "start", "web mail", "web", "--generate-completion-script"])
        #expect(lines[5].hasPrefix("-h --help") && lines[6] == "")
        #expect(text.completionScript(for: "zsh").contains("'1:command:(start list)'"))
        #expect(text.completionScript(for: "fish").contains("-a start -d 'It\\'s a start'\n"))
    }
}
