import Foundation
import Testing
import Unix

@Suite(
    "daemonctl under systemd", .enabled(if: Machine.canUnshare, "needs root and mounts of its own"), .blocking,
    .timeLimit(.minutes(20)))
struct DaemonctlSystemdTests {
    private let control: Control
    private var folder: TestDirectory { control.folder }

    /// A stand-in for systemctl that knows echo.service: it writes down what it is asked, and does it.
    init() throws {
        control = try Control()
        try control.add("echo", lines: "unit echo.service")
        let folder = control.folder
        try folder.write(
            "systemctl",
            """
            #!/bin/bash
            cd '\(folder.path)' || exit 1
            echo "$*" >>asked
            daemon() { '\(Product.echod)' "$@" --pid-file "$PWD/echo.pid" --log-file "$PWD/u.log" -b "$PWD/u.sock"; }
            case $1 in
            show)
                [ ! -e unknown ] || { echo LoadState=not-found; exit 0; }
                echo LoadState=loaded
                if [ -e up ]; then
                    printf '%s\\n' ActiveState=active SubState=running MainPID="$(cat echo.pid)"
                else
                    printf '%s\\n' ActiveState=inactive SubState=dead MainPID=0
                fi ;;
            start) [ ! -e refused ] || exit 4; daemon && touch up ;;
            stop) daemon --stop && rm -f up ;;
            restart) daemon --stop && daemon ;;
            reload) daemon --reload ;;
            esac

            """)
        chmod(folder["systemctl"], 0o755)
    }

    private func act(_ words: String...) throws -> TestProcess.Outcome {
        try Self.run(folder, words)
    }

    /// In a machine of its own, where systemd seems to run, and the folder's systemctl lies where systems have theirs.
    static func run(_ folder: TestDirectory, _ words: [String], environment: [String: String] = [:]) throws
        -> TestProcess.Outcome
    {
        let script = """
            mount -t tmpfs none /run && mkdir -p /run/systemd/system /run/current-system/sw/bin || exit 99
            if [ -e /usr/bin/systemctl ]; then
                mount --bind '\(folder["systemctl"])' /usr/bin/systemctl || exit 99
            else
                cp '\(folder["systemctl"])' /run/current-system/sw/bin || exit 99
            fi
            exec "$@"
            """
        return try folder.run(
            try #require(Machine.find("unshare")),
            ["--mount", "--propagation", "private", "sh", "-c", script, "sh", Product.daemonctl] + words,
            environment: ["DAEMONKIT_CONFIG": folder["conf"]].merging(environment) { $1 })
    }

    /// What systemctl was asked to do.
    private var jobs: [String] { folder.lines("asked").filter { !$0.hasPrefix("show ") } }

    @Test("What is its unit's is done by systemctl, and its view stays true")
    func managed() throws {
        let start = try act("start", "echo")
        let pid = try #require(control.pid("echo"))
        #expect(start.output.hasSuffix("echo was started by systemd as echo.service (pid \(pid))\n"), "\(start)")
        #expect(try act("status", "echo").output == "echo is running (pid \(pid)); echo.service is active (running)\n")
        #expect(try act("reload", "echo").code == 0 && act("restart", "echo").code == 0)
        let stop = try act("stop", "echo")
        #expect(stop.output.hasSuffix("echo was stopped by systemd as echo.service\n"), "\(stop)")
        #expect(jobs == ["start", "reload", "restart", "stop"].map { "\($0) -- echo.service" })
        let status = try act("status", "echo")
        #expect(status.code == 3 && status.output == "echo is not running; echo.service is inactive (dead)\n")
        #expect(try act("stop", "echo").code == 0 && jobs.count == 4)
    }

    @Test("What runs outside of its unit is acted upon directly, and that is said")
    func outside() throws {
        #expect(try act("start", "--direct", "echo").code == 0 && jobs.isEmpty)
        let pid = try #require(control.pid("echo"))
        let said = "daemonctl: echo runs (pid \(pid)), but not under echo.service: acting directly\n"
        let reload = try act("reload", "echo")
        #expect(reload.code == 0 && reload.errors == said && jobs.isEmpty)
        #expect(try act("status", "echo").output.contains("but not under systemd; echo.service is inactive"))
        let stop = try act("stop", "echo")
        #expect(stop.code == 0 && stop.errors == said && jobs.isEmpty && control.pid("echo") == nil)
    }

    @Test("A unit that systemd does not know, and a refusal")
    func unknown() throws {
        try folder.write("unknown", "")
        #expect(try act("start", "echo").output.hasPrefix("echo started (pid ") && jobs.isEmpty)
        #expect(try act("stop", "echo").code == 0 && jobs.isEmpty)
        #expect(unlink(folder["unknown"]) == 0)
        try folder.write("refused", "")
        let start = try act("start", "echo")
        #expect(start.code == 4 && start.errors == "daemonctl: systemctl start echo.service: no permission\n")
    }

    @Test("Root runs the system's systemctl, whatever the environment names")
    func environment() throws {
        let evil = folder["evil"]
        #expect(mkdir(evil, 0o755) == 0)
        try folder.write("evil/systemctl", "#!/bin/sh\ntouch '\(folder["fooled"])'\nexit 1\n")
        chmod("\(evil)/systemctl", 0o755)
        let path = "\(evil):/usr/sbin:/usr/bin:/sbin:/bin"
        let start = try Self.run(
            folder, ["start", "echo"], environment: ["PATH": path, "DAEMONKIT_SYSTEMCTL": "\(evil)/systemctl"])
        #expect(start.code == 0 && jobs == ["start -- echo.service"], "\(start)")
        #expect(try act("stop", "echo").code == 0)
        #expect(!folder.exists("fooled"))
    }
}
