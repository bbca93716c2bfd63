import Foundation
import Testing
import Unix

@Suite("What a daemon inherits, and what its children do", .blocking, .timeLimit(.minutes(20)))
struct InheritanceTests {
    @Test(
        "Descriptors 0 to 2 closed in any combination: it starts, and they are valid in the daemon",
        arguments: [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]])
    func closedStandard(closed: [Int]) throws {
        let daemon = try TestDaemon()
        let closing = closed.map { "exec \($0)>&-;" }.joined()
        let outcome = try daemon.folder.shell(
            "\(closing) exec \"$1\" --pid-file \"$2/d.pid\" --log-file \"$2/d.log\"", Product.faultd,
            [daemon.folder.path])
        #expect(outcome.code == 0)
        let pid = try #require(daemon.pid)
        let look = try daemon.folder.shell("for i in 0 1 2; do readlink /proc/$2/fd/$i; done", "", ["\(pid)"])
        #expect(look.output == "/dev/null\n\(daemon.folder["d.log"])\n\(daemon.folder["d.log"])\n")
        daemon.end()
        let refused = try daemon.folder.shell(
            "\(closing) exec \"$1\" --pid-file \"$2/no/d.pid\"", Product.faultd, [daemon.folder.path])
        #expect(refused.code == 1)
    }

    @Test(
        "A closed standard descriptor that cannot be opened is one clear line and a failure, in each executable",
        .enabled(if: Machine.canUnshare, "needs root"),
        arguments: [
            ("start_server", "--port=0 -- sleep 600"), ("daemonctl", "list"), ("masterd", "--check"),
            ("echod", "--check"),
        ])
    func noNull(program: String, arguments: String) throws {
        let folder = try TestDirectory(mode: 0o755)
        // Nobody can open a socket's file.
        let socket = try Socket.open(SocketAddress.unix("/").family, .stream)
        try Socket.bind(socket.number, to: .unix(folder["socket"]))
        let outcome = try folder.shell(
            "exec unshare -m sh -c 'mount --bind \"$2/socket\" /dev/null || exit 77; exec \"$1\" \(arguments) <&-' sh \"$@\"",
            "\(Product.directory)/\(program)", [folder.path])
        #expect(outcome.code != 0 && outcome.code != 77)
        #expect(outcome.errors == "\(program): cannot open /dev/null: No such device or address\n")
    }

    @Test("Blocked and ignored signals of the caller are reset: it can be stopped and reloaded")
    func signals() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.folder.shell(
            """
            trap '' TERM HUP INT USR1 CHLD PIPE
            exec python3 -c '
            import os, signal, sys
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
            os.execv(sys.argv[1], sys.argv[1:])' "$1" --pid-file "$2/d.pid" --log-file "$2/d.log"
            """, Product.faultd, [daemon.folder.path])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let pid = try #require(daemon.pid)
        let look = try daemon.folder.shell("grep -E '^Sig(Blk|Ign)' /proc/$2/status", "", ["\(pid)"])
        #expect(look.output == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n")
        daemon.end()
        #expect(daemon.isClean)
    }

    @Test("Stray descriptors are closed, also above the limit and with a limit of a million")
    func strayDescriptors() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.folder.shell(
            """
            ulimit -n 1000000 2>/dev/null || ulimit -n 4096
            exec 5</etc/passwd 77</etc/passwd 3000</etc/passwd
            ulimit -Sn 64
            exec "$1" --pid-file "$2/d.pid" --log-file "$2/d.log"
            """, Product.faultd, [daemon.folder.path])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let pid = try #require(daemon.pid)
        let look = try daemon.folder.shell("ls -l /proc/$2/fd", "", ["\(pid)"])
        #expect(!look.output.contains("passwd"))
        daemon.end()
    }

    @Test("The caller's pipe is let go: reading its end returns when the launcher does")
    func callersPipe() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.folder.shell(
            "x=$(\"$1\" --pid-file \"$2/d.pid\" --log-file \"$2/d.log\" 2>&1); echo \"[$x] $?\"",
            Product.faultd, [daemon.folder.path])
        #expect(outcome.output == "[] 0\n")
        #expect(daemon.pid != nil)
        daemon.end()
    }

    @Test(
        "No process left to fork, or no descriptor: one clear line, and nothing half-done",
        .enabled(if: Machine.isRoot && Machine.has("setpriv"), "needs root and setpriv"))
    func limits() throws {
        let daemon = try TestDaemon()
        #expect(chmod(daemon.folder.path, 0o777) == 0)
        let outcome = try daemon.folder.shell(
            """
            cp "$1" "$2/faultd"; chmod 755 "$2/faultd"
            exec setpriv --reuid 54321 --regid 54321 --clear-groups bash -c 'ulimit -u 1; \
              exec "$2/faultd" --pid-file "$2/d.pid" --log-file "$2/d.log"' bash "$@"
            """, Product.faultd, [daemon.folder.path])
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("cannot fork: Resource temporarily unavailable"), "\(outcome)")
        #expect(daemon.isClean)
        // Where others may change what lies at a name, a root without a descriptor to look with removes nothing.
        #expect(chmod(daemon.folder.path, 0o755) == 0)
        for limit in 3...12 {
            let outcome = try daemon.folder.shell(
                "ulimit -n \(limit); exec \"$1\" --pid-file \"$2/d.pid\" --log-file \"$2/d.log\"",
                Product.faultd, [daemon.folder.path])
            if outcome.code == 0 {
                daemon.end()
            } else if !outcome.errors.contains("error while loading shared libraries") {
                #expect(outcome.code == 1)
                #expect(
                    outcome.errors.contains("Too many open files") || outcome.errors.contains("pipe"),
                    "\(limit): \(outcome)")
            }
            #expect(daemon.isClean)
        }
    }

    @Test(
        "Children get no blocked or ignored signal, no descriptor of ours and no internal variable",
        arguments: [["--fault-main", "child"], ["--fault-async", "--fault-main", "fork-pool"]])
    func children(mode: [String]) throws {
        let daemon = try TestDaemon()
        let report = daemon.folder["child"]
        let outcome = try daemon.folder.run(
            Product.faultd, daemon.files + ["--fault-output", report] + mode,
            environment: [
                "NOTIFY_SOCKET": daemon.folder["notify"], "WATCHDOG_USEC": "1000000", "LISTEN_FDS": "0",
                "SERVER_STARTER_GENERATION": "3", "SERVER_STARTER_PORT": "",
            ])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(eventually { daemon.folder.read("child").hasPrefix("SigBlk") })
        let lines = daemon.folder.lines("child")
        // glibc's posix_spawn itself ignores its two internal signals, 32 and 33, in the child.
        let ignored = lines.dropFirst().first.flatMap { UInt64($0.dropFirst(8), radix: 16) } ?? .max
        #expect(lines.first == "SigBlk:\t0000000000000000" && ignored & ~0x1_8000_0000 == 0)
        // The shell's own: its standard descriptors, and at most its script and the listing's folder.
        let numbers =
            lines.count > 2 ? lines[2].split(whereSeparator: { ", ".contains($0) }).compactMap { Int($0) } : []
        #expect(numbers.allSatisfy { $0 <= 2 || $0 >= 10 }, "\(numbers)")
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "SERVER_STARTER", "DAEMONKIT"] {
            #expect(!lines.contains { $0.hasPrefix(name) })
        }
        #expect(eventually { daemon.log.contains("child ended: exited(0)") } || mode.contains("--fault-async"))
        daemon.end()
    }
}
