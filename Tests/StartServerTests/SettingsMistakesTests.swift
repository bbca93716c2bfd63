import Testing
import Unix

@testable import start_server

@Suite("Mistakes on the command line", .timeLimit(.minutes(20)))
struct SettingsMistakesTests {
    /// Exit status and lines, without the name in front.
    static func mistakes(_ words: [String]) -> (status: Int32, lines: [String])? {
        do {
            _ = try SettingsParser.parse(words)
            return nil
        } catch {
            let lines = error.text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.last == "" && lines.dropLast().allSatisfy { $0.hasPrefix("start_server: ") })
            return (error.exitStatus, lines.dropLast().map { String($0.dropFirst("start_server: ".count)) })
        }
    }

    private func expect(_ words: String, _ status: Int32, _ line: String) throws {
        let found = try #require(Self.mistakes(words.split(separator: " ").map(String.init)), "\(words)")
        #expect(found.status == status && found.lines == [line], "\(words)")
    }

    @Test(
        "an option that cannot be read exits with 1",
        arguments: [
            ("--bogus p", "unknown option '--bogus'"), ("---port=0 p", "unknown option '---port=0'"),
            ("--=0 p", "unknown option '--=0'"), ("-=0 p", "unknown option '-=0'"),
            ("--port:0 p", "unknown option '--port:0'"),
            ("--noenable-auto-restart p", "unknown option '--noenable-auto-restart'"),
            ("-port80 p", "unknown option '-port80'"),
            ("-p 80 p", "option '-p' is ambiguous: --port, --path, --pid-file"),
            ("--st p", "option '--st' is ambiguous: --stop, --status-file, --start-timeout, --stop-timeout"),
            ("--port", "option '--port' requires a value"), ("--port= p", "option '--port' requires a value"),
            ("--interval= p", "option '--interval' requires a value"),
            ("--help=1", "option '--help' takes no value"), ("--help=", "option '--help' takes no value"),
            ("--enable-auto-restart=0 p", "option '--enable-auto-restart' takes no value"),
            ("--interval -- p", "option '--interval': '--' is not a number of seconds (0 to 1000000000)"),
            ("--interval=-1 p", "option '--interval': '-1' is not a number of seconds (0 to 1000000000)"),
            ("--interval=nan p", "option '--interval': 'nan' is not a number of seconds (0 to 1000000000)"),
            ("--kill-old-delay x p", "option '--kill-old-delay': 'x' is not a number of seconds (0 to 1000000000)"),
            ("--auto=1e3 p", "option '--auto-restart-interval': '1e3' is not a number of seconds (0 to 1000000000)"),
            ("--backlog=x p", "option '--backlog': 'x' is not a whole number"),
            ("--backlog=+ p", "option '--backlog': '+' is not a whole number"),
            ("--backlog=1.5 p", "option '--backlog': '1.5' is not a whole number"),
            ("--start-timeout=0 p", "option '--start-timeout': '0' leaves no time to start"),
            ("--max=0 p", "option '--max-old-generations': '0' is not a number of generations (1 to 1000000)"),
            ("--readiness=Notify p", "option '--readiness': 'Notify' is neither 'interval' nor 'notify'"),
            ("--version --bogus", "unknown option '--bogus'"), ("--help --bogus", "unknown option '--bogus'"),
        ])
    func wrongOption(words: String, line: String) throws { try expect(words, 1, line) }

    @Test(
        "a back-off is two times in order",
        arguments: ["1", "1,", ",1", "0,1", "2,1", "1,2,3", "a,b", "-1,1", "1 ,2", ","])
    func backoff(text: String) throws {
        let found = try #require(Self.mistakes(["--backoff=\(text)", "p"]))
        #expect(found.status == 1)
        #expect(
            found.lines == [
                "option '--backoff': '\(text)' is not BASE,MAX (seconds, BASE more than 0, MAX not less than BASE)"
            ])
    }

    @Test(
        "options that make no sense exit with 255",
        arguments: [
            ("", "no program to start (start_server [options] -- program argument...)"),
            ("--", "no program to start (start_server [options] -- program argument...)"),
            ("--port=0 --", "no program to start (start_server [options] -- program argument...)"),
            ("--port=abc p", "option '--port': 'abc' is not [HOST:][u]PORT[=DESCRIPTOR]"),
            ("--port -- p", "option '--port': '--' is not [HOST:][u]PORT[=DESCRIPTOR]"),
            ("--port=65536 p", "option '--port': '65536' has a port above 65535"),
            ("--port=80=7 --port=81=7 p", "option '--port': descriptor 7 is asked for twice"),
            ("--path=a;b p", "option '--path': 'a;b' has a ';', which separates the sockets in SERVER_STARTER_PORT"),
            ("--path=unix:@ p", "option '--path': 'unix:@' has no name behind the '@'"),
            ("--signal-on-hup=XYZ p", "option '--signal-on-hup': 'XYZ' is not a signal"),
            ("--signal-on-term -TERM p", "option '--signal-on-term': '-TERM' is not a signal"),
            ("--daemonize p", "option '--daemonize' needs '--log-file'"),
            ("--stop", "option '--stop' needs '--pid-file'"), ("--upgrade", "option '--upgrade' needs '--pid-file'"),
            ("--restart", "option '--restart' needs '--pid-file' and '--status-file'"),
            ("--restart --pid-file=p", "option '--restart' needs '--pid-file' and '--status-file'"),
            ("--restart --status-file=s", "option '--restart' needs '--pid-file' and '--status-file'"),
            ("--upgrade --stop --pid-file=p", "options '--upgrade' and '--stop' exclude each other"),
            ("--log-file=| p", "option '--log-file': '|' names no command"),
        ])
    func wrongUse(words: String, line: String) throws { try expect(words, 255, line) }

    @Test("an empty word is no path, no number and no program")
    func empty() {
        #expect(Self.mistakes(["--dir", "", "p"])?.lines == ["option '--dir': '' is empty"])
        #expect(Self.mistakes(["--port", "", "p"])?.status == 255)
        #expect(Self.mistakes(["--interval", "", "p"])?.status == 1)
        #expect(Self.mistakes([""])?.lines == ["the program's name is empty"])
    }

    @Test(
        "a file's name that is not UTF-8 is refused, and not made another one",
        arguments: ["pid-file", "status-file", "log-file", "control-socket", "envdir", "path"])
    func bytes(option: String) {
        let name = String(system: [UInt8(ascii: "a"), 0xFF])
        #expect(Self.mistakes(["--\(option)=\(name)", "p"])?.lines == ["option '--\(option)': '\(name)' is not UTF-8"])
        #expect(Self.mistakes(["--dir=\(name)", "p"]) == nil)
    }

    @Test("--syslog is a log for --daemonize too")
    func syslog() { #expect(Self.mistakes(["--daemonize", "--syslog", "p"]) == nil) }

    @Test("several mistakes are named in order, and a wrong option decides the exit code")
    func several() throws {
        let found = try #require(Self.mistakes(["--port=x", "--bogus", "--path=a;b", "--interval=y"]))
        #expect(found.status == 1)
        let starts = ["option '--port': ", "unknown option ", "option '--path': ", "option '--interval': "]
        #expect(found.lines.count == 4 && zip(found.lines, starts).allSatisfy { $0.hasPrefix($1) })
        let uses = try #require(Self.mistakes(["--port=x", "--daemonize"]))
        #expect(uses.status == 255 && uses.lines.count == 3)
    }

    @Test("a line stays a line, whatever stands in a value")
    func controls() {
        #expect(Self.mistakes(["--bo\ngus\u{1B}[31m", "p"])?.lines == [#"unknown option '--bo\ngus\u{1B}[31m'"#])
    }
}
