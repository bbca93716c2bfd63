import DaemonCore
import Testing

@testable import DeploymentFiles

@Suite("Help", .timeLimit(.minutes(20)))
struct HelpTextTests {
    private func text(_ options: [any DaemonOption], _ daemon: Daemon = testd) -> HelpText {
        HelpText(daemon: daemon, options: options.map(\.definition))
    }

    private func text(offered options: [OptionDefinition]) -> HelpText { HelpText(daemon: testd, options: options) }

    @Test("the help has usage, summary, and aligned options with their defaults")
    func help() {
        let interval = Option("interval", short: "i", default: 60, in: 1...3600, help: "Seconds between two ticks")
        let mode = Option("mode", choices: ["fast", "safe"], default: "safe", help: "How")
        #expect(
            text([StandardOption.foreground, StandardOption.port, interval, mode]).help == """
                Usage: testd [OPTIONS]
                Serves tests.

                Options:
                  -f, --foreground      Don't detach from the current terminal
                  -p, --port=PORT       Network port (default 7)
                  -i, --interval=N      Seconds between two ticks (default 60)
                      --mode=fast|safe  How (default safe)

                """)
    }

    @Test("operands stand in the usage, in the help and for completion tools")
    func operands() {
        let text = text([
            Option(flag: "quick", help: "Fast"), Option(operands: "FILE", count: 1..., help: "What to read"),
        ])
        #expect(text.help.hasPrefix("Usage: testd [OPTIONS] FILE...\n"))
        #expect(text.help.hasSuffix("\n\nOperands:\n  FILE  What to read\n"))
        #expect(text.completionLines == "--quick none\n1 none file\n")
    }

    @Test("a long option has its sentence in the next line")
    func longOption() {
        let long = Option("an-option-with-quite-a-long-name", default: 1, help: "Sentence")
        let short = Option(flag: "x", help: "Other")
        #expect(
            text([long, short]).help.hasSuffix(
                """
                Options:
                      --an-option-with-quite-a-long-name=N
                                                  Sentence (default 1)
                      --x                         Other

                """))
    }

    @Test("without a summary or a default port there is none in the help")
    func withoutSummary() {
        let help = text([StandardOption.port], Daemon("quietd", version: "1", listens: [.stream])).help
        #expect(help == "Usage: quietd [OPTIONS]\n\nOptions:\n  -p, --port=PORT  Network port\n")
    }

    @Test("every option is in the help, and no line is longer than a terminal is wide by much")
    func everyOption() {
        let options = OptionList.standard.offered(by: testd)
        let help = text(offered: options).help
        for option in options { #expect(help.contains("--\(option.name)")) }
        for line in help.split(separator: "\n") { #expect(line.count <= 120) }
    }

    @Test("the version is the name and the version")
    func version() { #expect(text([]).version == "testd 1.2\n") }

    @Test("help-completion has one line for each option, in the form that Ganeti's tools read")
    func completionLines() {
        let own: [any DaemonOption] = [
            Option("count", short: "c", default: 1, help: ""), Option("word", default: "", help: ""),
            Option("mode", choices: ["a", "b", "c"], default: "a", help: ""), Option(file: "in", help: ""),
            Option(directory: "out", short: "o", help: ""), Option(address: "peer", help: ""),
            Option(flag: "flag", help: ""),
        ]
        #expect(
            text(own).completionLines == """
                -c,--count integer
                --word string
                --mode choices=a,b,c
                --in file
                -o,--out dir
                --peer inetaddr
                --flag none

                """)
    }

    @Test("the standard options have the kinds of the specification")
    func standardCompletionLines() {
        let lines = text(offered: OptionList.standard.offered(by: testd)).completionLines.split(separator: "\n").map(
            String.init)
        let wanted = [
            "-f,--foreground none", "-d,--debug none", "--no-user-checks none", "-p,--port integer",
            "-b,--bind inetaddr",
            "--syslog choices=no,yes,only", "--syslog-tag string", "--log-mode string", "--log-group string",
            "--core-dumps none", "--pid-file file", "--log-file file", "--log-format choices=text,json",
            "-u,--user string", "-g,--group string", "--chroot dir", "--umask string", "--chdir dir",
            "--start-timeout string", "--check none", "--status none", "--stop none", "--reload none",
            "--reopen-logs none", "--signal string",
            "-h,--help none", "-V,--version none", "--help-completion none",
            "--generate-completion-script choices=bash,zsh,fish",
        ]
        for line in wanted { #expect(lines.contains(line)) }
        #expect(lines.count == OptionList.standard.offered(by: testd).count)
        for line in lines {
            #expect(
                line.wholeMatch(
                    of:
                        /(-[A-Za-z],)?--[a-z-]+ (none|integer|string|file|dir|inetaddr|choices=[a-z0-9@-]+(,[a-z0-9@-]+)*)/
                )
                    != nil)
        }
    }
}
