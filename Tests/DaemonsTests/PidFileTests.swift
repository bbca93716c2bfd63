import Foundation
import Testing
import Unix

import struct TestSupport.LongText

@Suite("The pid file: whoever holds the lock runs", .blocking, .timeLimit(.minutes(20)))
struct PidFileTests {
    @Test("A second start is refused naming file and owner, and leaves pid file and log as they are")
    func secondStart() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.launch().code == 0)
        let (pid, log) = (try #require(daemon.pid), daemon.log)
        for mode in [[], ["-f"]] {
            let outcome = try daemon.folder.run(Product.faultd, daemon.files + mode)
            #expect(outcome.code == 1)
            #expect(
                outcome.errors
                    == "faultd: faultd is already running: pid file \(daemon.folder["d.pid"]) is locked by pid \(pid)\n"
            )
        }
        #expect(daemon.folder.read("d.pid") == "\(pid)\n")
        #expect(daemon.log == log)
        daemon.end()
    }

    @Test(
        "With none there is neither file nor lock, in the foreground and behind a launcher; asking says what it lacks")
    func noPidFile() throws {
        let daemon = try TestDaemon(Product.faultd)
        let words = ["--pid-file", "none", "--log-file", daemon.folder["d.log"]]
        #expect(
            try daemon.folder.run(Product.faultd, words + ["--fault-main", "return", "--fault-explicit"]).code == 1)
        let running = try daemon.folder.start(
            Product.faultd, ["-f", "--fault-output", daemon.folder["report"]] + words)
        #expect(eventually { daemon.report(holds: "registered") }, "\(running.standardError)")
        for action in ["--status", "--stop", "--reload", "--reopen-logs", "--signal=HUP"] {
            let outcome = try daemon.folder.run(Product.faultd, [action] + words)
            #expect(outcome.code == 4)
            #expect(outcome.errors.hasPrefix("faultd: with --pid-file none there is no pid file to find"))
        }
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
        let launched = try daemon.folder.run(Product.faultd, words + ["--fault-output", daemon.folder["second"]])
        #expect(launched.code == 0, "\(launched)")
        let last = daemon.log.matches(of: #/pid=(\d+) /#).last.flatMap { ProcessID($0.1) }
        try Signal.terminate.send(to: #require(last))
        #expect(eventually { daemon.log.hasSuffix("faultd daemon shutdown\n") })
        #expect(!daemon.folder.exists("none") && !daemon.folder.exists("d.pid"))
    }

    @Test("A name that is not UTF-8 is refused, and not taken for another one", arguments: ["pid-file", "log-file"])
    func bytes(option: String) throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.folder.shell(
            "exec \"$1\" \"${@:2}\" --\(option) \"$(printf '%s/a\\377' '\(daemon.folder.path)')\"",
            Product.faultd, daemon.files)
        #expect(outcome.code == 2 && outcome.errors.contains("option '--\(option)':"), "\(outcome)")
        #expect(outcome.errors.contains("is not UTF-8"))
        #expect(!Files.names(in: daemon.folder.path).contains { $0.hasPrefix("a") })
    }

    @Test(
        "A user's second start is refused, whether the login's runtime directory has come or gone",
        .enabled(if: Machine.isRoot && Machine.has("setpriv"), "needs root and setpriv"))
    func login() throws {
        let daemon = try TestDaemon()
        #expect(mkdir(daemon.folder["run"], 0o700) == 0 && chown(daemon.folder["run"], 54399, 54399) == 0)
        #expect(mkdir(daemon.folder["mine"], 0o700) == 0 && chown(daemon.folder["mine"], 54399, 54399) == 0)
        #expect(chmod(daemon.folder.path, 0o755) == 0)
        func start(_ more: [String], _ runtime: String) throws -> TestProcess.Outcome {
            try daemon.folder.shell(
                "cp \"$1\" '\(daemon.folder.path)/faultd' 2>/dev/null; cd /; exec setpriv --reuid 54399 --regid 54399 "
                    + "--clear-groups '\(daemon.folder.path)/faultd' \"${@:2}\"", Product.faultd,
                ["--log-file", daemon.folder["mine/d.log"]] + more,
                environment: ["XDG_RUNTIME_DIR": runtime, "HOME": "/nonexistent"])
        }
        #expect(try start([], daemon.folder["run"]).code == 0)
        let second = try start([], "")
        #expect(second.code == 1 && second.errors.contains("already running"), "\(second)")
        #expect(try start(["--status"], "").code == 0)
        #expect(try start(["--stop"], "").code == 0)
        #expect(try start([], "").code == 0)
        #expect(try start([], daemon.folder["run"]).code == 1)
        #expect(try start(["--stop"], daemon.folder["run"]).code == 0)
        #expect(rmdir("/tmp/faultd-54399") == 0)
    }

    @Test(
        "Where a filter refuses the calls on pidfds, as old container engines do, everything works all the same",
        .enabled(if: Machine.has("python3"), "needs python3"))
    func filteredCalls() throws {
        let daemon = try TestDaemon()
        // PR_SET_NO_NEW_PRIVS; SECCOMP_MODE_FILTER: EPERM for pidfd_open, pidfd_send_signal and pidfd_getfd.
        let script = """
            import ctypes, os, struct, sys
            numbers = [434, 424, 438]
            rules = [(0x20, 0, 0, 0)] + [(0x15, len(numbers) - i, 0, n) for i, n in enumerate(numbers)]
            rules += [(0x06, 0, 0, 0x7fff0000), (0x06, 0, 0, 0x00050001)]
            code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
            class Program(ctypes.Structure):
                _fields_ = [("count", ctypes.c_ushort), ("code", ctypes.c_void_p)]
            libc = ctypes.CDLL(None)
            assert libc.prctl(38, 1, 0, 0, 0) == 0
            assert libc.prctl(22, 2, ctypes.byref(Program(len(rules), ctypes.addressof(code)))) == 0
            os.execv(sys.argv[1], sys.argv[1:])
            """
        func filtered(_ words: String...) throws -> TestProcess.Outcome {
            try daemon.folder.run(
                try #require(Machine.find("python3")),
                ["-c", script, Product.faultd] + daemon.files + words)
        }
        #expect(try filtered().code == 0)
        let pid = try #require(daemon.pid)
        #expect(try filtered("--status").output == "faultd is running (pid \(pid))\n")
        #expect(try filtered("--reload").code == 0)
        #expect(eventually { daemon.log.contains("Reopening log files") })
        #expect(try filtered("--reopen-logs").code == 0)
        #expect(try filtered("--signal=HUP").code == 0)
        let stopped = try filtered("--stop")
        #expect(stopped.output == "faultd (pid \(pid)) stopped\n" && stopped.code == 0, "\(stopped)")
        #expect(daemon.isClean)
    }

    @Test(
        "Who may only read the pid file may ask for the status",
        .enabled(if: Machine.isRoot && Machine.has("setpriv"), "needs root and setpriv"))
    func reading() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.launch().code == 0)
        #expect(chmod(daemon.folder.path, 0o755) == 0 && chmod(daemon.folder["d.pid"], 0o644) == 0)
        let outcome = try daemon.folder.shell(
            "cp \"$1\" '\(daemon.folder.path)/faultd'; cd /; exec setpriv --reuid 54399 --regid 54399 --clear-groups "
                + "'\(daemon.folder.path)/faultd' \"${@:2}\"", Product.faultd, daemon.files + ["--status"])
        #expect(outcome.code == 0 && outcome.output.contains("is running (pid "), "\(outcome)")
        daemon.end()
    }

    @Test("Of 100 starts at once exactly one wins, 20 times over")
    func hundredStarts() throws {
        for _ in 0..<(isThorough ? 20 : 3) {
            let daemon = try TestDaemon()
            let starts = try (0..<100).map { _ in try daemon.folder.start(Product.faultd, daemon.files) }
            let codes = starts.map { $0.wait().code }
            #expect(codes.count(where: { $0 == 0 }) == 1, "\(codes)")
            #expect(codes.allSatisfy { $0 == 0 || $0 == 1 })
            #expect(starts.allSatisfy { $0.standardError.isEmpty || $0.standardError.contains("already running") })
            let pid = try #require(daemon.pid)
            #expect(daemon.folder.read("d.pid") == "\(pid)\n")
            #expect(daemon.log.split(separator: "\n").count(where: { $0.contains("startup") }) == 1)
            daemon.end()
            #expect(daemon.isClean)
        }
    }

    @Test(
        "An old pid file is no obstacle, whatever it holds, and nothing of it stays",
        arguments: [
            "999999999999\n", "", "garbage without a number", "1\n", "\(getpid())\n",
            LongText(String(repeating: "7", count: 9000)),
        ])
    func oldContent(argument: LongText) throws {
        let content = argument.text
        let daemon = try TestDaemon()
        try daemon.folder.write("d.pid", content)
        #expect(try daemon.ask("--status").code == (content.isEmpty ? 3 : 1))
        #expect(try daemon.launch().code == 0)
        #expect(daemon.folder.read("d.pid") == "\(try #require(daemon.pid))\n")
        #expect(try FileStatus(path: daemon.folder["d.pid"]).mode == 0o600)
        daemon.end()
    }

    @Test("The pid of a stranger in an unlocked pid file is never signalled")
    func stranger() throws {
        let daemon = try TestDaemon()
        let stranger = try daemon.folder.start("/bin/sleep", ["1000"])
        for action in ["--stop", "--reload", "--reopen-logs"] {
            try daemon.folder.write("d.pid", "\(stranger.processID)\n")
            _ = try daemon.ask(action)
        }
        #expect((try? Signal(rawValue: 0).send(to: stranger.processID)) != nil)
        #expect(try Child.reap(stranger.processID, waiting: false) == nil)
        stranger.send(.kill)
        _ = stranger.wait()
    }

    @Test("After kill -9 the next start goes well, and --stop and --status tell the truth")
    func killed() throws {
        let daemon = try TestDaemon()
        for _ in 0..<5 {
            #expect(try daemon.launch().code == 0)
            let process = try ProcessHandle(pid: try #require(daemon.pid))
            try process.send(.kill)
            #expect(process.waitForEnd(.seconds(10)))
            #expect(daemon.folder.exists("d.pid"))
            #expect(try daemon.ask("--status").code == 1)
        }
        #expect(try daemon.ask("--stop").code == 0)
        #expect(!daemon.folder.exists("d.pid"))
        #expect(try daemon.ask("--status").code == 3)
    }

    @Test(
        "Anything but a regular file in its place is refused by name and stays as it is",
        arguments: [
            ("symlink", "is a symbolic link"), ("fifo", "is a fifo"), ("folder", "is a directory"),
            ("hardlink", "has another name"), ("socket", "is a socket"),
        ])
    func wrongKind(kind: String, text: String) throws {
        let daemon = try TestDaemon()
        try daemon.folder.write("target", "precious")
        let path = daemon.folder["d.pid"]
        switch kind {
        case "symlink": #expect(symlink(daemon.folder["target"], path) == 0)
        case "fifo": #expect(mkfifo(path, 0o600) == 0)
        case "folder": #expect(mkdir(path, 0o700) == 0)
        case "hardlink": #expect(link(daemon.folder["target"], path) == 0)
        default:
            let socket = try Socket.open(AF_UNIX, .stream)
            try Socket.bind(socket.number, to: .unix(path))
        }
        let before = try FileStatus(path: path).identity
        let outcome = try daemon.launch()
        #expect(outcome.code == 1)
        #expect(
            outcome.errors == "faultd: pid file \(path): \(text)\n" || outcome.errors.contains("\(path): \(text)"),
            "\(outcome.errors)")
        #expect(daemon.folder.read("target") == "precious")
        #expect(try FileStatus(path: path).identity == before)
        #expect(!daemon.folder.exists("d.log"))
    }

    @Test("A dangling link is refused too, and no file is made through it")
    func danglingLink() throws {
        let daemon = try TestDaemon()
        #expect(symlink(daemon.folder["nowhere"], daemon.folder["d.pid"]) == 0)
        #expect(try daemon.launch().errors.contains("is a symbolic link"))
        #expect(!daemon.folder.exists("nowhere"))
    }

    @Test("A missing folder, a file as folder, and a name that is too long are one clear line")
    func missingFolder() throws {
        let daemon = try TestDaemon()
        try daemon.folder.write("file", "")
        for (path, cause) in [
            (daemon.folder["no/d.pid"], "No such file or directory"), (daemon.folder["file/d.pid"], "Not a directory"),
            (daemon.folder[String(repeating: "x", count: 300)], "File name too long"),
        ] {
            let outcome = try daemon.folder.run(
                Product.faultd, ["--pid-file", path, "--log-file", daemon.folder["l"]])
            #expect(outcome.code == 1)
            #expect(outcome.errors == "faultd: pid file \(path): \(cause)\n")
        }
        #expect(!daemon.folder.exists("l"))
    }

    @Test("Cleaning up leaves the file of a successor alone")
    func successor() throws {
        let daemon = try TestDaemon()
        let running = try daemon.foreground()
        #expect(unlink(daemon.folder["d.pid"]) == 0)
        try daemon.folder.write("d.pid", "successor\n")
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
        #expect(daemon.folder.read("d.pid") == "successor\n")
    }

    @Test("The lock survives whatever else closes the file")
    func lockStays() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.launch().code == 0)
        // With fcntl locks, any process that opens and closes the file within the owner would lose them.
        for _ in 0..<10 {
            _ = try daemon.ask("--status")
            _ = daemon.folder.read("d.pid")
        }
        #expect(daemon.pid != nil)
        #expect(try daemon.launch().code == 1)
        daemon.end()
    }

    @Test(
        "A full disk is one clear line, exit 1, and nothing half-done", .enabled(if: Machine.canUnshare, "needs root"))
    func fullDisk() throws {
        let daemon = try TestDaemon()
        #expect(mkdir(daemon.folder["small"], 0o755) == 0)
        let outcome = try daemon.folder.shell(
            """
            exec unshare -m sh -c '
              mount -t tmpfs -o size=16k,nr_inodes=4 none "$2/small" || exit 77
              dd if=/dev/zero of="$2/small/fill" bs=1k count=64 2>/dev/null
              "$1" --pid-file "$2/small/d.pid" --log-file "$2/l"; echo "code $?"
              ls "$2/small"' sh "$@"
            """, Product.faultd, [daemon.folder.path])
        let path = daemon.folder["small/d.pid"]
        #expect(outcome.errors.contains("pid file \(path): No space left on device"), "\(outcome)")
        #expect(outcome.output == "code 1\nfill\n")
    }
}
