import DaemonCore
import Testing
import Unix

@testable import start_server

/// `words` are split at blanks.
func parse(_ words: String) throws -> Settings {
    try SettingsParser.parse(words.split(separator: " ").map(String.init))
}

@Suite("Command lines of start_server", .timeLimit(.minutes(20)))
struct SettingsParserTests {
    @Test("without options there are the defaults")
    func defaults() throws {
        var expected = Settings()
        expected.program = ["prog"]
        let settings = try parse("prog")
        #expect(settings == expected)
        #expect(settings.interval == .seconds(1) && settings.signalOnHup == .terminate)
        #expect(settings.action == .run && settings.autoRestartInterval == nil && settings.backlog == nil)
    }

    @Test(
        "a value comes after = or as the next word, after one dash or two, in any case, cut short",
        arguments: [
            "--dir=/x", "--dir /x", "-dir=/x", "-dir /x", "--DIR /x", "--Dir=/x", "--di /x", "-di=/x",
            "--dir=/y --dir=/x",
        ])
    func forms(words: String) throws {
        let settings = try parse("\(words) -- prog")
        #expect(settings.dir == "/x" && settings.program == ["prog"])
    }

    @Test("options end at -- or at the first other word, and the rest is the program's")
    func end() throws {
        for words in ["--int 0 -- p -x --port=5", "--int=0 p -x --port=5"] {
            let settings = try parse(words)
            #expect(settings.program == ["p", "-x", "--port=5"] && settings.ports.isEmpty)
            #expect(settings.interval == .zero)
        }
        #expect(try parse("p -- x").program == ["p", "--", "x"])
        #expect(try parse("-- -- x").program == ["--", "x"])
        #expect(try parse("- x").program == ["-", "x"])
        #expect(try parse("-- --help").program == ["--help"])
    }

    @Test("the next word is the value whatever it looks like")
    func dashes() throws {
        #expect(try parse("--dir -- p").dir == "--")
        #expect(try parse("--dir --daemonize p").dir == "--daemonize")
        #expect(try parse("--envdir -x p").envdir == "-x")
        #expect(try parse("--dir==x p").dir == "=x")
        #expect(try parse("--dir=a=b p").dir == "a=b")
    }

    @Test(
        "an abbreviation that the original knows means the same here, however many options we add",
        arguments: [
            ("r", .restart), ("re", .restart), ("sto", .stop), ("h", .help), ("v", .version), ("ver", .version),
            ("ba", .backlog), ("b", .backlog), ("int", .interval), ("i", .interval), ("l", .logFile),
            ("k", .killOldDelay), ("en", nil), ("env", .envdir), ("ena", .enableAutoRestart),
            ("a", .autoRestartInterval), ("da", .daemonize),
            ("pi", .pidFile), ("po", .port), ("sta", .statusFile), ("signal-on-h", .signalOnHup), ("p", nil),
            ("s", nil),
            ("st", nil), ("d", nil), ("signal", nil), ("u", nil), ("up", .upgrade), ("g", .group), ("rea", .readiness),
            ("reu", .reuseport), ("m", .maxOldGenerations), ("star", .startTimeout), ("stop-", .stopTimeout),
            ("c", .controlSocket), ("syslog-t", .syslogTag), ("us", .user), ("backo", .backoff),
        ] as [(String, SettingsOption?)])
    func abbreviations(text: String, option: SettingsOption?) {
        switch SettingsOption.find(text) {
        case .one(let found): #expect(found == option)
        case .several(let candidates): #expect(option == nil && candidates.count > 1)
        case .none: Issue.record("\(text) is unknown")
        }
    }

    @Test("every option is found by its name, in any case, and by nothing longer")
    func names() {
        for option in SettingsOption.allCases {
            #expect(SettingsOption.find(option.rawValue) == .one(option))
            #expect(SettingsOption.find(option.rawValue.uppercased()) == .one(option))
            #expect(SettingsOption.find(option.rawValue + "x") == .none)
        }
        #expect(SettingsOption.originals.count == 19)
        for text in ["", "-port", "port ", "\u{212A}ill-old-delay", "no-enable-auto-restart"] {
            #expect(SettingsOption.find(text) == .none)
        }
    }

    @Test("ports and paths are repeatable, and keep their order")
    func sockets() throws {
        let settings = try parse("--port=80 --path=/a --port=localhost:u81=7 --path b p")
        #expect(settings.ports.map(\.key) == ["80", "localhost:81"])
        #expect(settings.ports.map(\.descriptor) == [nil, 7])
        #expect(settings.paths.map(\.text) == ["/a", "b"])
    }

