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
            let outcome = try run(daemon.folder, Product.faultd, daemon.files + mode)
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

    @Test("Of 100 starts at once exactly one wins, 20 times over")
    func hundredStarts() throws {
        for _ in 0..<20 {
            let daemon = try TestDaemon()
            let starts = try (0..<100).map { _ in try Running(daemon.folder, Product.faultd, daemon.files) }
            let codes = starts.map { $0.wait().shellCode }
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
        daemon.folder.write("d.pid", content)
        #expect(try daemon.ask("--status").code == (content.isEmpty ? 3 : 1))
        #expect(try daemon.launch().code == 0)
        #expect(daemon.folder.read("d.pid") == "\(try #require(daemon.pid))\n")
        #expect(try FileStatus(path: daemon.folder["d.pid"]).mode == 0o600)
        daemon.end()
    }

    @Test("The pid of a stranger in an unlocked pid file is never signalled")
    func stranger() throws {
        let daemon = try TestDaemon()
        let stranger = try Running(daemon.folder, "/bin/sleep", ["1000"])
        for action in ["--stop", "--reload", "--reopen-logs"] {
            daemon.folder.write("d.pid", "\(stranger.pid)\n")
            _ = try daemon.ask(action)
        }
        #expect((try? Signal(rawValue: 0).send(to: stranger.pid)) != nil)
        #expect(try Child.reap(stranger.pid, waiting: false) == nil)
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
        daemon.folder.write("target", "precious")
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
        daemon.folder.write("file", "")
        for (path, cause) in [
            (daemon.folder["no/d.pid"], "No such file or directory"), (daemon.folder["file/d.pid"], "Not a directory"),
            (daemon.folder[String(repeating: "x", count: 300)], "File name too long"),
        ] {
            let outcome = try run(
                daemon.folder, Product.faultd, ["--pid-file", path, "--log-file", daemon.folder["l"]])
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
        daemon.folder.write("d.pid", "successor\n")
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
        let outcome = try shell(
            daemon.folder,
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
