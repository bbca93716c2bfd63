import Foundation
import Testing
import Unix

/// A folder of daemons' files, and daemonctl on it; no systemd, unless a test brings its own.
final class Control {
    let folder: TestDirectory

    init() throws {
        folder = try TestDirectory(mode: 0o755)
        try FileManager.default.createDirectory(atPath: folder["conf"], withIntermediateDirectories: true)
    }

    /// An echod on a socket in the folder.
    func add(_ name: String, _ options: String = "", lines: String = "", executable: String = Product.echod) throws {
        let files = "--pid-file \(folder[name]).pid --log-file \(folder[name]).log -b \(folder[name]).sock"
        try folder.write("conf/\(name).conf", "command \(executable) \(files) \(options)\n\(lines)\n")
    }

    private func environment(_ more: [String: String]) -> [String: String] {
        ["DAEMONKIT_CONFIG": folder["conf"]].merging(more) { $1 }
    }

    func callAsFunction(_ words: String..., environment more: [String: String] = [:]) throws -> TestProcess.Outcome {
        try folder.run(Product.daemonctl, words, environment: environment(more))
    }

    func begin(_ words: String...) throws -> TestProcess {
        try folder.start(Product.daemonctl, words, environment: environment([:]))
    }

    func pid(_ name: String) -> ProcessID? { folder.holder(of: "\(name).pid") }

    func json(_ text: String) throws -> [[String: Any]] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
    }
}

@Suite("daemonctl, seen from outside", .blocking, .timeLimit(.minutes(20)))
struct DaemonctlTests {
    private let control: Control
    private var folder: TestDirectory { control.folder }

    init() throws { control = try Control() }

    @Test("A daemon's life, with LSB's exit codes")
    func life() throws {
        try control.add("echo")
        let states = try control("status", "echo")
        #expect(states.code == 3 && states.output == "echo is not running\n")
        #expect(try control("check", "echo").code == 1)
        #expect(try control("reload", "echo").code == 7 && control("reopen-logs", "echo").code == 7)
        let start = try control("start", "echo")
        let pid = try #require(control.pid("echo"))
        #expect(start.code == 0 && start.output == "echo started (pid \(pid))\n" && start.errors == "")
        let again = try control("start", "echo")
        #expect(again.code == 0 && again.output == "echo is already running (pid \(pid))\n")
        #expect(try control("status").output == "echo is running (pid \(pid))\n")
        let check = try control("check-and-start", "echo")
        #expect(check.code == 0 && check.output == "" && control.pid("echo") == pid)
        #expect(try control("reload", "echo").output == "echo (pid \(pid)) was told to reload\n")
        #expect(try control("reopen-logs", "--all").output == "echo (pid \(pid)) was told to reopen its log\n")
        #expect(eventually { folder.read("echo.log").contains("Reopening log files") })
        #expect(try control("pidfile", "echo").output == "\(folder["echo.pid"])\n")
        let restart = try control("restart", "echo")
        #expect(restart.output.contains(/^echo \(pid \d+\) stopped; echo started \(pid \d+\)\n$/), "\(restart)")
        #expect(control.pid("echo") != pid)
        #expect(try control("stop", "echo").code == 0 && control("stop", "echo").output == "echo is not running\n")
        #expect(!folder.exists("echo.pid") && !folder.exists("echo.sock"))
        #expect(try control("check-and-start", "echo").output.hasPrefix("echo started"))
        #expect(try control("stop", "--all").code == 0)
    }

