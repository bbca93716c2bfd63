import Foundation
import Testing
import Unix

import let DaemonKit.releaseVersion

@Suite("Acting on the running instance, and the command line", .blocking, .timeLimit(.minutes(20)))
struct ControlTests {
    @Test("--status, --stop, --reload and --reopen-logs have LSB's codes in each state")
    func codes() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.ask("--status").code == 3)
        #expect(try daemon.ask("--stop").code == 0)
        #expect(try daemon.ask("--reload").code == 7)
        #expect(try daemon.ask("--reopen-logs").code == 7)
        #expect(try daemon.launch().code == 0)
        let pid = try #require(daemon.pid)
        let status = try daemon.ask("--status")
        #expect(status.code == 0 && status.output == "faultd is running (pid \(pid))\n")
        #expect(try daemon.ask("--reload").code == 0)
        #expect(try daemon.ask("--reopen-logs").code == 0)
        let stop = try daemon.ask("--stop")
        #expect(stop.code == 0 && stop.output == "faultd (pid \(pid)) stopped\n")
        #expect(daemon.isClean)
        #expect(mkdir(daemon.folder["d.pid"], 0o700) == 0)
        #expect(try daemon.ask("--status").code == 4)
        #expect(try daemon.ask("--stop").code == 4)
    }

    @Test("Two actions at once, and mistakes of every kind, are told together: exit 2, nothing created")
    func mistakes() throws {
        let daemon = try TestDaemon(Product.echod)
        let outcome = try daemon.folder.run(
            Product.echod,
            daemon.files + [
                "--frob", "-p", "70000", "--st", "-fzd", "foo", "--foreground=3", "-b", "host:80", "--status", "--stop",
                "--help", "--max-connections",
            ])
        #expect(outcome.code == 2)
        #expect(outcome.output.isEmpty)
        for text in [
            "unknown option '--frob'", "option '-p': '70000' is not a port (1 to 65535)",
            "option '--st' is ambiguous: --start-timeout, --status, --stop", "unknown option '-z' in '-fzd'",
            "unexpected argument 'foo'", "option '--foreground' doesn't allow an argument, but '3' was given",
            "option '-b': 'host:80' has no numeric address, and names are not looked up: 'host'",
            "'--status' and '--stop' exclude each other",
            "option '--max-connections' requires an argument (N)",
        ] {
            #expect(
                outcome.errors.contains("echod: \(text)") || outcome.errors.contains(text), "\(text)\n\(outcome.errors)"
            )
        }
        #expect(!daemon.folder.exists("d.pid") && !daemon.folder.exists("d.log"))
    }

    @Test(
        "Ports are 1 to 65535, never wrapped",
        arguments: ["70000", "-1", "0x50", "80x", "", "0", "65536", "+80", " 80"])
    func ports(text: String) throws {
        let folder = try TestDirectory(mode: 0o755)
        let outcome = try folder.run(Product.echod, ["--check", "-p", text])
        #expect(outcome.code == 2)
        #expect(outcome.errors.contains("option '-p': '\(text)' is not a port (1 to 65535)"))
        #expect(try folder.run(Product.echod, ["--check", "-p", "65535"]).code == 0)
    }

    @Test("Help, version and completion go to standard output, exit 0, and load in their shells")
    func information() throws {
        let folder = try TestDirectory(mode: 0o755)
        let help = try folder.run(Product.echod, ["--help"])
        #expect(help.code == 0 && help.output.contains("--port=PORT") && help.output.contains("(default 7)"))
        #expect(try folder.run(Product.echod, ["-V"]).output == "echod \(releaseVersion)\n")
        let lines = try folder.run(Product.echod, ["--help-completion"]).output.split(separator: "\n").map(String.init)
        for line in [
            "-f,--foreground none", "-p,--port integer", "-b,--bind inetaddr", "--syslog choices=no,yes,only",
            "--pid-file file", "--chroot dir", "-u,--user string",
        ] { #expect(lines.contains(line), "\(line)") }
        #expect(
            lines.allSatisfy { $0.contains(/^(-\w,)?--[a-z-]+ (none|integer|string|file|dir|inetaddr|choices=\S+)$/) })
        for shellName in ["bash", "zsh", "fish"] {
            let script = try folder.run(Product.echod, ["--generate-completion-script", shellName])
            #expect(script.code == 0 && script.output.contains("max-connections"))
            try folder.write(shellName, script.output)
            guard Machine.has(shellName), let path = Machine.find(shellName) else { continue }
            #expect(try folder.run(path, ["-n", folder[shellName]]).code == 0)
        }
        let complete = try folder.shell(
            ". \"$2/bash\"; COMP_WORDS=(echod --chr); COMP_CWORD=1; _echod; echo \"${COMPREPLY[@]}\"; "
                + "COMP_WORDS=(echod --syslog o); COMP_CWORD=2; _echod; echo \"${COMPREPLY[@]}\"", "", [folder.path])
        #expect(complete.output == "--chroot\nonly\n", "\(complete)")
    }

    @Test("A full standard output is a failure, not a success without words")
    func fullOutput() throws {
        let folder = try TestDirectory(mode: 0o755)
        #expect(try folder.shell("exec \"$1\" --help >/dev/full", Product.echod, []).code == 1)
    }
}

