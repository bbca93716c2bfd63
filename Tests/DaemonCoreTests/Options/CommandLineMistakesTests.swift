import Testing

@testable import DaemonCore

/// Each mistake names the option and the text that was wrong, and all of them come in one go.
@Suite("Mistakes on the command line", .timeLimit(.minutes(20)))
struct CommandLineMistakesTests {
    @Test(
        "one mistake, one line",
        arguments: [
            (["--nonsense"], "unknown option '--nonsense'"),
            (["--nonsense=5"], "unknown option '--nonsense'"),
            (["--forground"], "unknown option '--forground' (did you mean '--foreground'?)"),
            (["-x"], "unknown option '-x'"),
            (["-fx"], "unknown option '-x' in '-fx'"),
            (["-ü"], "unknown option '-ü'"),
            (["word"], "unexpected argument 'word'"),
            ([""], "unexpected argument ''"),
            (["-"], "unexpected argument '-'"),
            (["--", "-f"], "unexpected argument '-f'"),
            (["--", "--"], "unexpected argument '--'"),
            (["--foreground=yes"], "option '--foreground' doesn't allow an argument, but 'yes' was given"),
            (["--fore="], "option '--foreground' doesn't allow an argument, but '' was given"),
            (["--port"], "option '--port' requires an argument (PORT)"),
            (["--po"], "option '--port' requires an argument (PORT)"),
            (["-p"], "option '-p' requires an argument (PORT)"),
            (["-fdp"], "option '-p' requires an argument (PORT)"),
            (["--port="], "option '--port': '' is not a port (1 to 65535)"),
            (["-p=80"], "option '-p': '=80' is not a port (1 to 65535)"),
            (["-p", "-f"], "option '-p': '-f' is not a port (1 to 65535)"),
            (["--syslog=maybe"], "option '--syslog': 'maybe' is not one of no, yes, only"),
            (["--umask=8"], "option '--umask': '8' is not an octal mask (0 to 777)"),
            (["--user="], "option '--user': '' must not be empty"),
            (["--pid-file="], "option '--pid-file': '' must not be empty"),
            (["--log-f=json"], "option '--log-f' is ambiguous: --log-file, --log-format"),
            (["--re"], "option '--re' is ambiguous: --reload, --reopen-logs"),
            (
                ["--start-timeout=0"], "option '--start-timeout': '0' leaves the daemon no time to start"
            ),
            (
                ["--log-mode=0666"],
                "option '--log-mode': '0666' must let the daemon write, and no others: 0600, 0640, 0660 or 0644"
            ),
            (
                ["--syslog-tag=a b"],
                "option '--syslog-tag': 'a b' is no tag (1 to 48 visible ASCII characters without ':', '[' and ']')"
            ),
            (
                ["--start-timeout=soon"],
                "option '--start-timeout': 'soon' is not a time such as 90s, 250ms, 5m, 2h or 7d"
            ),
            (
                ["--bind=localhost"],
                "option '--bind': 'localhost' has no numeric address, and names are not looked up"
            ),
        ] as [([String], String)])
    func one(words: [String], mistake: String) { #expect(parse(words).mistakes == [mistake]) }

    @Test("all of them are found, in the order of the words")
    func allInOneGo() {
        let line = parse(
            "--nonsense", "-p", "70000", "-fz", "--syslog=maybe", "left", "--debug=1", "--", "over", "--user")
        #expect(
            line.mistakes == [
                "unknown option '--nonsense'",
                "option '-p': '70000' is not a port (1 to 65535)",
                "unknown option '-z' in '-fz'",
                "option '--syslog': 'maybe' is not one of no, yes, only",
                "unexpected argument 'left'",
                "option '--debug' doesn't allow an argument, but '1' was given",
                "unexpected argument 'over'",
                "unexpected argument '--user'",
            ])
        #expect(line.values[StandardOption.foreground])
    }

    @Test("a mistake with an option leaves its earlier value alone, and is still a mistake")
    func earlierValue() {
        let line = parse("--port=80", "--port=x")
        #expect(line.mistakes.count == 1 && line.values[StandardOption.port] == 80)
    }

    @Test(
        "an unknown option beside --help is a mistake", arguments: [["--help", "--nope"], ["--nope", "-h"], ["-hX"]])
    func unknownBesideHelp(words: [String]) {
        let line = parse(words)
        #expect(line.mistakes.count == 1 && line.values[StandardOption.help])
    }

    @Test("an equals sign without a name shows what was written")
    func nameless() {
        #expect(parse("--=x").mistakes == ["unknown option '--=x'"])
    }

    @Test("an option that is declared twice is a mistake, on every command line")
    func declaredTwice() {
        let own = Option("port", default: "", help: "Another port")
        #expect(parse([], [own]).mistakes == ["option '--port' is declared twice"])
        #expect(
            parse([], [Option(flag: "help", help: "Another help")]).mistakes == ["option '--help' is declared twice"])
    }

    @Test("a short name that is declared twice is a mistake")
    func shortDeclaredTwice() {
        let own = Option("delay", short: "d", default: 1, help: "-d is --debug already")
        #expect(parse([], [own]).mistakes == ["option '-d' is declared twice"])
    }

    @Test("a daemon that does not listen knows no port and no bind address")
    func notListening() {
        let options = OptionList.standard.offered(by: Daemon("quietd", version: "1"))
        #expect(CommandLineParser(["--port=80"], options: options).mistakes.count == 1)
        #expect(CommandLineParser(["-b", "::1"], options: options).mistakes.count == 2)
    }

    @Test("an option that the daemon does not offer is unknown")
    func notOffered() {
        let options = OptionList.standard.without(StandardOption.chroot, StandardOption.user).offered(by: testd)
        let line = CommandLineParser(["--chroot=/", "-u", "x"], options: options)
        #expect(line.mistakes == ["unknown option '--chroot'", "unknown option '-u'", "unexpected argument 'x'"])
    }
}
