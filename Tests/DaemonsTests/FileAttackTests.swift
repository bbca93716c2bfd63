import Foundation
import Testing
import Unix

/// What a service's account may do to the names of files that root opens, changes and replaces for it: nothing is to come
/// of it, and everybody goes on.
@Suite(
    "Attacks on files", .enabled(if: Machine.isRoot && Machine.has("setpriv"), "needs root and setpriv"), .blocking,
    .timeLimit(.minutes(20)))
struct FileAttackTests {
    /// A directory that is the service's, one that is root's alone, and a file of root's secrets.
    private final class Scene {
        let folder: TestDirectory

        init() throws {
            folder = try TestDirectory(mode: 0o755)
            #expect(mkdir(folder["theirs"], 0o755) == 0 && chown(folder["theirs"], 65534, 65534) == 0)
            #expect(mkdir(folder["victim"], 0o755) == 0)
            try folder.write("secret", "secret\n")
            #expect(chmod(folder["secret"], 0o600) == 0)
        }

        /// A line of shell by the service's account, in its directory.
        func attack(_ script: String) throws {
            let words = [
                "--reuid=65534", "--regid=65534", "--clear-groups", "/bin/sh", "-ec", script, "sh", folder.path,
            ]
            let outcome = try folder.run(try #require(Machine.find("setpriv")), words)
            #expect(outcome.code == 0, "\(outcome.errors)")
        }

        /// Root's file is as it was, and nothing was made in root's directory.
        func expectUnharmed(_ location: SourceLocation = #_sourceLocation) throws {
            #expect(folder.read("secret") == "secret\n", sourceLocation: location)
            let status = try FileStatus(path: folder["secret"])
            #expect(status.mode == 0o600 && status.owner == 0, sourceLocation: location)
            #expect(Files.names(in: folder["victim"]).isEmpty, sourceLocation: location)
        }
    }

    /// What is put in the place of `theirs/logs/x.log`, and what the one who opens it says.
    enum Swap: String, CaseIterable, Sendable {
        case link, danglingLink, hardLink, fifo, fifoWithReader, directoryLink

        var script: String {
            let away = "cd \"$1/theirs/logs\"; mv x.log x.old;"
            return switch self {
            case .link: "\(away) ln -s \"$1/secret\" x.log"
            case .danglingLink: "\(away) ln -s \"$1/victim/cron\" x.log"
            // The test is root where fs.protected_hardlinks keeps the service from it.
            case .hardLink: "\(away) ln \"$1/secret\" x.log || :"
            case .fifo: "\(away) mkfifo x.log"
            case .fifoWithReader: "\(away) mkfifo x.log; sleep 5 <>x.log >/dev/null 2>&1 &"
            case .directoryLink: "cd \"$1/theirs\"; mv logs old; ln -s \"$1/victim\" logs"
            }
        }

        var reason: String {
            switch self {
            case .link, .danglingLink: "is a symbolic link"
            case .hardLink: "has another name (hard link)"
            case .fifo, .fifoWithReader: "is a fifo"
            case .directoryLink: "is a symbolic link that others than root may have made"
            }
        }
    }

    private func swap(_ scene: Scene, _ swap: Swap) throws {
        try scene.attack(swap.script)
        let path = scene.folder["theirs/logs/x.log"]
        if swap == .hardLink, (try? FileStatus(path: path)) == nil {
            #expect(link(scene.folder["secret"], path) == 0)
        }
    }

    private func prepare() throws -> Scene {
        let scene = try Scene()
        try scene.attack("mkdir \"$1/theirs/logs\"")
        return scene
    }

    // MARK: Logs

    @Test("masterd's log of a program", arguments: Swap.allCases)
    func programLog(kind: Swap) throws {
        let scene = try prepare()
        let folder = scene.folder
        try folder.write(
            "m.cfg",
            """
            program talk
                command /bin/sh -c 'while echo line; do sleep 0.02; done'
                user nobody
                log file \(folder["theirs/logs/x.log"])
            """)
        let arguments = ["-c", folder["m.cfg"], "--pid-file", folder["m.pid"], "--log-file", folder["m.log"]]
        let running = try folder.start(Product.masterd, ["-f"] + arguments)
        #expect(eventually { folder.read("theirs/logs/x.log").contains("line\n") }, "\(folder.read("m.log"))")
        try swap(scene, kind)
        #expect(try folder.run(Product.masterd, ["--reopen-logs"] + arguments).code == 0)
        #expect(
            eventually {
                folder.lines("m.log").contains { $0.contains("cannot reopen") && $0.contains(kind.reason) }
            }, "\(folder.read("m.log"))")
        // The lines go on into the old file.
        let old = kind == .directoryLink ? "theirs/old/x.log" : "theirs/logs/x.old"
        let size = folder.read(old).utf8.count
        #expect(eventually { folder.read(old).utf8.count > size })
        try scene.expectUnharmed()
        running.send(.terminate)
        #expect(running.wait(.seconds(30)) == .exited(0))
    }

