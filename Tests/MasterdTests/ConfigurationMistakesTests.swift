import Testing

@testable import masterd

@Suite("Mistakes in a configuration", .timeLimit(.minutes(20)))
struct ConfigurationMistakesTests {
    private static let time = "a time with its unit (us, ms, s, m, h or d)"

    private static let haproxyCases: [(String, String)] = [
        ("program\n command x\n", "m.cfg:1: 'program' expects an <id> argument"),
        ("worker ''\n command x\n", "m.cfg:1: 'worker' expects an <id> argument"),
        ("listen\n bind :1\n", "m.cfg:1: 'listen' expects an <id> argument"),
        (
            "program a\ncommand x\nprogram a\ncommand x\n",
            "m.cfg:3: 'a' program section already exists in the configuration."
        ),
        (
            "worker a\ncommand x\nprogram a\ncommand x\n",
            "m.cfg:3: 'a' worker section already exists in the configuration."
        ),
        (
            "worker w\n command x\nlisten a\n bind :1\nlisten a\n bind :2\n",
            "m.cfg:5: 'a' listen section already exists in the configuration."
        ),
        ("program a\n", "m.cfg:1: The program section 'a' lacks a command to launch."),
        ("\nworker a\n user b\n", "m.cfg:2: The worker section 'a' lacks a command to launch."),
        (
            "program a\n command\n",
            "m.cfg:2: 'command' expects a command with optional arguments separated in words."
        ),
        (
            "program a\n command ''\n",
            "m.cfg:2: 'command' expects a command with optional arguments separated in words."
        ),
        (inProgram("foo"), "m.cfg:3: unknown keyword 'foo' in 'program' section"),
        (inWorker("foo"), "m.cfg:3: unknown keyword 'foo' in 'worker' section"),
        (inGlobal("foo"), "m.cfg:2: unknown keyword 'foo' in 'global' section"),
        (inProgram("option foo"), "m.cfg:3: unknown option 'foo'."),
        (inProgram("no option foo"), "m.cfg:3: unknown option 'foo'."),
        (inProgram("option"), "m.cfg:3: 'option' expects an option name."),
        (inProgram("user"), "m.cfg:3: 'user' expects a user name."),
        (inProgram("group"), "m.cfg:3: 'group' expects a group name."),
        (inProgram("user a b"), "m.cfg:3: 'user' cannot handle unexpected argument 'b'."),
        ("foo\n" + inWorker(""), "m.cfg:1: unknown keyword 'foo' out of section."),
        ("global x\n" + inWorker(""), "m.cfg:1: 'global' cannot handle unexpected argument 'x'."),
        ("worker w x\n command x\n", "m.cfg:1: 'worker' cannot handle unexpected argument 'x'."),
        (inWorker("no critical"), "m.cfg:3: negation currently supported only for options."),
        (inWorker("no"), "m.cfg:3: negation currently supported only for options."),
        (inGlobal("setenv A"), "m.cfg:2: 'setenv' expects a name and a value."),
        (inGlobal("presetenv"), "m.cfg:2: 'presetenv' expects a name and a value."),
        (inGlobal("unsetenv"), "m.cfg:2: 'unsetenv' expects at least one variable name."),
        ("worker a;b\n command x\n", "m.cfg:1: character ';' is not permitted in 'worker' name 'a;b'."),
        ("program 'a|b'\n command x\n", "m.cfg:1: character '|' is not permitted in 'program' name 'a|b'."),
        (inWorker("'a"), "m.cfg:3: unmatched quote at position 2."),
    ]