    @Test("All start in their order and stop in the reverse one, and a broken file does not hide the others")
    func order() throws {
        try control.add("b", lines: "order 10")
        try control.add("a")
        try control.add("z", lines: "order 1")
        try folder.write("conf/bad.conf", "command /x\nordr 7\n")
        func names(_ text: String) -> [Character] { text.split(separator: "\n").compactMap(\.first) }
        let start = try control("start-all")
        #expect(names(start.output) == ["z", "b", "a"] && start.code == 6)
        let place = "\(folder["conf"])/bad.conf:2"
        let complaint = "daemonctl: \(place): unknown keyword 'ordr'; did you mean 'order' maybe ?\n"
        #expect(start.errors == complaint)
        #expect(try control("status", "a", "b", "z").code == 0)
        #expect(try control("list", "--names").output == "z\nb\na\n")
        let stop = try control("stop-all")
        #expect(names(stop.output) == ["a", "b", "z"] && stop.code == 6)
        #expect(try control("start", "bad").errors == complaint)
    }

    @Test("What kill -9 leaves is no obstacle, and neither is a garbled pid file")
    func leftovers() throws {
        try control.add("echo")
        #expect(try control("start", "echo").code == 0)
        let process = try ProcessHandle(pid: try #require(control.pid("echo")))
        try process.send(.kill)
        #expect(process.waitForEnd(.seconds(20)))
        let status = try control("status", "echo")
        #expect(status.code == 1 && status.output == "echo is dead, but pid file \(folder["echo.pid"]) exists\n")
        #expect(try control("start", "echo").code == 0)
        #expect(try control("stop", "echo").code == 0)
        try folder.write("echo.pid", "garbage")
        #expect(try control("status", "echo").code == 1)
        #expect(try control("stop", "echo").code == 0 && !folder.exists("echo.pid"))
        try FileManager.default.createDirectory(atPath: folder["echo.pid"], withIntermediateDirectories: false)
        #expect(try control("status", "echo").code == 4 && control("start", "echo").code == 4)
        #expect(try control("stop", "echo").code == 4)
    }

    @Test("Many who start the same daemon at once all succeed, and one daemon runs")
    func atOnce() throws {
        try control.add("echo")
        try folder.write("echo.pid", "1\n")
        let runs = try (0..<8).map { _ in try control.begin("start", "echo") }
        for run in runs { #expect(run.wait().code == 0, "\(run.standardOutput)\(run.standardError)") }
        let pid = try #require(control.pid("echo"))
        for run in runs { #expect(run.standardOutput.hasSuffix(" (pid \(pid))\n"), "\(pid): \(run.standardOutput)") }
        #expect(runs.filter { $0.standardOutput == "echo started (pid \(pid))\n" }.count == 1)
        let stops = try (0..<8).map { _ in try control.begin("stop", "echo") }
        for stop in stops { #expect(stop.wait().code == 0) }
        #expect(control.pid("echo") == nil)
    }

    @Test("What keeps a daemon from starting has a code of its own")
    func refusals() throws {
        try control.add("none", executable: "/nowhere/echod")
        try control.add("plain", executable: folder["conf/none.conf"])
        try control.add("wrong", "--nope")
        try control.add("other", "--pid-file \(folder["x.pid"])", lines: "pid-file \(folder["other.pid"])")
        #expect(try control("start", "none").code == 5 && control("start", "plain").code == 4)
        #expect(try control("start", "wrong").code == 6)
        #expect(try control("start", "nobody").errors == "daemonctl: no 'nobody' in \(folder["conf"])\n")
        #expect(try control("start", "nobody").code == 6)
        #expect(try control("start").code == 2 && control("strat", "x").code == 2)
        let other = try control("start", "other")
        #expect(other.code == 1 && other.errors.contains("nobody holds pid file \(folder["other.pid"])"))
        #expect(try control("start", "none", "wrong").code == 5)
        #expect(try control("list", "--config-directory", folder["no"]).code == 6)
        #expect(try control("connect", "wrong", "help").code == 6 && control("logs", "none").code == 1)
    }

    @Test("A command that stays in the foreground is ended when its time is over, and what is waited for is said")
    func foreground() throws {
        try control.add("echo", "--foreground", lines: "start-timeout 1500ms")
        let outcome = try control("start", "-v", "echo")
        #expect(outcome.code == 1 && outcome.errors.contains("waiting for echo to serve ...\n"), "\(outcome.errors)")
        #expect(outcome.errors.contains("did not start within 1500ms, or its command stays in the foreground"))
        #expect(control.pid("echo") == nil && !folder.exists("echo.sock"))
    }

    @Test("A restart with wrong options leaves the running daemon alone")
    func wrongRestart() throws {
        try control.add("echo", lines: "check yes")
        #expect(try control("start", "echo").code == 0)
        let pid = control.pid("echo")
        try control.add("echo", "--nope", lines: "check yes")
        #expect(try control("restart", "echo").code == 6 && control("reload", "echo").code == 6)
        #expect(control.pid("echo") == pid)
        #expect(try control("stop", "echo").code == 0)
    }

    @Test("Who may not, is told so", .enabled(if: Machine.isRoot && Machine.has("setpriv"), "needs root and setpriv"))
    func permission() throws {
        try control.add("echo")
        #expect(try control("start", "echo").code == 0)
        let words = ["--reuid=65534", "--regid=65534", "--clear-groups", Product.daemonctl]
        for (verb, code) in [("stop", 4), ("status", 4), ("reload", 4), ("check", 1)] as [(String, Int32)] {
            let outcome = try folder.run(
                try #require(Machine.find("setpriv")), words + [verb, "echo"],
                environment: ["DAEMONKIT_CONFIG": folder["conf"]])
            #expect(outcome.code == code, "\(verb): \(outcome)")
        }
        #expect(try control("stop", "echo").code == 0)
    }

    @Test("A daemon is known by its path, too, with its options behind --")
    func byPath() throws {
        let files = ["--", "--pid-file", folder["p.pid"], "--log-file", folder["p.log"], "-b", folder["p"]]
        func act(_ verb: String) throws -> TestProcess.Outcome {
            try folder.run(Product.daemonctl, [verb, Product.echod] + files)
        }
        #expect(try act("start").code == 0)
        let pid = try #require(control.pid("p"))
        #expect(try act("status").output == "echod is running (pid \(pid))\n")
        #expect(try act("logs").output.contains("listening on"))
        #expect(try act("stop").code == 0 && act("status").code == 3)
    }

    @Test("Every listing is there for machines")
    func machines() throws {
        try control.add("echo", lines: "unit echo.service\norder 3")
        try control.add("none", executable: "/no \"where\"")
        #expect(try control("start", "echo").code == 0)
        let pid = try #require(control.pid("echo"))
        for verb in ["list", "status"] {
            let list = try control.json(try control(verb, "--json").output)
            #expect(list.map { $0["name"] as? String } == ["echo", "none"])
            #expect(list[0]["pid"] as? Int == Int(pid) && list[0]["state"] as? String == "running")
            #expect(list[1]["pid"] is NSNull && list[1]["state"] as? String == "stopped")
        }
        let top = try control.json(try control("top", "--json", "echo").output)
        #expect(top.count == 1 && top[0]["pid"] as? Int == Int(pid) && (top[0]["rss_bytes"] as? Int ?? 0) > 100_000)
        #expect(top[0]["cpu_percent"] is NSNumber)
        #expect(try control("stop", "echo").code == 0)
    }

    @Test("The files in etc/daemonkit are read as they are")
    func deployed() throws {
        let outcome = try control("list", "--json", "--config-directory", "\(Product.repository)/etc/daemonkit")
        let list = try control.json(outcome.output)
        #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
        #expect(list.map { $0["name"] as? String } == ["echod", "masterd"])
        let printed = try folder.run(Product.echod, ["--print-service", "daemonctl"])
        #expect(printed.output == text(of: "etc/daemonkit/echod.conf"))
    }
}

@Suite("daemonctl and masters", .blocking, .timeLimit(.minutes(20)))
struct DaemonctlMasterTests {
    private let control: Control
    private var folder: TestDirectory { control.folder }

    init() throws {
        control = try Control()
        try control.add("pair", "--workers 2 -S \(control.folder["ctl"])")
    }

    @Test("The control socket takes one command, or lines until their end")
    func connect() throws {
        #expect(try control("connect", "pair", "help").code == 7)
        #expect(try control("start", "pair").code == 0)
        let proc = try control("connect", "pair", "show", "proc")
        #expect(proc.code == 0 && proc.output.hasPrefix("#<PID> ") && proc.output.hasSuffix("\n# old programs\n"))
        let nothing = try control("connect", "pair", "nothing")
        #expect(nothing.code == 1 && nothing.output.hasPrefix("Unknown command: 'nothing'"))
        #expect(try control("connect", "pair", "user; show env").code == 0)
        #expect(try control("connect", "pair", "show proc wrong").code == 0)
        let script = "printf 'show version\\n\\nuser\\nreload\\nshow version' | \"$1\" connect pair"
        let lines = try folder.shell(script, Product.daemonctl, [], environment: ["DAEMONKIT_CONFIG": folder["conf"]])
        #expect(lines.code == 0 && lines.output.hasPrefix("0.1.0\n\n\n\nPermission denied!\n\n"), "\(lines)")
        #expect(try control("stop", "pair").code == 0)
    }

    @Test("A reload by the control socket is answered, and its failure has its code")
    func reload() throws {
        #expect(try folder.run("/bin/cp", [Product.echod, folder["server"]]).code == 0)
        try control.add("pair", "--workers 1 -S \(folder["ctl"])", executable: folder["server"])
        #expect(try control("start", "pair").code == 0)
        let right = try control("reload", "pair")
        #expect(right.code == 0 && right.output.hasPrefix("Success=1\n"), "\(right)")
        let top = try control("top", "--once", "pair")
        #expect(top.output.contains(#/pair +\d+ +worker +worker +1 +2 +ready /#), "\(top.output)")
        try folder.write("broken", "nonsense")
        #expect(rename(folder["broken"], folder["server"]) == 0)
        let wrong = try control("reload", "pair")
        #expect(wrong.code == 1 && wrong.output.hasPrefix("Success=0\n"), "\(wrong)")
        #expect(try control("top", "--once").output.contains(" reload-failed "))
        #expect(try control("stop", "pair").code == 0)
    }

    @Test("A master that was suspended does not keep the others from being seen")
    func suspended() throws {
        try control.add("echo")
        #expect(try control("start-all").code == 0)
        let pid = try #require(control.pid("pair"))
        try Signal(rawValue: SIGSTOP).send(to: pid)
        let top = try control("top", "--once")
        try Signal(rawValue: SIGCONT).send(to: pid)
        #expect(top.output.contains(#/pair +\d+ .* no-answer /#), "\(top)")
        #expect(top.output.contains(#/echo +\d+ .* running /#), "\(top)")
        #expect(try control("stop-all").code == 0)
    }

    @Test("The log is followed from a terminal's point of view: what comes is printed at once")
    func follow() throws {
        #expect(try control("start", "pair").code == 0)
        let logs = try control.begin("logs", "pair", "-f", "-n", "1")
        #expect(eventually { logs.standardOutput.split(separator: "\n").count == 1 })
        #expect(rename(folder["pair.log"], folder["pair.log.1"]) == 0)
        #expect(try control("reopen-logs", "pair").code == 0)
        #expect(eventually { logs.standardOutput.contains("Reopening log files") }, "\(logs.standardOutput)")
        #expect(try control("reload", "pair").code == 0)
        #expect(eventually { logs.standardOutput.contains("Loading success.") }, "\(logs.standardOutput)")
        logs.send(.terminate)
        #expect(logs.wait() == .signaled(Signal.terminate.rawValue))
        #expect(try control("stop", "pair").code == 0)
    }
}
