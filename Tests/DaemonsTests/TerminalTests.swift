import Foundation
import Testing
import Unix

/// Masters in the foreground of a real terminal, whose children read and write there.
@Suite(
    "Children and the terminal", .blocking, .enabled(if: Machine.has("python3"), "needs python3"),
    .timeLimit(.minutes(20)))
struct TerminalTests {
    /// Gives a program a terminal of its own, which stops whoever writes from the background; when `ready` exists it
    /// types ^C. Ends with the program's status.
    private static let terminal = """
        import os, pty, sys, termios, threading, time
        ready = sys.argv[1]
        pid, terminal = pty.fork()
        if pid == 0:
            modes = termios.tcgetattr(0)
            modes[3] |= termios.TOSTOP
            termios.tcsetattr(0, termios.TCSANOW, modes)
            os.execv(sys.argv[2], sys.argv[2:])
        def drain():
            try:
                while data := os.read(terminal, 65536):
                    os.write(1, data)
            except OSError:
                pass
        reader = threading.Thread(target=drain)
        reader.start()
        ended = 0
        while not os.path.exists(ready) and not ended:
            ended, status = os.waitpid(pid, os.WNOHANG)
            time.sleep(0.01)
        if not ended:
            os.write(terminal, b"\\x03")
            ended, status = os.waitpid(pid, 0)
        reader.join()
        sys.exit(os.waitstatus_to_exitcode(status) % 256)
        """

    /// Reads from the terminal and writes to it, by its name and by what it inherited; then it says so.
    private static let child = """
        trap 'exit 0' TERM
        head -c 1 </dev/tty; echo asked >/dev/tty; echo written
        ps -o stat= -o sid= -p $$ >"$1.state"; mv "$1.state" "$1"
        while :; do sleep 0.02; done
        """

    private func start(_ folder: TestDirectory, _ program: String, _ words: [String]) throws -> TestProcess {
        try folder.write("terminal.py", Self.terminal)
        try folder.write("child", Self.child)
        return try folder.start(
            "/usr/bin/env", ["python3", folder["terminal.py"], folder["ready"], program] + words)
    }

    /// That the child came that far, in a session of its own, and that ^C has ended all of it.
    private func check(_ folder: TestDirectory, _ running: TestProcess, _ code: Int32) throws {
        #expect(running.wait() == .exited(code), "\(running.standardOutput) \(running.standardError)")
        let state = folder.read("ready").split(separator: " ").map {
            $0.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        #expect(state.count == 2 && state.first?.hasPrefix("T") == false, "\(state)")
        let child = try #require(state.last.flatMap { ProcessID($0) })
        #expect(eventually { (try? Signal(rawValue: 0).send(to: child)) == nil })
    }

    @Test(
        "masterd -f: a child that reads and writes there goes on, and ^C ends everything",
        arguments: ["prefix", "inherit"])
    func masterd(log: String) throws {
        let folder = try TestDirectory(mode: 0o755)
        try folder.write(
            "m.cfg", "program p\n command /bin/sh \(folder["child"]) \(folder["ready"])\n log \(log)\n readiness none\n"
        )
        let words = ["-f", "-c", folder["m.cfg"], "--pid-file", folder["d.pid"], "--log-file", folder["d.log"]]
        try check(folder, start(folder, Product.masterd, words), 130)
        #expect(!folder.exists("d.pid"))
    }

    @Test("start_server --stop-timeout: the same")
    func startServer() throws {
        let folder = try TestDirectory(mode: 0o755)
        let words = ["--stop-timeout=60", "--interval=0", "--", "/bin/sh", folder["child"], folder["ready"]]
        try check(folder, start(folder, Product.startServer, words), 0)
    }

    @Test("--workers: they are in sessions of their own, and ^C ends everything")
    func workers() throws {
        let folder = try TestDirectory(mode: 0o755)
        let files = ["--pid-file", folder["d.pid"], "--log-file", folder["d.log"], "-b", folder["s"]]
        let running = try start(folder, Product.echod, ["-f", "--workers=2"] + files)
        #expect(eventually { (try? Client(.unix(folder["s"])).echoes("hello")) == true })
        let master = try #require(folder.holder(of: "d.pid"))
        let look = try folder.shell("ps -o pid= -o sid= --ppid $2 | sort -n", "", ["\(master)"])
        let rows = look.output.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(rows.count == 2 && rows.allSatisfy { $0.count == 2 && $0[0] == $0[1] }, "\(look.output)")
        try folder.write("ready", "")
        #expect(running.wait() == .exited(130))
        #expect(!folder.exists("d.pid") && !folder.exists("s"))
    }
}