    @Test("in HAProxy's words", arguments: haproxyCases)
    func haproxy(text: String, line: String) { #expect(mistakes(text) == [line]) }

    private static let suggestionsCases: [(String, String)] = [
        ("programm p\n", "m.cfg:1: unknown keyword 'programm' out of section; did you mean 'program' maybe ?"),
        (
            inGlobal("hard-stop-afer 1s"),
            "m.cfg:2: unknown keyword 'hard-stop-afer' in 'global' section; did you mean 'hard-stop-after' maybe ?"
        ),
        (
            inListen("bin :1\n bind :1"),
            "m.cfg:2: unknown keyword 'bin' in 'listen' section; did you mean 'bind' maybe ?"
        ),
        (
            inWorker("instance 4"),
            "m.cfg:3: unknown keyword 'instance' in 'worker' section; did you mean 'instances' maybe ?"
        ),
        (
            inWorker("porgram q"),
            "m.cfg:3: unknown keyword 'porgram' in 'worker' section; did you mean 'program' maybe ?"
        ),
        (
            inProgram("option start-on-relaod"),
            "m.cfg:3: unknown option 'start-on-relaod'; did you mean 'start-on-reload' maybe ?"
        ),
        (
            inGlobal("control-socket /c mod 600"),
            "m.cfg:2: 'control-socket' : unknown keyword 'mod'; did you mean 'mode' maybe ?"
        ),
        (
            inListen("bind :1 reusport"),
            "m.cfg:2: 'bind' : unknown keyword 'reusport'; did you mean 'reuseport' maybe ?"
        ),
        (
            inWorker("restart always bakoff 1s 2s"),
            "m.cfg:3: 'restart' : unknown keyword 'bakoff'; did you mean 'backoff' maybe ?"
        ),
        (
            "listen web\n bind :1\nworker w\n command x\n listen weeb\n",
            "m.cfg:5: 'listen': unable to find listen section 'weeb'; did you mean 'web' maybe ?"
        ),
        (
            "worker web\n command x\nworker w2\n command x\n after wen\n",
            "m.cfg:5: 'after': unable to find worker or program 'wen'; did you mean 'web' maybe ?"
        ),
    ]

    @Test("the nearest word is suggested", arguments: suggestionsCases)
    func suggestions(text: String, line: String) { #expect(mistakes(text) == [line]) }

    private static let noGroupFile =
        "m.cfg:3: 'cgroup' expects a file of a control group and its value, such as 'memory.max 512M', not"

    private static let valuesCases: [(String, String)] = [
        (inWorker("instances 0"), "m.cfg:3: 'instances' expects a number from 1 to 1000, not '0'."),
        (inWorker("instances 1001"), "m.cfg:3: 'instances' expects a number from 1 to 1000, not '1001'."),
        (inWorker("instances -1"), "m.cfg:3: 'instances' expects a number from 1 to 1000, not '-1'."),
        (inWorker("instances"), "m.cfg:3: 'instances' expects a number from 1 to 1000."),
        (inWorker("nice 20"), "m.cfg:3: 'nice' expects a number from -20 to 19, not '20'."),
        (inWorker("nice --1"), "m.cfg:3: 'nice' expects a number from -20 to 19, not '--1'."),
        (inWorker("nice"), "m.cfg:3: 'nice' expects a number from -20 to 19."),
        (
            inWorker("oom-score-adjust -1001"),
            "m.cfg:3: 'oom-score-adjust' expects a number from -1000 to 1000, not '-1001'."
        ),
        (inWorker("cgroup ../memory.max 1"), "\(noGroupFile) '../memory.max'."),
        (inWorker("cgroup cgroup.procs 1"), "\(noGroupFile) 'cgroup.procs'."),
        (inWorker("cgroup pids.max '#1'"), "\(noGroupFile) 'pids.max'."),
        (inWorker("cgroup pids.max"), "\(noGroupFile) 'pids.max'."),
        (inWorker("cgroup pids.max 1\n cgroup pids.max 2"), "m.cfg:4: 'cgroup pids.max' already specified."),
        (inWorker("env-file e"), "m.cfg:3: 'env-file' expects an absolute path, not 'e'."),
        (
            inWorker("limit nofile 2:1"),
            "m.cfg:3: 'limit nofile' expects SOFT[:HARD], each a number or 'infinity', the first no more than the "
                + "second, not '2:1'."
        ),
        (inWorker("limit core 1\n limit core 2"), "m.cfg:4: 'limit core' already specified."),
        (inWorker("start-timeout 90"), "m.cfg:3: 'start-timeout' expects \(time), not '90'."),
        (inWorker("start-timeout 9w"), "m.cfg:3: 'start-timeout' expects \(time), not '9w'."),
        (inWorker("start-timeout s"), "m.cfg:3: 'start-timeout' expects \(time), not 's'."),
        (inWorker("start-timeout 11575d"), "m.cfg:3: 'start-timeout' expects \(time), not '11575d'."),
        (
            inWorker("start-timeout 99999999999999999999s"),
            "m.cfg:3: 'start-timeout' expects \(time), not '99999999999999999999s'."
        ),
        (inWorker("start-timeout 0s"), "m.cfg:3: 'start-timeout' expects more than 0."),
        (inWorker("start-timeout"), "m.cfg:3: 'start-timeout' expects \(time)."),
        (inWorker("stop-timeout 9"), "m.cfg:3: 'stop-timeout' expects \(time) or 'none', not '9'."),
        (inWorker("notify-access exec"), "m.cfg:3: 'notify-access' expects 'main' or 'all', not 'exec'."),
        (inWorker("watchdog never"), "m.cfg:3: 'watchdog' expects \(time), not 'never'."),
        (inWorker("stop-signal FOO"), "m.cfg:3: 'stop-signal' expects the name of a signal, not 'FOO'."),
        (inProgram("reload-signal"), "m.cfg:3: 'reload-signal' expects the name of a signal."),
        (inProgram("on-reload signal X"), "m.cfg:3: 'signal' expects the name of a signal, not 'X'."),
        (
            inProgram("on-reload stop"),
            "m.cfg:3: 'on-reload' expects 'keep', 'signal', 'restart' or 'replace', not 'stop'."
        ),
        (inWorker("readiness yes"), "m.cfg:3: 'readiness' expects 'notify', 'after' or 'none', not 'yes'."),
        (inWorker("readiness after"), "m.cfg:3: 'after' expects \(time)."),
        (inWorker("readiness after 0s"), "m.cfg:3: 'after' expects more than 0."),
        (inWorker("restart"), "m.cfg:3: 'restart' expects 'never', 'always' or 'on-failure'."),
        (inWorker("restart often"), "m.cfg:3: 'restart' expects 'never', 'always' or 'on-failure', not 'often'."),
        (inWorker("restart always backoff 2s"), "m.cfg:3: 'backoff' expects \(time)."),
        (
            inWorker("restart always backoff 2s 1s"),
            "m.cfg:3: 'backoff' expects a base and a maximum that is not less."
        ),
        (
            inWorker("restart always jitter 101%"),
            "m.cfg:3: 'jitter' expects a percentage from 0 to 100, not '101%'."
        ),
        (inWorker("restart always limit 5"), "m.cfg:3: 'limit' expects N/TIME, such as 5/60s, not '5'."),
        (inWorker("restart always limit 0/1s"), "m.cfg:3: 'limit' expects N/TIME, such as 5/60s, not '0/1s'."),
        (inWorker("restart always limit 1/0s"), "m.cfg:3: 'limit' expects N/TIME, such as 5/60s, not '1/0s'."),
        (inWorker("critical maybe"), "m.cfg:3: 'critical' expects 'yes' or 'no', not 'maybe'."),
        (inWorker("log syslog"), "m.cfg:3: 'log' expects 'prefix', 'inherit', 'file' or 'command', not 'syslog'."),
        (inWorker("log command"), "m.cfg:3: 'command' expects a command of the shell, in quotes."),
        (inWorker("log command ' '"), "m.cfg:3: 'command' expects a command of the shell, in quotes, not ' '."),
        (
            inWorker("log command logger -t x"),
            "m.cfg:3: 'log command' expects one text, in quotes: '-t' is outside of them."
        ),
        (inWorker("log file x"), "m.cfg:3: 'file' expects an absolute path, not 'x'."),
        (inWorker("on-master-death run"), "m.cfg:3: 'on-master-death' expects 'exit' or 'drain', not 'run'."),
        (inWorker("umask 8"), "m.cfg:3: 'umask' expects an octal number from 0 to 777, not '8'."),
        (inWorker("umask 1000"), "m.cfg:3: 'umask' expects an octal number from 0 to 777, not '1000'."),
        (inWorker("chdir x"), "m.cfg:3: 'chdir' expects an absolute path, not 'x'."),
        (inWorker("user ''"), "m.cfg:3: 'user' expects a user name, not ''."),
        (inWorker("setenv A=B c"), "m.cfg:3: 'setenv' expects the name of a variable, not 'A=B'."),
        (inGlobal("unsetenv ''"), "m.cfg:2: 'unsetenv' expects the name of a variable, not ''."),
        (
            inGlobal("max-old-generations 0"),
            "m.cfg:2: 'max-old-generations' expects a number from 1 to 1000000, not '0'."
        ),
        (
            inGlobal("mworker-max-reloads x"),
            "m.cfg:2: 'mworker-max-reloads' expects a number from 1 to 1000000, not 'x'."
        ),
        (inGlobal("control-socket x"), "m.cfg:2: 'control-socket' expects an absolute path, not 'x'."),
        (
            inGlobal("control-socket /c mode rw"),
            "m.cfg:2: 'mode' expects an octal number from 0 to 777, not 'rw'."
        ),
        (
            inGlobal("control-socket /c level root"),
            "m.cfg:2: 'level' expects 'user', 'operator' or 'admin', not 'root'."
        ),
        (inGlobal("no-exit-on-failure x"), "m.cfg:2: 'no-exit-on-failure' cannot handle unexpected argument 'x'."),
        (inWorker("listen"), "m.cfg:3: 'listen' expects the name of a listen section."),
        (inWorker("after"), "m.cfg:3: 'after' expects the name of a worker or program."),
    ]

    @Test("a value that is none", arguments: valuesCases)
    func values(text: String, line: String) { #expect(mistakes(text) == [line]) }

    private static let addressesCases: [(String, String)] = [
        ("", "'bind' expects an address (ADDRESS:PORT, :PORT or the path of a socket)."),
        (" web", "'bind': 'web' is neither ADDRESS:PORT nor a socket's path."),
        (
            " localhost:80",
            "'bind': 'localhost:80' has no numeric address, and names are not looked up: 'localhost'."
        ),
        (" 1.2.3:80", "'bind': '1.2.3:80' has no numeric address, and names are not looked up: '1.2.3'."),
        (
            " [1.2.3.4]:80",
            "'bind': '[1.2.3.4]:80' has no numeric IPv4 or IPv6 address, nor a socket's path: '1.2.3.4'."
        ),
        (" [::1%no]:80", "'bind': '[::1%no]:80' is of an interface that is not there: '::1%no'."),
        (" [::1]", "'bind': '[::1]' does not end in a port (1 to 65535, or 0 for a free one)."),
        (" ::1", "'bind': '::1' has no numeric IPv4 or IPv6 address, nor a socket's path: ':'."),
        (" :65536", "'bind': ':65536' does not end in a port (1 to 65535, or 0 for a free one)."),
        (" :+80", "'bind': ':+80' does not end in a port (1 to 65535, or 0 for a free one)."),
        (" :80-90", "'bind': ':80-90' does not end in a port (1 to 65535, or 0 for a free one)."),
        (" udp@web", "'bind': 'udp@web' is neither ADDRESS:PORT nor a socket's path."),
        (" unix:@", "'bind': 'unix:@' has no name behind the '@'."),
        (" unix:@w mode 600", "'bind': 'mode' is for the path of a socket, and 'unix:@w' is none."),
        (" unix:@w reuseport", "'bind': 'reuseport' is not for the path of a socket."),
        (" unix:x", "'bind': 'unix:x' has no absolute path."),
        (" :80 mode 600", "'bind': 'mode' is for the path of a socket, and ':80' is none."),
        (" :80 user u", "'bind': 'user' is for the path of a socket, and ':80' is none."),
        (" :80 group g", "'bind': 'group' is for the path of a socket, and ':80' is none."),
        (" /w reuseport", "'bind': 'reuseport' is not for the path of a socket."),
        (" udp@:53 backlog 1", "'bind': 'backlog' is not for datagrams."),
        (" :80 backlog 0", "'backlog' expects a number from 1 to 2147483647, not '0'."),
        (" :80 reuseport reuseport", "'reuseport' already specified."),
        (" /w,mode=660 mode 600", "'mode' already specified."),
        (" :80 freebind v6only", "'bind': 'v6only' is for an IPv6 address, and ':80' is none."),
        (" [::1]:80 v4v6", "'bind': 'v4v6' is for the address [::], and '[::1]:80' is none."),
        (" [::]:80 v4v6 v6only", "'bind': has both 'v6only' and 'v4v6'."),
        (" /w freebind", "'bind': 'freebind' is not for the path of a socket."),
        (" /w,mod=660", "'bind': '/w,mod=660' has behind a comma the unknown word 'mod': did you mean 'mode'?."),
        (" /w,x", "'bind': '/w,x' has behind a comma the unknown word 'x': write ',,' for a comma of a path."),
        (" /w,mode=999", "'bind': '/w,mode=999' expects behind 'mode=' an octal number from 0 to 777: 'mode=999'."),
    ]

    @Test("an address that is none", arguments: addressesCases)
    func addresses(words: String, text: String) { #expect(mistakes(inListen("bind" + words)) == ["m.cfg:2: " + text]) }

    @Test("a socket's path has an end")
    func longPath() {
        let path = "/" + String(repeating: "a", count: SocketAddress.longestUnixPath)
        let limit = SocketAddress.longestUnixPath
        #expect(mistakes(inListen("bind \(path)")) == ["m.cfg:2: 'bind': '\(path)' is too long (\(limit) bytes)."])
        let text = "m.cfg:2: 'control-socket': '\(path)' is too long (\(limit) bytes)."
        #expect(mistakes(inGlobal("control-socket \(path)")) == [text])
    }

    private static let contradictionsCases: [(String, String)] = [
        (inWorker("user a\n user a"), "m.cfg:4: 'user' already specified at m.cfg:3."),
        (inWorker("command y"), "m.cfg:3: 'command' already specified at m.cfg:2."),
        (inWorker("chdir /\n directory /"), "m.cfg:4: 'chdir' already specified at m.cfg:3."),
        (
            inProgram("no option start-on-reload\n reload-signal USR1"),
            "m.cfg:4: 'on-reload' already specified at m.cfg:3."
        ),
        (inProgram("on-reload keep\n reload-signal USR1"), "m.cfg:4: 'on-reload' already specified at m.cfg:3."),
        (inWorker("on-reload keep"), "m.cfg:3: unknown keyword 'on-reload' in 'worker' section"),
        (inWorker("option start-on-reload"), "m.cfg:3: unknown keyword 'option' in 'worker' section"),
        (
            inWorker("restart never backoff 1s 2s"),
            "m.cfg:3: 'restart never' cannot handle unexpected argument 'backoff'."
        ),
        (inWorker("restart always jitter 1 jitter 1"), "m.cfg:3: 'jitter' already specified."),
        (
            inWorker("readiness after 60s"),
            "m.cfg:3: 'readiness after 1m' takes all of 'start-timeout 1m'."
        ),
        (
            inWorker("readiness after 3s\n start-timeout 1500ms"),
            "m.cfg:3: 'readiness after 3s' takes all of 'start-timeout 1500ms'."
        ),
        (
            inGlobal("max-old-generations 1\n mworker-max-reloads 1"),
            "m.cfg:3: 'max-old-generations' already specified at m.cfg:2."
        ),
        (
            "global\n start-timeout 2s\n" + inGlobal("start-timeout 2s"),
            "m.cfg:4: 'start-timeout' already specified at m.cfg:2."
        ),
        (inGlobal("control-socket /c mode 600 mode 600"), "m.cfg:2: 'mode' already specified."),
        (
            inGlobal("control-socket /c\n control-socket /c"),
            "m.cfg:3: 'control-socket': '/c' is already bound at m.cfg:2."
        ),
        (
            inListen("bind *:80\n bind 0.0.0.0:80"), "m.cfg:3: 'bind': '0.0.0.0:80' is already bound at m.cfg:2."
        ),
        (
            inListen("bind /w\nlisten m\n bind udp@/w"), "m.cfg:4: 'bind': 'udp@/w' is already bound at m.cfg:2."
        ),
        (
            "listen l\n" + inWorker(""),
            "m.cfg:1: The listen section 'l' lacks a 'bind' (the 'listen' of a worker or program is indented)."
        ),
        (
            "worker master\n command x\n",
            "m.cfg:1: 'worker' name 'master' means another process on the control socket."
        ),
        ("program 12\n command x\n", "m.cfg:1: 'program' name '12' means another process on the control socket."),
        (
            "listen a:b\n bind :1\nworker w\n command x\n",
            "m.cfg:1: character ':' is not permitted in 'listen' name 'a:b'."
        ),
        ("listen l\n bind :1\n" + inWorker("listen l l"), "m.cfg:5: 'listen' names 'l' twice."),
        (inWorker("after w"), "m.cfg:3: 'after' goes in a circle: w, w."),
        ("", "m.cfg: no 'worker' or 'program' section."),
        ("global\nlisten l\n bind :1\n", "m.cfg: no 'worker' or 'program' section."),
    ]

    @Test("what contradicts itself", arguments: contradictionsCases)
    func contradictions(text: String, line: String) { #expect(mistakes(text) == [line]) }

    @Test("no file at all")
    func noFile() { #expect(mistakes([]) == ["masterd: no 'worker' or 'program' section."]) }

    @Test("circles are told once, with who waits for whom")
    func circles() {
        let text = """
            worker a
             command x
             after b
            worker b
             command x
             after d c
            worker c
             command x
             after b
            worker d
             command x
            worker e
             command x
             after e
            """
        #expect(
            mistakes(text) == [
                "m.cfg:6: 'after' goes in a circle: b, c, b.", "m.cfg:14: 'after' goes in a circle: e, e.",
            ])
    }

    @Test("a chain may be long, but not without end")
    func chain() throws {
        func chain(_ length: Int) -> String {
            (0..<length).map { "worker w\($0)\n command x\n" + ($0 > 0 ? " after w\($0 - 1)\n" : "") }.joined()
        }
        #expect(try read(chain(256)).plan().stages().max() == 255)
        #expect(mistakes(chain(257)) == ["m.cfg:770: 'w256' waits for more than 255 others in a chain."])
        #expect(mistakes(chain(3000)).count == 1)
        // A short way beside the long one changes nothing.
        let roots = (0..<50).map { "worker r\($0)\n command x\n" }.joined()
        let shortWays = " after" + (0..<50).map { " r\($0)" }.joined() + "\n"
        #expect(mistakes(chain(257) + shortWays + roots).count == 1)
    }

    @Test("all mistakes at once, in the order of the files")
    func all() {
        let found = mistakes([
            file("a.cfg", "worker w\n listen l\n foo\n instances 0\n after v\nglobal\n setenv A\n"),
            file("b.cfg", "bar\nprogram w\n command x\n log file\n"),
        ])
        #expect(
            found == [
                "a.cfg:1: The worker section 'w' lacks a command to launch.",
                "a.cfg:2: 'listen': unable to find listen section 'l'.",
                "a.cfg:3: unknown keyword 'foo' in 'worker' section",
                "a.cfg:4: 'instances' expects a number from 1 to 1000, not '0'.",
                "a.cfg:5: 'after': unable to find worker or program 'v'; did you mean 'w' maybe ?",
                "a.cfg:7: 'setenv' expects a name and a value.",
                "b.cfg:1: unknown keyword 'bar' out of section.",
                "b.cfg:2: 'w' worker section already exists in the configuration.",
                "b.cfg:4: 'file' expects an absolute path.",
            ])
    }

    @Test("a line stays a line, and there is an end to lines")
    func bounded() {
        #expect(
            mistakes(inWorker(#""a\nb\x1b[31m""#)) == [
                #"m.cfg:3: unknown keyword 'a\nb\u{1B}[31m' in 'worker' section"#
            ])
        let found = mistakes(String(repeating: "x\n", count: 1500))
        #expect(found.count == 1001 && found.last == "m.cfg: 500 more mistakes")
        #expect(ConfigurationError(mistakes: [Mistake(Place(file: "f", line: 2), "a\nb")]).text == "f:2: a\\nb\n")
    }
}