@Suite("Privileges", .enabled(if: Machine.isRoot, "needs root"), .blocking, .timeLimit(.minutes(20)))
struct PrivilegeTests {
    @Test("--user and --group: all ids and groups are changed for good; log and pid file stay its own")
    func drop() throws {
        let daemon = try TestDaemon()
        #expect(chown(daemon.folder.path, 65534, 65534) == 0)
        let outcome = try daemon.launch("-u", "nobody", "-g", "nogroup", "--fault-listen", daemon.folder["s"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let pid = try #require(daemon.pid)
        let look = try daemon.folder.shell(
            "grep -E '^(Uid|Gid|Groups|CapEff|CapPrm):' /proc/$2/status", "", ["\(pid)"])
        #expect(
            look.output.contains("Uid:\t65534\t65534\t65534\t65534\n")
                && look.output.contains("Gid:\t65534\t65534\t65534\t65534\n"))
        #expect(look.output.contains("CapEff:\t0000000000000000\n"))
        #expect(try FileStatus(path: daemon.folder["d.log"]).owner == 65534)
        #expect(rename(daemon.folder["d.log"], daemon.folder["old"]) == 0)
        daemon.signal(.hangup)
        #expect(eventually { daemon.log.contains("Reopening") })
        daemon.end()
        #expect(daemon.isClean)
    }

    @Test("Where it may no longer change its pid file, that stays; --status says dead, root's --stop removes it")
    func noRightToRemove() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.launch("-u", "nobody").code == 0)
        let pid = try #require(daemon.pid)
        daemon.end()
        // Who could empty root's file could name another process in it.
        #expect(daemon.folder.read("d.pid") == "\(pid)\n")
        #expect(try daemon.ask("--status").code == 1)
        #expect(try daemon.ask("--stop").code == 0)
        #expect(daemon.isClean)
    }

    @Test(
        "An unknown user or group is named; a wrong user is refused unless --no-user-checks",
        .enabled(if: Machine.has("setpriv"), "needs setpriv"))
    func wrongUser() throws {
        let daemon = try TestDaemon()
        let unknown = try daemon.launch("-u", "nosuchuser")
        #expect(unknown.code == 1 && unknown.errors == "faultd: cannot find user id for 'nosuchuser'\n")
        #expect(try daemon.launch("-g", "nosuchgroup").errors == "faultd: cannot find group id for 'nosuchgroup'\n")
        #expect(mkdir(daemon.folder["mine"], 0o755) == 0 && chown(daemon.folder["mine"], 54321, 54321) == 0)
        func start(_ more: String...) throws -> TestProcess.Outcome {
            try daemon.folder.shell(
                """
                cp "$1" "$2/faultd"; chmod 755 "$2/faultd"
                exec setpriv --reuid 54321 --regid 54321 --clear-groups "$2/faultd" --pid-file "$2/mine/d.pid" \
                  --log-file "$2/mine/l" "${@:3}"
                """, Product.faultd, [daemon.folder.path] + more)
        }
        #expect(
            try start("-u", "nobody").errors == "faultd: faultd started using wrong user ID (54321), expected 65534\n")
        #expect(try start("-u", "nobody", "--no-user-checks").code == 0)
        let pid = try #require(daemon.folder.holder(of: "mine/d.pid"))
        let process = try ProcessHandle(pid: pid)
        try process.send(.terminate)
        #expect(process.waitForEnd(.seconds(30)))
        #expect(try start("-u", "54321", "--check").code == 0)
    }

    @Test(
        "--chroot without /proc: an async main is refused with the cure, for Dispatch would end the process later",
        arguments: [["--fault-async"], ["--fault-async-prepare"], ["--fault-async", "--fault-no-prepare"]])
    func chrootWithoutProcesses(mode: [String]) throws {
        let daemon = try TestDaemon()
        #expect(mkdir(daemon.folder["root"], 0o755) == 0)
        let outcome = try daemon.folder.run(
            Product.faultd, daemon.arguments(["--chroot", daemon.folder["root"]] + mode))
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("there is no /proc in this root: mount it there"), "\(outcome.errors)")
        #expect(eventually { daemon.isClean })
    }

    @Test("--chroot: the log is still reopened, the pid file still removed")
    func chroot() throws {
        let daemon = try TestDaemon()
        #expect(mkdir(daemon.folder["root"], 0o755) == 0)
        let outcome = try daemon.launch("--chroot", daemon.folder["root"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let pid = try #require(daemon.pid)
        let look = try daemon.folder.shell("readlink /proc/$2/root", "", ["\(pid)"])
        #expect(look.output == daemon.folder["root"] + "\n")
        #expect(rename(daemon.folder["d.log"], daemon.folder["old"]) == 0)
        daemon.signal(.hangup)
        #expect(eventually { daemon.log.contains("Reopening") })
        #expect(eventually { daemon.log.contains("ERROR reload: an async reload handler cannot run") })
        daemon.end()
        #expect(daemon.isClean)
    }

    @Test(
        "As process 1 of a container it reaps strangers' orphans, serves, and ends on TERM",
        .enabled(if: Machine.canUnshare, "needs namespaces"))
    func firstProcess() throws {
        let daemon = try TestDaemon(Product.echod)
        let unshare = try #require(Machine.find("unshare"))
        let running = try daemon.folder.start(
            unshare,
            ["-p", "-m", "-f", "--mount-proc", "--kill-child", Product.echod, "-f"] + daemon.arguments([]))
        #expect(eventually { (try? Client(.unix(daemon.folder["s"])).echoes("hello")) == true })
        // The first process of the name space: the child of unshare.
        let first = try #require(
            try daemon.folder.shell("cat /proc/$2/task/$2/children", "", ["\(running.processID)"]).output
                .split(separator: " ").first.flatMap { ProcessID($0.trimmingCharacters(in: .whitespaces)) })
        let orphan = try daemon.folder.shell(
            "nsenter -t $2 -p -m sh -c '(sleep 0.05 & exec true) & sleep 0.01'; echo done", "",
            ["\(first)"])
        #expect(orphan.output == "done\n")
        #expect(
            try eventually {
                let children = try daemon.folder.shell("cat /proc/$2/task/$2/children", "", ["\(first)"]).output
                return children.split(separator: " ").filter { !$0.allSatisfy(\.isWhitespace) }.count == 1
            })
        try Signal.terminate.send(to: first)
        #expect(running.wait() == .exited(0), "\(running.standardError)")
        #expect(daemon.isClean)
        let detached = try daemon.folder.run(
            unshare, ["-p", "-m", "-f", "--mount-proc", Product.echod] + daemon.arguments([]))
        #expect(detached.code == 1 && detached.errors.contains("is process 1: start it with --foreground"))
    }
}