    @Test(
        "a path is a file's, whatever it looks like, but for unix:@NAME",
        arguments: [
            ("/a", "/a"), ("b", "b"), ("@a", "./@a"), ("unix:/a", "unix:/a"), ("unix@b", "unix@b"),
            ("unix:@b", "@b"), ("unix:@/b c", "@/b c"),
        ])
    func paths(text: String, path: String) throws {
        #expect(SocketPath.address(text) == .unix(path))
        #expect(try SettingsParser.parse(["--path=\(text)", "p"]).paths.map(\.text) == [text])
    }

    @Test("ports and paths have the options of an address behind commas")
    func addressOptions() throws {
        let words = ["--port=[::]:80=7,v4v6,backlog=9", "--path=/a,b,mode=660,group=g", "--control-socket=c,mode=666"]
        let settings = try SettingsParser.parse(words + ["p"])
        #expect(settings.ports[0].key == "[::]:80" && settings.ports[0].descriptor == 7)
        #expect(settings.ports[0].options.backlog == 9 && settings.ports[0].options.isIPv6Only == false)
        #expect(settings.paths[0].text == "/a,b" && settings.paths[0].options.mode == 0o660)
        #expect(settings.controlSocket?.path == "c" && settings.controlSocket?.options.mode == 0o666)
    }

    @Test("all other options are stored")
    func stored() throws {
        let settings = try parse(
            "--interval=0.5 --signal-on-hup=quit --signal-on-term=SIGUSR1 --backlog=7 --dir=d --envdir=e"
                + " --enable-auto-restart --auto-restart-interval=0 --kill-old-delay=1.5 --pid-file=p --status-file=s"
                + " --log-file=l --daemonize --readiness=notify --start-timeout=9 --stop-timeout=0"
                + " --max-old-generations=3 --backoff=0.1,1 --control-socket=c --user=u --group=g --reuseport"
                + " --syslog --syslog-facility=local1 --syslog-tag=web --log-mode=0640 --log-group=g p")
        var expected = Settings()
        expected.interval = .milliseconds(500)
        expected.signalOnHup = .quit
        expected.signalOnTerm = .user1
        expected.backlog = 7
        expected.dir = "d"
        expected.envdir = "e"
        expected.enableAutoRestart = true
        expected.autoRestartInterval = .zero
        expected.killOldDelay = .milliseconds(1500)
        expected.pidFile = "p"
        expected.statusFile = "s"
        expected.log = .file("l")
        expected.daemonize = true
        expected.readiness = .notify
        expected.startTimeout = .seconds(9)
        expected.stopTimeout = .zero
        expected.maxOldGenerations = 3
        expected.backoff = .init(base: .milliseconds(100), maximum: .seconds(1))
        expected.controlSocket = try ControlAddress(parsing: "c")
        expected.user = "u"
        expected.group = "g"
        expected.reuseport = true
        expected.syslog = true
        expected.syslogFacility = "local1"
        expected.syslogTag = "web"
        expected.logMode = 0o640
        expected.logGroup = "g"
        expected.program = ["p"]
        #expect(settings == expected)
    }

    @Test(
        "a log target that begins with | is a command",
        arguments: [("| cat > x", "cat > x"), ("|cat", "cat"), (" \t| cat -u ", "cat -u "), ("||cat", "|cat")])
    func logCommand(text: String, command: String) throws {
        #expect(try SettingsParser.parse(["--log-file=\(text)", "p"]).log == .command(command))
        #expect(try SettingsParser.parse(["--log-file", text, "p"]).log == .command(command))
    }

    @Test(
        "a backlog of nothing or less is the longest, and a large one is cut to what fits",
        arguments: [
            ("0", nil), ("-1", nil), ("-0", nil), ("+5", 5), ("99999999999999999999", .max), ("2147483648", .max),
        ] as [(String, Int32?)])
    func backlog(text: String, expected: Int32?) throws {
        #expect(try parse("--backlog=\(text) p").backlog == expected)
    }

    @Test(
        "of several actions the original's order decides, and none needs a program",
        arguments: [
            ("--help", .help), ("--version --help", .help), ("-v", .version), ("--stop --version", .version),
            ("--stop --pid-file=p", .stop), ("--restart --stop --pid-file=p --status-file=s", .restart),
            ("--upgrade --pid-file=p", .upgrade), ("--help --daemonize", .help),
            ("--stop --pid-file=p --port=nonsense --signal-on-hup=nonsense --daemonize", .stop),
        ] as [(String, Settings.Action)])
    func actions(words: String, action: Settings.Action) throws { #expect(try parse(words).action == action) }
}
