import Foundation
import Testing
import Unix

/// masterd in the foreground with standard error as its only log.
private final class Master {
    let folder: TestDirectory
    let running: TestProcess

    /// `wrapper`: what starts masterd. `descriptor`: its standard error.
    init(
        _ configuration: String, _ descriptors: [(child: Int32, ours: Int32)] = [], log: String = "-",
        under wrapper: (TestDirectory) -> [String] = { _ in [] }
    ) throws {
        folder = try TestDirectory(mode: 0o755)
        let services = configuration.replacing("FOLDER", with: folder.path)
        try folder.write("m.cfg", "global\n    control-socket \(folder.path)/control\n\(services)\n")
        let target: String = log == "-" ? log : folder[log]
        let files: [String] = ["-c", folder["m.cfg"], "--pid-file", folder["d.pid"], "--log-file", target]
        var words: [String] = wrapper(folder)
        words.append(Product.masterd)
        words.append("-f")
        words.append(contentsOf: files)
        running = try folder.start(words[0], Array(words.dropFirst()), descriptors: descriptors)
        #expect(
            eventually { (try? folder.ask("wait ready").contains("Success=1")) == true }, "\(running.standardError)")
    }

    /// It answers, sees its children die, reloads, and stops.
    func works(_ service: String) throws {
        for _ in 0..<20 { #expect(try folder.ask("show version").hasPrefix("0.")) }
        let before = try #require(try folder.pids(of: service).first)
        try Signal.kill.send(to: before)
        #expect(try eventually { try folder.pids(of: service).first.map { $0 != before } == true })
        #expect(try folder.ask("reload").hasPrefix("Success=1"))
    }

    func stop() {
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
    }
}

private func isFull(_ descriptor: Int32) -> Bool { !Poll.writable(descriptor, timeout: .zero) }

/// Masters whose log is not read: they answer, reap and stop all the same.
@Suite("Logs that nobody reads", .serialized, .blocking, .timeLimit(.minutes(20)))
struct UnreadLogTests {
    enum Reader: String, CaseIterable { case pipe, fifo, socket, terminal, stopped }

    private static let flood = """
        program flood
            command sh -c 'x=$(printf %05000d 0); while :; do echo $x; done'
            critical no
        program victim
            command sleep 1000
            restart always backoff 5ms 10ms
        """

    /// Two ends: of a reader that does not read, and of the log.
    private func ends(_ reader: Reader, _ folder: TestDirectory) throws -> (ours: Int32, theirs: Int32) {
        switch reader {
        case .pipe:
            let ends = try FileDescriptor.pipe().release()
            return (ends.read, ends.write)
        case .fifo:
            mkfifo(folder["fifo"], 0o600)
            let ours = try FileDescriptor.open(folder["fifo"], .nonBlocking).release()
            return (ours, try FileDescriptor.open(folder["fifo"], .writeOnly).release())
        case .socket: return try Socket.pair()
        case .terminal, .stopped:
            // pts(4): TIOCSPTLCK and TIOCGPTN.
            let ours = try FileDescriptor.open("/dev/ptmx", [.readWrite, .noControllingTerminal]).release()
            var (lock, number): (Int32, UInt32) = (0, 0)
            try #require(ioctl(ours, UInt(0x4004_5431), &lock) == 0 && ioctl(ours, UInt(0x8004_5430), &number) == 0)
            let path = "/dev/pts/\(number)"
            let terminal = try FileDescriptor.open(path, [.readWrite, .noControllingTerminal]).release()
            if reader == .stopped { tcflow(terminal, TCOOFF) }
            return (ours, terminal)
        }
    }

    @Test("masterd answers, reaps, reloads and stops while nobody reads its standard error", arguments: Reader.allCases)
    func masterd(reader: Reader) throws {
        let ends = try ends(reader, try TestDirectory(mode: 0o755))
        defer { for number in [ends.ours, ends.theirs] { Descriptor.close(number) } }
        let master = try Master(Self.flood, [(2, ends.theirs)])
        #expect(eventually { isFull(ends.theirs) })
        try master.works("victim")
        let metric = /daemonkit_log_lost_records_total{log="standard error"} \d+\n/
        #expect(eventually { (try? master.folder.ask("show metrics").firstMatch(of: metric)) ?? nil != nil })
        master.stop()
    }

