import Foundation
import Testing
import Unix

/// Mode, owner, group, queue and families of a socket, as an address's text says them, in each front end.
@Suite("Options of an address, in effect", .blocking, .timeLimit(.minutes(20)))
struct AddressOptionsTests {
    private static let isRoot = CurrentProcess.userID == 0

    private func access(_ folder: TestDirectory, _ name: String) throws -> [UInt32] {
        let status = try FileStatus(path: folder[name])
        return [status.mode, status.owner, status.group]
    }

    @Test(
        "echod, alone and as another user, and with --workers: its own socket and the control socket",
        .enabled(if: isRoot, "needs root"), arguments: [[], ["--user=65534"], ["--workers=2"]])
    func daemon(more: [String]) throws {
        let daemon = try TestDaemon(Product.echod)
        chmod(daemon.folder.path, 0o777)
        let control = more == ["--workers=2"] ? ["-S", "\(daemon.folder["c"]),mode=620,group=77"] : []
        let options = ["-b", "\(daemon.folder["s"]),mode=660,group=4321,backlog=3", "-b", "[::1]:0,v6only"]
        let outcome = try daemon.folder.run(Product.echod, daemon.files + options + control + more)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try access(daemon.folder, "s") == [0o660, more == ["--user=65534"] ? 65534 : 0, 4321])
        #expect(try Client(.unix(daemon.folder["s"])).echoes("hello"))
        #expect(daemon.log.contains("listening on \(daemon.folder["s"])\n"))
        if !control.isEmpty { #expect(try access(daemon.folder, "c") == [0o620, 0, 77]) }
        daemon.end()
        #expect(!daemon.folder.exists("s") && !daemon.folder.exists("c"))
    }

    @Test("a member of the group may give its socket to it, and nobody to another user")
    func member() throws {
        let daemon = try TestDaemon(Product.echod)
        chmod(daemon.folder.path, 0o777)
        let account = Self.isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--groups=65534,4321"] : []
        let group = Self.isRoot ? 4321 : CurrentProcess.groupID
        func launch(_ option: String) throws -> TestProcess.Outcome {
            let words = account + [Product.echod] + daemon.files + ["-b", "\(daemon.folder["s"]),\(option)"]
            return try daemon.folder.run("/usr/bin/env", words)
        }
        let refused = try launch("user=0")
        #expect(
            refused.code == 1
                && refused.errors.hasSuffix("cannot bind \(daemon.folder["s"]): Operation not permitted\n"))
        #expect(!daemon.folder.exists("s"))
        let outcome = try launch("mode=670,group=\(group)")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try access(daemon.folder, "s").suffix(1) + access(daemon.folder, "s").prefix(1) == [group, 0o670])
        daemon.end()
    }

    @Test(
        "what is wrong is said before anything is made",
        arguments: [
            (
                "/x,mod=600", 2,
                "option '-b': '/x,mod=600' has behind a comma the unknown word 'mod': did you mean 'mode'?"
            ),
            ("/x,group=no-such-group-x", 1, "cannot find group id for 'no-such-group-x'"),
        ])
    func wrong(text: String, code: Int32, message: String) throws {
        for more in [[], ["--check"], ["--workers=1"]] {
            let daemon = try TestDaemon(Product.echod)
            let outcome = try daemon.folder.run(Product.echod, daemon.files + ["-b", text] + more)
            #expect(outcome.code == code && outcome.errors.contains(message), "\(outcome.errors)")
            #expect(daemon.isClean && !daemon.folder.exists("d.log"))
        }
    }

    @Test("start_server: a path and a control socket", .enabled(if: isRoot, "needs root"))
    func startServer() throws {
        let folder = try TestDirectory(mode: 0o755)
        let words = [
            "--path=\(folder["a,b"]),mode=660,group=77", "--control-socket=\(folder["c"]),mode=640,user=65534",
        ]
        let running = try folder.start(Product.startServer, words + ["--interval=0", "--", "/bin/sleep", "600"])
        #expect(eventually { running.standardError.contains("starting new worker") })
        #expect(try access(folder, "a,b") == [0o660, 0, 77])
        #expect(try access(folder, "c") == [0o640, 65534, 65534])
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
        #expect(!folder.exists("a,b") && !folder.exists("c"))
    }

    @Test("masterd: a reload changes mode, group and queue of what is bound", .enabled(if: isRoot, "needs root"))
    func masterd() throws {
        let folder = try TestDirectory(mode: 0o755)
        func write(_ bind: String, _ control: String) throws {
            try folder.write(
                "m.cfg",
                """
                global
                    control-socket \(folder["c"])\(control)
                listen l
                    bind \(folder["s"])\(bind)
                    bind [::]:0 v4v6
                program p
                    command /bin/sleep 600
                    listen l

                """)
        }
        try write(",mode=660,group=77", " mode 660 group 5")
        let files = ["--pid-file", folder["d.pid"], "--log-file", folder["d.log"]]
        let running = try folder.start(Product.masterd, ["-f", "-c", folder["m.cfg"]] + files)
        #expect(eventually { folder.read("d.log").contains("Loading success.") }, "\(running.standardError)")
        #expect(try access(folder, "s") == [0o660, 0, 77] && access(folder, "c") == [0o660, 0, 5])
        for (bind, control, socket, session) in [
            (" mode 606 user 65534", ",mode=600,user=65534", [0o606, 65534, 65534], [0o600, 65534, 65534]),
            ("", " user 0 group 9", [0o606, 65534, 65534], [0o600, 0, 9]),
        ] as [(String, String, [UInt32], [UInt32])] {
            try write(bind, control)
            let client = try Client(.unix(folder["c"]))
            try client.send("reload\n")
            #expect(try client.receive(.max).hasPrefix("Success=1"))
            #expect(try access(folder, "s") == socket && access(folder, "c") == session)
        }
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
    }

    @Test(
        "what is handed down gets the queue, the mode and the owner that a bind line says",
        .enabled(if: isRoot, "needs root"))
    func handedDown() throws {
        let folder = try TestDirectory(mode: 0o755)
        let socket = try Socket.open(AF_UNIX, .stream)
        try Socket.bind(socket.number, to: .unix(folder["s"]))
        try Socket.listen(socket.number, backlog: 0)
        chmod(folder["s"], 0o777)
        try folder.write(
            "m.cfg",
            "listen l\n bind \(folder["s"]),mode=640,group=77,backlog=4\nprogram p\n command /bin/sleep 600\n listen l\n"
        )
        let files = ["--pid-file", folder["d.pid"], "--log-file", folder["d.log"]]
        let running = try folder.start(
            Product.masterd, ["-f", "-c", folder["m.cfg"]] + files, environment: ["LISTEN_FDS": "1"],
            descriptors: [(3, socket.number)])
        #expect(eventually { folder.read("d.log").contains("Loading success.") }, "\(running.standardError)")
        #expect(folder.read("d.log").contains("listening on \(folder["s"]) (LISTEN_FDS)"))
        #expect(try access(folder, "s") == [0o640, 0, 77])
        var clients: [Int32] = []
        defer { for number in clients { Descriptor.close(number) } }
        while clients.count < 100 {
            let client = try Socket.open(AF_UNIX, .stream)
            try Descriptor.setNonBlocking(client.number, true)
            guard (try? Socket.connect(client.number, to: .unix(folder["s"]))) != nil else { break }
            clients.append(client.release())
        }
        #expect(clients.count == 5)
        running.send(.terminate)
        #expect(running.wait() == .exited(0))
    }
}
