import Foundation
import Testing
import Unix

@Suite("The log: reopened, escaped, never in the way", .blocking, .timeLimit(.minutes(20)))
struct LogTests {
    @Test("HUP moves to a new file whose first line says so; nothing more goes to the old one")
    func reopen() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.launch("--fault-output", daemon.folder["report"]).code == 0)
        #expect(eventually { daemon.report(holds: "registered") })
        let pid = try #require(daemon.pid)
        #expect(rename(daemon.folder["d.log"], daemon.folder["old.log"]) == 0)
        daemon.signal(.hangup)
        #expect(eventually { daemon.folder.lines("d.log").contains { $0.contains("this reload handler fails") } })
        #expect(daemon.folder.lines("d.log")[0].hasSuffix(" NOTICE Reopening log files after receiving SIGHUP"))
        #expect(daemon.folder.lines("old.log").count == 1)
        let look = try daemon.folder.shell("for i in 1 2; do readlink /proc/$2/fd/$i; done", "", ["\(pid)"])
        #expect(look.output == "\(daemon.folder["d.log"])\n\(daemon.folder["d.log"])\n")
        daemon.end()
    }

    @Test(
        "A file that cannot be reopened: the old one is kept and told why, and the daemon goes on",
        arguments: ["folder", "symlink", "missing"])
    func cannotReopen(obstacle: String) throws {
        let daemon = try TestDaemon(logFile: "logs.d")
        // The log lies in a folder of its own, which goes away.
        let folder = daemon.folder
        #expect(mkdir(folder["logs"], 0o755) == 0)
        let files = ["--pid-file", folder["d.pid"], "--log-file", folder["logs/d.log"]]
        #expect(try folder.run(Product.faultd, files).code == 0)
        #expect(rename(folder["logs/d.log"], folder["kept.log"]) == 0)
        switch obstacle {
        case "folder": #expect(mkdir(folder["logs/d.log"], 0o755) == 0)
        case "symlink": #expect(symlink("/etc/passwd", folder["logs/d.log"]) == 0)
        default: #expect(rmdir(folder["logs"]) == 0)
        }
        daemon.signal(.hangup)
        let texts = [
            "folder": "is a directory", "symlink": "is a symbolic link", "missing": "No such file or directory",
        ]
        #expect(
            eventually {
                folder.read("kept.log").contains(
                    "keeping the old file: log file \(folder["logs/d.log"]): \(texts[obstacle] ?? "")")
            })
        #expect(daemon.pid != nil)
        daemon.end()
        #expect(folder.read("kept.log").contains("daemon shutdown"))
    }

    @Test(
        "A log in a wrong place is one clear line, exit 1, and nothing is left behind",
        arguments: [
            ("folder", "is a directory"), ("fifo", "is a fifo"),
            ("symlink", "is a symbolic link: --log-file - is standard error"),
            ("missing", "No such file or directory"), ("full", "No space left on device"),
        ])
    func wrongPlace(kind: String, text: String) throws {
        let daemon = try TestDaemon()
        var path = daemon.folder["d.log"]
        switch kind {
        case "folder": #expect(mkdir(path, 0o755) == 0)
        case "fifo": #expect(mkfifo(path, 0o600) == 0)
        case "symlink": #expect(symlink("/dev/null", path) == 0)
        case "missing": path = daemon.folder["no/d.log"]
        default: path = "/dev/full"
        }
        for mode in [[], ["-f"]] {
            let outcome = try daemon.folder.run(
                Product.faultd, ["--pid-file", daemon.folder["d.pid"], "--log-file", path] + mode)
            #expect(outcome.code == 1)
            #expect(outcome.errors.contains("log file \(path): \(text)\n"), "\(outcome.errors)")
            #expect(!daemon.folder.exists("d.pid"))
        }
    }

    @Test(
        "An unprivileged user without permission gets one clear line",
        .enabled(if: Machine.isRoot && Machine.has("setpriv"), "needs root and setpriv"))
    func unprivileged() throws {
        let daemon = try TestDaemon()
        #expect(mkdir(daemon.folder["mine"], 0o755) == 0 && chown(daemon.folder["mine"], 54321, 54321) == 0)
        let script = """
            cp "$1" "$2/faultd"; chmod 755 "$2/faultd"
            exec setpriv --reuid 54321 --regid 54321 --clear-groups "$2/faultd" "${@:3}"
            """
        func start(_ pidFile: String, _ logFile: String) throws -> TestProcess.Outcome {
            try daemon.folder.shell(
                script, Product.faultd,
                [daemon.folder.path, "--pid-file", daemon.folder[pidFile], "--log-file", daemon.folder[logFile]])
        }
        #expect(
            try start("x.pid", "mine/l").errors == "faultd: pid file \(daemon.folder["x.pid"]): Permission denied\n")
        let log = try start("mine/d.pid", "x.log")
        #expect(log.code == 1)
        #expect(
            log.errors
                == "Error when starting the daemon process: log file \(daemon.folder["x.log"]): Permission denied\n")
        #expect(!daemon.folder.exists("mine/d.pid"))
        #expect(try start("mine/d.pid", "mine/l").code == 0)
        let pid = try #require(daemon.folder.holder(of: "mine/d.pid"))
        let process = try ProcessHandle(pid: pid)
        try process.send(.terminate)
        #expect(process.waitForEnd(.seconds(30)))
        #expect(!daemon.folder.exists("mine/d.pid"))
    }

    @Test("The foreground writes to standard error and the file; '-' only to standard error; the terminal stays at HUP")
    func foreground() throws {
        let daemon = try TestDaemon()
        let running = try daemon.foreground()
        #expect(eventually { running.standardError.contains("startup") && daemon.log.contains("startup") })
        let before = try daemon.folder.shell("readlink /proc/$2/fd/1 /proc/$2/fd/2", "", ["\(running.processID)"])
            .output
        running.send(.hangup)
        #expect(eventually { running.standardError.contains("Reopening") && daemon.log.contains("Reopening") })
        #expect(
            try daemon.folder.shell("readlink /proc/$2/fd/1 /proc/$2/fd/2", "", ["\(running.processID)"]).output
                == before)
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
        let only = try daemon.folder.start(
            Product.faultd, ["-f", "--pid-file", daemon.folder["d.pid"], "--log-file", "-"])
        #expect(eventually { only.standardError.contains("startup") && daemon.pid == only.processID })
        only.send(.hangup)
        #expect(eventually { only.standardError.contains("Reopening") })
        only.send(.terminate)
        #expect(only.wait() == .exited(0))
        #expect(!Files.names(in: daemon.folder.path).contains("-"))
    }

    @Test("Debug messages only with --debug; JSON is one object a line with the metadata of the record")
    func formats() throws {
        let daemon = try TestDaemon()
        let running = try daemon.foreground("--log-format", "json", "-d")
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
        let lines = daemon.folder.lines("d.log")
        for line in lines {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(object["name"] as? String == "faultd" && object["pid"] as? Int == Int(running.processID))
            #expect(
                (object["time"] as? String)?.contains(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/)
                    == true)
        }
        #expect(lines.contains { $0.contains("\"level\":\"DEBUG\",") && $0.contains("received SIGTERM, stopping") })
        let quiet = try TestDaemon()
        let second = try quiet.foreground()
        second.send(.terminate)
        #expect(second.wait() == .exited(0) && !quiet.log.contains("DEBUG"))
    }

    @Test("A symbolic link, such as /dev/stdout, is refused with what to say instead")
    func link() throws {
        let daemon = try TestDaemon()
        #expect(symlink("/dev/stdout", daemon.folder["d.log"]) == 0)
        let outcome = try daemon.launch()
        #expect(outcome.code == 1 && outcome.errors.hasSuffix(": is a symbolic link: --log-file - is standard error\n"))
    }

    @Test("Mode and group of the log are as asked for, also of the file behind a rotation")
    func access() throws {
        let daemon = try TestDaemon()
        let group = Machine.isRoot ? 54322 : getgid()
        let running = try daemon.foreground("--log-mode", "0640", "--log-group", "\(group)")
        func isRight() -> Bool {
            guard let status = try? FileStatus(path: daemon.folder["d.log"]) else { return false }
            return status.mode == 0o640 && status.group == group
        }
        #expect(isRight())
        #expect(rename(daemon.folder["d.log"], daemon.folder["old"]) == 0)
        running.send(.hangup)
        #expect(eventually { isRight() })
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
    }

    @Test("A time zone's file that has changed counts from the next SIGHUP on")
    func zone() throws {
        let daemon = try TestDaemon()
        func write(_ name: String) throws {
            // A zone without rules: six counts of nothing but one type and its name. tzfile(5)
            var bytes = Array("TZif".utf8) + [UInt8](repeating: 0, count: 16)
            for count in [0, 0, 0, 0, 1, 4] as [UInt8] { bytes += [0, 0, 0, count] }
            bytes += [0, 0, 0x0E, 0x10, 0, 0] + Array(name.utf8) + [0]
            try Data(bytes).write(to: URL(fileURLWithPath: daemon.folder[name]))
            #expect(rename(daemon.folder[name], daemon.folder["zone"]) == 0)
        }
        try write("ONE")
        let running = try daemon.foreground(environment: ["TZ": ":\(daemon.folder["zone"])"])
        #expect(daemon.log.contains(" ONE: "))
        try write("TWO")
        running.send(.hangup)
        #expect(eventually { daemon.log.contains(" TWO: faultd") }, "\(daemon.log)")
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
    }

    @Test("A burst into a pipe that is being read arrives, whole records of any length")
    func burst() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.folder.shell(
            """
            { "$1" "${@:2}" -f --log-file - --fault-main write-log --fault-threads 1 --fault-count 20000 \
                --fault-output '\(daemon.folder["report"])' 2>&1 >/dev/null & p=$!
              until grep -qs written '\(daemon.folder["report"])'; do sleep .05; done; kill $p; wait $p; } | cat
            """, Product.faultd, daemon.files)
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.count { $0.contains(" INFO line x 0 ") } == 20_000)
        #expect(!outcome.output.contains("were lost"))
    }

    @Test("A stream socket as the journal's gets a burst as a whole, though its reader comes late")
    func lateReader() throws {
        let daemon = try TestDaemon()
        let ends = try Socket.pair()
        let words = ["-f", "--pid-file", daemon.folder["d.pid"], "--log-file", "-", "--fault-main", "write-log"]
        let running = try daemon.folder.start(
            Product.faultd, words + ["--fault-threads", "1", "--fault-count", "20000"],
            descriptors: [(2, ends.1)])
        defer { Descriptor.close(ends.0) }
        #expect(eventually { !Poll.writable(ends.1, timeout: .zero) })
        // As late as a busy machine makes it.
        Poll.pause(.milliseconds(300))
        Descriptor.close(ends.1)
        let daemonPID = running.processID
        var (bytes, buffer): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 1 << 16))
        while let count = try? Descriptor.read(ends.0, into: &buffer), count > 0 {
            bytes += buffer[..<count]
            if bytes.suffix(64).contains(10), String(decoding: bytes.suffix(200), as: UTF8.self).contains(" 19999\n") {
                try Signal.terminate.send(to: daemonPID)
            }
        }
        #expect(running.wait() == .exited(0))
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        #expect(lines.count { $0.contains(" INFO line x 0 ") } == 20_000)
        #expect(!lines.contains { $0.contains("were lost") })
    }

    @Test("When standard error is the journal, lines carry the priority and no time")
    func journal() throws {
        let daemon = try TestDaemon()
        let outcome = try daemon.folder.shell(
            """
            exec 2>"$2/journal"
            JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) "$1" -f --pid-file "$2/d.pid" --log-file - --fault-output "$2/report" & p=$!
            until grep -qs registered "$2/report"; do :; done; kill $p; wait $p
            """, Product.faultd, [daemon.folder.path])
        #expect(outcome.code == 0)
        let lines = daemon.folder.lines("journal")
        #expect(lines.first?.contains(/^<5>faultd pid=\d+ NOTICE faultd daemon startup$/) == true, "\(lines)")
    }

    @Test(
        "A full log never ends the daemon nor blocks it; the loss is counted, and told when it works again",
        .enabled(if: Machine.canUnshare, "needs root"))
    func fullDisk() throws {
        let daemon = try TestDaemon()
        #expect(mkdir(daemon.folder["small"], 0o755) == 0)
        let outcome = try daemon.folder.shell(
            """
            exec unshare -m bash -c '
              mount -t tmpfs -o size=64k none "$2/small" || exit 77
              "$1" --pid-file "$2/d.pid" --log-file "$2/small/d.log" --fault-main write-log --fault-count 100000000 --fault-threads 2 \
                --fault-pace 200 || exit 1
              until [ "$(stat -c %s "$2/small/d.log")" -ge 65536 ]; do :; done
              pid=$(cat "$2/d.pid"); kill -0 $pid || exit 2
              mv "$2/small/d.log" "$2/old.log"; kill -HUP $pid
              until grep -q "records were lost" "$2/small/d.log" 2>/dev/null; do :; done
              kill $pid; while kill -0 $pid 2>/dev/null; do :; done
              cp "$2/small/d.log" "$2/new.log"' bash "$@"
            """.replacingOccurrences(of: "100000000", with: "1000000"), Product.faultd, [daemon.folder.path])
        #expect(outcome.code == 0, "\(outcome)")
        #expect(daemon.folder.read("new.log").contains(/WARNING \d+ log records were lost: No space left on device\n/))
        #expect(daemon.isClean)
    }

    @Test("A standard error that nobody reads blocks nothing")
    func stalledPipe() throws {
        let daemon = try TestDaemon()
        let pipe = try FileDescriptor.pipe()
        let running = try daemon.folder.start(
            Product.faultd,
            daemon.files + [
                "-f", "--fault-main", "write-log", "--fault-count", "5000", "--fault-threads", "2", "--fault-output",
                daemon.folder["report"],
            ],
            descriptors: [(2, pipe.write.number)])
        #expect(eventually { daemon.report(holds: "written") })
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
        #expect(daemon.log.split(separator: "\n").count(where: { $0.contains("INFO line") }) == 10_000)
    }

    @Test("Descriptors do not grow over 1,000 HUPs")
    func descriptors() throws {
        let daemon = try TestDaemon()
        #expect(try daemon.launch("--fault-output", daemon.folder["report"]).code == 0)
        #expect(eventually { daemon.report(holds: "registered") })
        let pid = try #require(daemon.pid)
        daemon.signal(.hangup)
        #expect(eventually { daemon.log.contains("this reload handler fails") })
        /// What each of its descriptors is.
        func open() -> [String] {
            Files.names(in: "/proc/\(pid)/fd").compactMap { Files.linkTarget("/proc/\(pid)/fd/\($0)") }.sorted()
        }
        var before: [String] = []
        var seen = 1
        for number in 0..<1000 {
            // What is made at the first use is there by then.
            if number == 100 { before = open() }
            daemon.signal(.hangup)
            // Each is waited for, so that none is joined with the next.
            #expect(eventually { (try? FileStatus(path: daemon.folder["d.log"]).size).map { Int($0) > seen } ?? false })
            seen = Int((try? FileStatus(path: daemon.folder["d.log"]).size) ?? 0)
        }
        // One or two may have been open for a moment when they were counted.
        #expect(eventually { open().count <= before.count + 2 }, "\(before) \(open())")
        daemon.end()
    }
}