    @Test("start_server's log", arguments: Swap.allCases)
    func serverLog(kind: Swap) throws {
        let scene = try prepare()
        let folder = scene.folder
        let running = try folder.start(
            Product.startServer,
            [
                "--interval=0", "--pid-file=\(folder["s.pid"])", "--log-file=\(folder["theirs/logs/x.log"])",
                "--user=nobody", "--", "/bin/sh", "-c", "while echo line; do sleep 0.02; done",
            ])
        #expect(eventually { folder.read("theirs/logs/x.log").contains("line\n") })
        try swap(scene, kind)
        running.send(.user1)
        let old = kind == .directoryLink ? "theirs/old/x.log" : "theirs/logs/x.old"
        #expect(
            eventually {
                folder.lines(old).contains { $0.contains("cannot reopen log file") && $0.contains(kind.reason) }
            }, "\(folder.read(old))")
        try scene.expectUnharmed()
        running.send(.terminate)
        #expect(running.wait(.seconds(30)) == .exited(0))
    }

    @Test("a daemon's own log, where it stays root", arguments: Swap.allCases)
    func ownLog(kind: Swap) throws {
        let scene = try prepare()
        let folder = scene.folder
        let files = ["--pid-file", folder["d.pid"], "--log-file", folder["theirs/logs/x.log"]]
        let running = try folder.start(Product.echod, ["-f", "-b", folder["s"]] + files)
        #expect(eventually { folder.read("theirs/logs/x.log").contains("listening") }, "\(running.standardError)")
        try swap(scene, kind)
        #expect(try folder.run(Product.echod, ["--reopen-logs"] + files).code == 0)
        let old = kind == .directoryLink ? "theirs/old/x.log" : "theirs/logs/x.old"
        #expect(
            eventually {
                folder.lines(old).contains { $0.contains("keeping the old file") && $0.contains(kind.reason) }
            }, "\(folder.read(old))")
        try scene.expectUnharmed()
        running.send(.terminate)
        #expect(running.wait(.seconds(30)) == .exited(0))
    }

    @Test("a first start with such a log fails at once, and says why", arguments: Swap.allCases)
    func firstStart(kind: Swap) throws {
        let scene = try prepare()
        let folder = scene.folder
        try scene.attack("touch \"$1/theirs/logs/x.log\"")
        try swap(scene, kind)
        let log = folder["theirs/logs/x.log"]
        let daemon = try folder.run(
            Product.echod, ["-b", folder["s"], "--pid-file", folder["d.pid"], "--log-file", log],
            within: .seconds(20))
        #expect(daemon.code == 1 && daemon.errors.contains(kind.reason), "\(daemon.errors)")
        let server = try folder.run(
            Product.startServer, ["--log-file=\(log)", "--", "/bin/true"], within: .seconds(20))
        #expect(server.code != 0 && server.errors.contains(kind.reason), "\(server.errors)")
        try scene.expectUnharmed()
    }

    // MARK: Status files

    @Test("start_server's status file: what lies at its name, or at the one beside, harms nobody and holds up nobody")
    func statusFile() throws {
        let scene = try Scene()
        let folder = scene.folder
        let running = try folder.start(
            Product.startServer,
            [
                "--interval=0", "--pid-file=\(folder["s.pid"])", "--status-file=\(folder["theirs/status"])", "--",
                "/bin/sleep", "600",
            ])
        #expect(eventually { folder.read("theirs/status").hasPrefix("1:") }, "\(running.standardError)")
        try scene.attack(
            "cd \"$1/theirs\"; mkfifo status.\(running.processID); rm status; ln -s \"$1/secret\" status")
        running.send(.hangup)
        #expect(eventually { folder.read("theirs/status").hasPrefix("2:") }, "\(running.standardError)")
        try scene.attack("cd \"$1/theirs\"; rm -f status; mkfifo status")
        running.send(.hangup)
        #expect(
            eventually {
                (try? FileStatus(path: folder["theirs/status"]))?.kind == .regular
                    && folder.read("theirs/status").hasPrefix("3:")
            }, "\(running.standardError)")
        try scene.expectUnharmed()
        running.send(.terminate)
        #expect(running.wait(.seconds(30)) == .exited(0))
        #expect(Set(Files.names(in: folder["theirs"])) == ["status.\(running.processID)"])
    }

    // MARK: Sockets

    @Test("masterd's listener: what a new generation puts in its place gets neither mode nor owner", arguments: [0, 1])
    func listener(hard: Int) throws {
        let scene = try Scene()
        let folder = scene.folder
        func configure(_ mode: String, _ command: String) throws {
            try folder.write(
                "m.cfg",
                """
                global
                    control-socket \(folder["control"])
                listen web
                    bind \(folder["theirs/web"]) mode \(mode) user nobody
                program web
                    command /bin/sh -c '\(command)'
                    user nobody
                    listen web
                    readiness after 200ms
                """)
        }
        try configure("600", "exec sleep 600")
        let running = try folder.start(
            Product.masterd,
            ["-f", "-c", folder["m.cfg"], "--pid-file", folder["m.pid"], "--log-file", folder["m.log"]])
        #expect(eventually { folder.read("m.log").contains("Loading success.") }, "\(folder.read("m.log"))")
        let before = try FileStatus(path: folder["theirs/web"])
        #expect(before.mode == 0o600 && before.owner == 65534)
        if hard == 1 {
            // As with fs.protected_hardlinks = 0.
            #expect(link(folder["secret"], folder["theirs/swap"]) == 0)
        } else {
            try scene.attack("ln -s \"$1/secret\" \"$1/theirs/swap\"")
        }
        let swap = "cd \(folder["theirs"]); mv web away; mv swap web; exec sleep 600"
        try configure("666", swap)
        let client = try Client(.unix(folder["control"]))
        try client.send("reload\n")
        _ = try client.receive(.max)
        #expect(
            eventually { folder.lines("m.log").contains { $0.contains("somebody replaced it") } },
            "\(folder.read("m.log"))")
        try scene.expectUnharmed()
        running.send(.terminate)
        #expect(running.wait(.seconds(30)) == .exited(0))
        #expect(folder.exists("theirs/web"), "what is not ours was removed")
    }

    // MARK: What is believed

    @Test("root reads no configuration that others can write, and names the file, its owner, its mode and the cure")
    func configuration() throws {
        let scene = try Scene()
        let folder = scene.folder
        try folder.write("m.cfg", "program x\n    command /bin/sleep 600\n")
        let check = { try folder.run(Product.masterd, ["--check", "-c", folder["m.cfg"]]) }
        #expect(try check().code == 0)
        chmod(folder["m.cfg"], 0o666)
        let open = try check()
        #expect(open.code == 1 && open.errors.contains("\(folder["m.cfg"]) can be changed by others than root"))
        #expect(open.errors.contains("belongs to user 0, with mode 0666; 'chmod go-w \(folder["m.cfg"])'"))
        chmod(folder["m.cfg"], 0o644)
        chown(folder["m.cfg"], 65534, 65534)
        let foreign = try check()
        #expect(foreign.code == 1 && foreign.errors.contains("with mode 0644; 'chown root \(folder["m.cfg"])'"))
        // What the caller himself hands over is his.
        let given = try folder.shell(
            "exec \"$1\" --check -c /dev/stdin <\"$2\"", Product.masterd, [folder["m.cfg"]])
        #expect(given.code == 0, "\(given.errors)")
        rename(folder["m.cfg"], folder["theirs/m.cfg"])
        chown(folder["theirs/m.cfg"], 0, 0)
        let inTheirs = try folder.run(Product.masterd, ["--check", "-c", folder["theirs"]])
        #expect(inTheirs.code == 1 && inTheirs.errors.contains("\(folder["theirs"]) can be changed"))
    }

    @Test("daemonctl runs nothing of a registry that others can write")
    func registry() throws {
        let scene = try Scene()
        let folder = scene.folder
        #expect(mkdir(folder["conf"], 0o755) == 0)
        let line = "command /bin/sh -c 'touch \(folder["victim"])/run'\npid-file \(folder["x.pid"])\n"
        let start = {
            try folder.run(
                Product.daemonctl, ["start", "x"],
                environment: ["DAEMONKIT_CONFIG": folder["conf"], "DAEMONKIT_SYSTEMCTL": ""])
        }
        try folder.write("conf/x.conf", line)
        for (mode, owner) in [(0o666, 0), (0o664, 0), (0o644, 65534)] as [(mode_t, uid_t)] {
            chmod(folder["conf/x.conf"], mode)
            chown(folder["conf/x.conf"], owner, 0)
            let outcome = try start()
            #expect(outcome.code == 6 && outcome.errors.contains("can be changed by others than root"))
        }
        chown(folder["conf/x.conf"], 0, 0)
        chmod(folder["conf/x.conf"], 0o644)
        for (mode, owner) in [(0o777, 0), (0o755, 65534)] as [(mode_t, uid_t)] {
            chmod(folder["conf"], mode)
            chown(folder["conf"], owner, 0)
            let outcome = try start()
            #expect(outcome.code == 6 && outcome.errors.contains("\(folder["conf"]) can be changed"))
        }
        try scene.expectUnharmed()
        chown(folder["conf"], 0, 0)
        chmod(folder["conf"], 0o755)
        _ = try start()
        #expect(folder.exists("victim/run"))
    }

    @Test("start_server as root takes no variables from an envdir that strangers can write; its worker's own it takes")
    func envdir() throws {
        let scene = try Scene()
        let folder = scene.folder
        try scene.attack("mkdir \"$1/theirs/env\"; echo bad >\"$1/theirs/env/LD_PRELOAD_TEST\"")
        try scene.attack("ln -s \"$1/secret\" \"$1/theirs/env/STOLEN\"")
        func server(_ more: [String]) throws -> (text: String, errors: String) {
            try folder.write("out", "")
            #expect(chmod(folder["out"], 0o666) == 0)
            let running = try folder.start(
                Product.startServer,
                ["--interval=0", "--envdir=\(folder["theirs/env"])"] + more + [
                    "--", "/bin/sh", "-c", "env >\(folder["out"]); echo end >>\(folder["out"]); exec sleep 600",
                ])
            #expect(eventually { folder.read("out").hasSuffix("end\n") }, "\(running.standardError)")
            running.send(.terminate)
            _ = running.wait(.seconds(30))
            return (folder.read("out"), running.standardError)
        }
        let root = try server([])
        #expect(!root.text.contains("LD_PRELOAD_TEST=") && root.errors.contains("cannot read envdir"))
        let own = try server(["--user=nobody"])
        #expect(own.text.contains("LD_PRELOAD_TEST=bad"))
        #expect(!own.text.contains("secret") && own.errors.contains("ignoring \(folder["theirs/env"])/STOLEN"))
    }

    @Test("the default pid file of a user without folders lies in a directory of his own, and in nobody else's")
    func temporary() throws {
        let folder = try TestDirectory(mode: 0o755)
        let path = "/tmp/echod-54321"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let start = { (more: [String]) in
            try folder.shell(
                """
                exec env -u XDG_RUNTIME_DIR -u XDG_STATE_HOME -u HOME setpriv --reuid 54321 --regid 54321 \
                    --clear-groups "$1" "${@:2}"
                """, folder["echod"], more)
        }
        // By another process: a child that is forked here meanwhile would keep the file open for writing.
        #expect(try folder.run("/bin/cp", [Product.echod, folder["echod"]]).code == 0)
        #expect(mkdir(path, 0o700) == 0 && chown(path, 65534, 65534) == 0)
        for words in [["-b", "127.0.0.1:0"], ["--status"], ["--stop"]] {
            let outcome = try start(words)
            #expect(outcome.code == (words.count > 1 ? 1 : 4))
            #expect(outcome.errors.contains("cannot use \(path): belongs to user 65534"), "\(outcome.errors)")
        }
        #expect(Files.names(in: path).isEmpty)
        #expect(rmdir(path) == 0)
        #expect(try start(["--status"]).code == 3 && (try? FileStatus(path: path)) == nil)
        #expect(try start(["-b", "127.0.0.1:0"]).code == 0)
        #expect(try FileStatus(path: path).mode == 0o700)
        #expect(try start(["--status"]).code == 0)
        #expect(try start(["--stop"]).code == 0)
        #expect(Files.names(in: path) == ["echod.log"])
    }
}
