import Testing

@testable import DaemonCore

/// Where options may stand and what they may look like: section 2 of the specification.
@Suite("Command lines without mistakes", .timeLimit(.minutes(20)))
struct CommandLineParserTests {
    private typealias Standard = StandardOption

    @Test("an empty command line has no mistakes and gives no option")
    func empty() {
        let line = parse()
        #expect(line.mistakes.isEmpty)
        #expect(!line.values[Standard.foreground] && line.values[Standard.port] == nil)
        #expect(!line.values.isGiven(Standard.foreground))
    }

    @Test("a short and a long name are the same option", arguments: ["-f", "--foreground"])
    func names(word: String) {
        let line = parse(word)
        #expect(line.mistakes.isEmpty && line.values[Standard.foreground] && line.values.isGiven(Standard.foreground))
    }

    @Test("short options cluster")
    func cluster() {
        let line = parse("-fd")
        #expect(line.mistakes.isEmpty && line.values[Standard.foreground] && line.values[Standard.debug])
    }

    @Test(
        "an option's argument may be glued, the next word, or behind an equals sign",
        arguments: [
            ["-p18140"], ["-p", "18140"], ["--port=18140"], ["--port", "18140"], ["-dp18140"], ["-dp", "18140"],
            ["-fdp18140"], ["--po=18140"], ["--por", "18140"],
        ])
    func argument(words: [String]) {
        let line = parse(words)
        #expect(line.mistakes.isEmpty && line.values[Standard.port] == 18140)
    }

    @Test("options stand anywhere")
    func anywhere() {
        let line = parse("-d", "--port", "80", "-f", "--syslog=yes", "-u", "nobody")
        #expect(line.mistakes.isEmpty && line.values[Standard.debug] && line.values[Standard.foreground])
        #expect(line.values[Standard.port] == 80 && line.values[Standard.syslog] == "yes")
        #expect(line.values[Standard.user] == "nobody")
    }

    @Test("two dashes end the options")
    func end() {
        let line = parse("-d", "--")
        #expect(line.mistakes.isEmpty && line.values[Standard.debug])
        #expect(parse("--", "-f").values[Standard.foreground] == false)
    }

    @Test("two dashes can be an option's argument")
    func dashesAsArgument() {
        let line = parse("--user", "--", "-f")
        #expect(line.mistakes.isEmpty && line.values[Standard.user] == "--" && line.values[Standard.foreground])
    }

    @Test("an option's argument may look like an option")
    func argumentLikeOption() {
        let line = parse("--user", "-f", "-g--debug")
        #expect(line.mistakes.isEmpty && line.values[Standard.user] == "-f" && line.values[Standard.group] == "--debug")
        #expect(!line.values[Standard.foreground] && !line.values[Standard.debug])
    }

    @Test("the last occurrence wins, however each is written")
    func lastWins() {
        #expect(parse("-p1", "--port=2", "--port", "3").values[Standard.port] == 3)
        #expect(parse("--syslog=only", "--syslog=no").values[Standard.syslog] == "no")
    }

    @Test("a flag may be given twice")
    func flagTwice() { #expect(parse("-ff", "--foreground").mistakes.isEmpty) }

    @Test(
        "a long option may be cut short while it stays unique",
        arguments: [("--fore", "foreground"), ("--f", "foreground"), ("--syslog", "syslog"), ("--pi", "pid-file")])
    func uniquePrefix(word: String, name: String) {
        let takesArgument = name != "foreground"
        let line = parse(takesArgument ? ["\(word)=\(name == "syslog" ? "yes" : "/x")"] : [word])
        #expect(line.mistakes.isEmpty)
        #expect(line.values[Standard.foreground] == (name == "foreground"))
        #expect(line.values[Standard.syslog] == (name == "syslog" ? "yes" : "no"))
        #expect(line.values[Standard.pidFile] == (name == "pid-file" ? "/x" : nil))
    }

    @Test("a whole name beats the longer ones that begin with it")
    func exactBeatsPrefix() {
        let line = parse("--help")  // and not --help-completion
        #expect(line.mistakes.isEmpty && line.values[Standard.help] && !line.values[Standard.helpCompletion])
    }

    @Test("only the first equals sign divides")
    func equalsInArgument() {
        #expect(parse("--user=a=b=").values[Standard.user] == "a=b=")
    }

    @Test("an argument is taken as it is, whatever its letters")
    func unicodeArgument() {
        for text in ["grüße", "日本", "e\u{301}", "\u{1F468}\u{200D}\u{1F469}", " ", "\n"] {
            #expect(parse("--user", text).values[Standard.user] == text)
            #expect(parse("-u\(text)").values[Standard.user] == text)
        }
    }
}