    @Test(
        "and where it is another user's pipe, which cannot be opened once more",
        .enabled(if: Machine.isRoot && Machine.has("setpriv"), "needs root and setpriv"))
    func foreignPipe() throws {
        let ends = try FileDescriptor.pipe().release()
        defer { for number in [ends.read, ends.write] { Descriptor.close(number) } }
        let master = try Master(Self.flood, [(2, ends.write)]) { folder in
            chown(folder.path, 54321, 54321)
            let script = "cp \"$1\" \"$2/masterd\"; chmod 755 \"$2/masterd\"; folder=$2; shift 2; exec setpriv "
            return [
                "/bin/bash", "-c",
                script + "--reuid 54321 --regid 54321 --clear-groups \"$folder/masterd\" \"${@:2}\"", "bash",
                Product.masterd, folder.path,
            ]
        }
        #expect(eventually { isFull(ends.write) })
        try master.works("victim")
        master.stop()
    }

    @Test("what a pipe lost is counted in it, once it is read again, and every line is whole")
    func readAgain() throws {
        let ends = try FileDescriptor.pipe().release()
        try Descriptor.setNonBlocking(ends.read, true)
        defer { Descriptor.close(ends.read) }
        let command = "awk 'BEGIN { for (i = 1; i <= 20000; i++) print \"line \" i \" .\" }'"
        let master = try Master(
            "program talk\n    command sh -c \"\(command.replacing("\"", with: "\\\""))\"\n    critical no\n"
                + "    restart never\nprogram stays\n    command sleep 600", [(2, ends.write)])
        #expect(eventually { (try? master.folder.pids(of: "talk"))?.isEmpty == true })
        var tally = LogTally()
        // Others of the master's lines may be among those that were lost.
        #expect(
            eventually {
                tally.read(ends.read)
                return tally.lost > 0 && tally.whole + tally.lost >= 20_000
            }, "\(tally)")
        #expect(tally.whole < 20_000)
        Descriptor.close(ends.write)
        master.stop()
        tally.read(ends.read)
        #expect(tally.torn.isEmpty && tally.rest.isEmpty, "\(tally)")
    }

    /// What has come out of a pipe, each line looked at once.
    private struct LogTally {
        var whole = 0
        var lost = 0
        var torn: [String] = []
        var rest: [UInt8] = []

        mutating func read(_ pipe: Int32) {
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while let count = try? Descriptor.read(pipe, into: &buffer), count > 0 { rest += buffer[..<count] }
            guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { return }
            for line in String(decoding: rest[..<end], as: UTF8.self).split(separator: "\n") {
                if line.contains(#/^\d{4}-\d\d-\d\d .* masterd pid=\d+ INFO talk: line \d+ \.$/#) {
                    whole += 1
                } else if let match = line.firstMatch(of: /(\d+) log records were lost/) {
                    lost += Int(match.1) ?? 0
                } else if !line.contains(#/^\d{4}-\d\d-\d\d .* masterd pid=\d+ [A-Z]+ /#) {
                    torn.append(String(line))
                }
            }
            rest.removeSubrange(...end)
        }
    }

    @Test("a master that ends leaves what has waited and the count of the rest in the pipe that nobody has read")
    func ends() throws {
        let ends = try FileDescriptor.pipe().release()
        defer { Descriptor.close(ends.read) }
        let folder = try TestDirectory(mode: 0o755)
        try folder.write(
            "m.cfg", "program talk\n    command awk 'BEGIN { for (i = 1; i <= 40000; i++) print \"line \" i }'\n")
        let words = ["-f", "-c", folder["m.cfg"], "--pid-file", folder["d.pid"], "--log-file", "-"]
        let running = try folder.start(Product.masterd, words, descriptors: [(2, ends.write)])
        #expect(running.wait() == .exited(0))
        Descriptor.close(ends.write)
        var (bytes, buffer): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 1 << 16))
        while case let count = try Descriptor.read(ends.read, into: &buffer), count > 0 { bytes += buffer[..<count] }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let lost = lines.compactMap { $0.firstMatch(of: /(\d+) log records were lost/).flatMap { Int($0.1) } }
        #expect(lost.count == 1 && lines.last?.contains("masterd daemon shutdown") == true)
        // With the master's own lines: startup, the program's start, its end and the like.
        let total = lines.count - 1 + lost.reduce(0, +)
        #expect((40_002...40_010).contains(total), "\(total)")
    }

    @Test("--workers: the same")
    func workers() throws {
        let ends = try FileDescriptor.pipe().release()
        defer { for number in [ends.read, ends.write] { Descriptor.close(number) } }
        try Descriptor.setNonBlocking(ends.write, true)
        while (try? Descriptor.write(ends.write, [UInt8](repeating: 46, count: 4096).span)) != nil {}
        try Descriptor.setNonBlocking(ends.write, false)
        let daemon = try TestDaemon.echo()
        let folder = daemon.folder
        let arguments = daemon.arguments(["-f", "--workers", "2", "--control-socket", folder["control"]])
        let running = try folder.start(
            Product.echod, arguments.map { $0 == folder["d.log"] ? "-" : $0 }, descriptors: [(2, ends.write)])
        #expect(eventually { (try? folder.ask("wait ready").hasPrefix("Success=1")) == true })
        for _ in 0..<3 { #expect(try folder.ask("reload").hasPrefix("Success=1")) }
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
    }

    @Test("start_server reloads and stops while its '| command' does not read, and its workers write on")
    func startServer() throws {
        let notes = try TestDirectory(mode: 0o755)
        let worker = ["/bin/sh", "-c", "while :; do echo 0123456789012345678901234567890123456789; done"]
        let server = try StartServer(
            ["--interval=0", "--log-file=| echo $$ >\(notes["pid"]); exec sleep 1000"], program: worker)
        defer { if let pid = ProcessID(notes.read("pid").dropLast()) { try? Signal.kill.send(to: pid) } }
        #expect(eventually { notes.exists("pid") })
        for _ in 0..<3 { #expect(try server.ask("reload").hasPrefix("Success=1\n")) }
        server.end()
    }

    @Test(
        "a child that writes without end does not keep others, nor requests, waiting",
        .enabled(if: isThorough, "twenty processes that write without end are no company for the other fast tests"))
    func share() throws {
        let flood = "    command yes floodfloodfloodfloodfloodflood\n    critical no\n    instances 10\n"
        let master = try Master(
            """
            program lines
            \(flood)
            program bytes
            \(flood)    log file /dev/null
            program quiet
                command sh -c 'while :; do echo still here; sleep 0.1; done'
                log file FOLDER/quiet
            """, log: "d.log")
        #expect(eventually { master.folder.lines("quiet").count > 10 })
        var slowest = Duration.zero
        for _ in 0..<20 {
            let start = MonotonicTime.now
            #expect(try master.folder.ask("show version").hasPrefix("0."))
            slowest = max(slowest, .now - start)
        }
        #expect(slowest < .seconds(10), "\(slowest)")
        master.stop()
    }
}

/// Files that are full: what is lost is counted and told, and no line is glued to another.
@Suite("Logs that take no more", .serialized, .blocking, .timeLimit(.minutes(20)))
struct FullLogTests {
    @Test(
        "children's lines that a full disk loses are counted, and told in their file and in masterd's log",
        .enabled(if: Machine.isRoot, "needs root to mount"))
    func fullDisk() throws {
        let disk = try TestDirectory(mode: 0o755)
        try #require(mount("none", disk.path, "tmpfs", 0, "size=64k") == 0)
        defer { umount2(disk.path, Int32(MNT_DETACH)) }
        let script = "awk 'BEGIN { for (i = 1; i <= 5000; i++) print \"line \" i \" of many\" }'"
        let master = try Master(
            """
            program talk
                command sh -c "\(script.replacing("\"", with: "\\\"")); exec sleep 1000"
                log file \(disk["out"])
            """, log: "d.log")
        #expect(eventually { master.folder.read("d.log").contains("takes no lines: No space left on device") })
        #expect(mount("none", disk.path, "tmpfs", UInt(MS_REMOUNT), "size=1m") == 0)
        #expect(eventually { disk.read("out").contains("were lost: No space") })
        #expect(eventually { master.folder.read("d.log").contains("takes lines again; so far") })
        let lines = disk.lines("out")
        let whole = lines.filter { $0.wholeMatch(of: /line \d+ of many/) != nil }.count
        let lost = lines.compactMap {
            $0.wholeMatch(of: /(\d+) lines \(\d+ bytes\) were lost: No space left on device/).flatMap { Int($0.1) }
        }
        let metric = /daemonkit_log_lost_records_total{log=".*\/out"} (\d+)\n/
        let counted = try master.folder.ask("show metrics").firstMatch(of: metric).flatMap { Int($0.1) }
        #expect(counted == lost.reduce(0, +))
        #expect(lines.count == whole + lost.count && whole + lost.reduce(0, +) == 5000, "\(whole) \(lost)")
        master.stop()
    }

    @Test("into a file of its own a child's bytes come as they are, in lines of any length")
    func bytes() throws {
        let source = try TestDirectory(mode: 0o755)
        var data = Data((0..<200_000).map { _ in UInt8.random(in: 0...255) })
        data.append(Data(repeating: 0x78, count: 3 << 20))
        data.append(contentsOf: [0x0A, 0xFF, 0x0A, 0x61])
        _ = FileManager.default.createFile(atPath: source["in"], contents: data)
        let master = try Master(
            "program talk\n    command cat \(source["in"])\n    critical no\n    restart never\n"
                + "    log file FOLDER/out", log: "d.log")
        #expect(eventually { FileManager.default.contents(atPath: master.folder["out"])?.count ?? 0 >= data.count })
        #expect(FileManager.default.contents(atPath: master.folder["out"]) == data)
        master.stop()
    }

    private static func limited(_: TestDirectory) -> [String] {
        ["/bin/bash", "-c", "ulimit -f 8; exec \"$@\"", "bash"]
    }

    @Test("a log that has reached the limit of a file's size ends neither masterd")
    func limitOfMasterd() throws {
        let master = try Master(
            "program talk\n    command yes some line\n    critical no\nprogram victim\n    command sleep 1000\n"
                + "    restart always backoff 5ms 10ms", log: "d.log", under: Self.limited)
        #expect(eventually { (try? FileStatus(path: master.folder["d.log"]).size) == 8192 })
        try master.works("victim")
        master.stop()
    }

    @Test("nor start_server, whose worker is told to go on by its own means")
    func limitOfStartServer() throws {
        let logs = try TestDirectory(mode: 0o755)
        try logs.write("log", String(repeating: "x", count: 8191) + "\n")
        let server = try StartServer(["--interval=0", "--log-file=\(logs["log"])"], under: Self.limited(logs))
        for _ in 0..<3 { #expect(try server.ask("reload").hasPrefix("Success=1\n")) }
        server.end()
    }

    @Test("nor a daemon")
    func limitOfDaemon() throws {
        let daemon = try TestDaemon()
        let running = try daemon.folder.start(
            "/bin/bash",
            ["-c", "ulimit -f 8; exec \"$@\"", "bash", Product.faultd, "-f"] + daemon.files + [
                "--fault-main", "write-log", "--fault-tag", "a", "--fault-threads", "2", "--fault-count", "1000",
                "--fault-output", daemon.folder["report"],
            ])
        #expect(eventually { daemon.report(holds: "written") }, "\(running.standardError)")
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
        #expect(try FileStatus(path: daemon.folder["d.log"]).size == 8192)
    }
}
