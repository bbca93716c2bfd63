import Supervision
import Testing
import Text

@testable import masterd

@Suite("Configuration of masterd", .timeLimit(.minutes(20)))
struct ConfigurationTests {
    /// The specification's own.
    static let example = """
        global
            control-socket /run/masterd.sock mode 600 level admin
            max-old-generations 50          # HAProxy's mworker-max-reloads is accepted as another name
            hard-stop-after 30s
            start-timeout 60s
            no-exit-on-failure
            setenv NAME value               # also unsetenv, presetenv, resetenv; undone at the next reload
        listen web
            bind 0.0.0.0:8080               # [::]:80, unix:/run/web.sock mode 660, backlog N, reuseport
        worker web
            command ./server --foreground
            instances 4
            listen web                      # handed down as LISTEN_FDS/LISTEN_FDNAMES and SERVER_STARTER_PORT
            readiness notify                # notify | after 1s | none
            restart on-failure backoff 100ms 30s limit 5/60s
        program dataplane-api
            command ./dataplane_api         # words with quotes and escapes; PATH look-up
            user nobody
            group nogroup
            no option start-on-reload       # kept over reloads: it gets no signal at all
            stop-signal TERM
            stop-timeout 10s
            after web                       # start order; stop runs backwards
            critical no
            log prefix                      # stdout and stderr line by line into the master's log

        """

    @Test("the specification's example")
    func specification() throws {
        let found = try read(Self.example)
        var expected = Configuration()
        expected.global.controlSockets = [ControlSocket(path: "/run/masterd.sock", mode: 0o600, level: .admin)]
        expected.global.hardStopAfter = .seconds(30)
        expected.global.noExitOnFailure = true
        expected.global.environment = [.set(Variable(name: "NAME", value: "value"))]
        expected.environment = ["NAME": "value"]
        expected.variablesOfFiles = ["NAME"]
        expected.listeners = [ListenSection(name: "web", binds: [Bind(ListenAddress(.ipv4(0, port: 8080)))])]
        var web = ServiceSection(.worker, "web")
        web.command = ["./server", "--foreground"]
        web.instances = 4
        web.listen = [Reference(name: "web")]
        web.readiness = .notified
        web.restart.when = .onFailure
        web.restart.limit = Restart.Limit(count: 5, window: .seconds(60))
        var program = ServiceSection(.program, "dataplane-api")
        program.command = ["./dataplane_api"]
        program.user = "nobody"
        program.group = "nogroup"
        program.onReload = .keep
        program.stopTimeout = .after(.seconds(10))
        program.after = [Reference(name: "web")]
        program.isCritical = false
        expected.services = [web, program]
        #expect(found == expected)
        #expect(found.workers.map(\.name) == ["web"] && found.programs.map(\.name) == ["dataplane-api"])
        #expect(found.services[1].place.description == "m.cfg:16")
        #expect(found.services[1].after[0].place.description == "m.cfg:23")
        #expect(found.listeners[0].binds[0].place.description == "m.cfg:9")
    }

    @Test("what nobody says")
    func defaults() throws {
        let found = try read("worker w\ncommand x\nprogram p\ncommand y\n")
        #expect(found.global == GlobalSettings() && found.listeners.isEmpty)
        #expect(found.global.maxOldGenerations == 50 && found.global.startTimeout == .seconds(60))
        #expect(found.services[0].readiness == .alive(.seconds(1)) && found.services[1].readiness == .none)
        for service in found.services {
            #expect(service.instances == 1 && service.restart.when == .never && service.isCritical)
            #expect(service.stopSignal == .terminate && service.stopTimeout == .usual && service.onReload == .replace)
            #expect(service.type == .service && service.successStatus.isEmpty && service.finalStatus.isEmpty)
            #expect(service.log == .prefix && service.onMasterDeath == .exit && service.watchdog == nil)
        }
    }

    private typealias Check = @Sendable (ServiceSection) -> Bool

    private static let lines: [(String, Check)] = [
        ("command 'a b' c", { $0.command == ["a b", "c"] }), ("instances 1000", { $0.instances == 1000 }),
        ("readiness after 250ms", { $0.readiness == .alive(.milliseconds(250)) }),
        ("readiness none", { $0.readiness == .none }), ("restart never", { $0.restart == .masterd }),
        ("restart always", { $0.restart.when == .always && $0.restart.backoff.maximum == .seconds(30) }),
        (
            "restart on-failure limit 3/1h jitter 10% backoff 1s 1m",
            {
                $0.restart.when == .onFailure && $0.restart.limit == .init(count: 3, window: .seconds(3600))
                    && $0.restart.backoff.jitter == 10 && $0.restart.backoff.base == .seconds(1)
                    && $0.restart.backoff.maximum == .seconds(60)
            }
        ),
        ("restart always jitter 100", { $0.restart.backoff.jitter == 100 }),
        ("start-timeout 2m", { $0.startTimeout == .seconds(120) }),
        ("stop-signal SIGINT", { $0.stopSignal == .interrupt }),
        ("stop-timeout 0s", { $0.stopTimeout == .after(.zero) }),
        ("stop-timeout none", { $0.stopTimeout == .none }),
        ("user www-data", { $0.user == "www-data" }), ("group 33", { $0.group == "33" }),
        ("chdir /srv", { $0.directory == "/srv" }), ("directory /srv", { $0.directory == "/srv" }),
        ("umask 022", { $0.umask == 0o22 }), ("critical no", { !$0.isCritical }),
        ("critical yes", { $0.isCritical }),
        ("limit nofile 8192", { $0.resources.limits == [ResourceLimit(.openFiles, soft: 8192, hard: 8192)] }),
        ("limit core 0:infinity", { $0.resources.limits == [ResourceLimit(.core, soft: 0, hard: nil)] }),
        ("nice -20", { $0.resources.niceness == -20 }), ("oom-score-adjust -1000", { $0.resources.oomScore == -1000 }),
        ("cgroup", { $0.resources.controlGroup == [] }),
        ("cgroup memory.max 512M", { $0.resources.controlGroup?.map(\.words) == ["memory.max 512M"] }),
        ("cgroup cpu.max 5 9\ncgroup", { $0.resources.controlGroup?.map(\.words) == ["cpu.max 5 9"] }),
        ("env-file /e", { $0.environmentFiles == [Reference(name: "/e")] }),
        ("setenv A ''", { $0.environment == [Variable(name: "A", value: "")] }),
        ("log inherit", { $0.log == .inherit }), ("log file /var/log/x", { $0.log == .file("/var/log/x") }),
        ("log command 'exec logger -t \"$A b\"'", { $0.log == .command("exec logger -t \"$A b\"") }),
        ("on-master-death drain", { $0.onMasterDeath == .drain }),
        ("success-status 3 TERM SIGHUP 0", { $0.successStatus == [3, 143, 129, 0] && $0.finalStatus.isEmpty }),
        ("final-status 78 255", { $0.finalStatus == [78, 255] && $0.successStatus.isEmpty }),
        ("watchdog 10s", { $0.watchdog == .seconds(10) }),
        ("notify-access main", { $0.notifyAccess == .main }), ("notify-access all", { $0.notifyAccess == .all }),
    ]

    @Test("every line of a worker or program", arguments: lines)
    private func serviceLines(line: String, isRead: Check) throws {
        for kind in ["worker", "program"] {
            let command = line.hasPrefix("command") ? "" : "command x\n"
            let found = try read("\(kind) a\n\(command)\(line)\n")
            #expect(isRead(found.services[0]), "\(kind): \(line)")
        }
    }

    @Test("what it comes after, and what it requires")
    func predecessors() throws {
        let found = try read(
            "worker a\n command x\nworker b\n command x\nworker c\n command x\n after a\n requires a b\n")
        let service = found.plan().services[2]
        #expect(service.after == ["a"] && service.requires == ["a", "b"])
    }

    @Test("a one-shot")
    func oneShot() throws {
        let found = try read(inProgram("type oneshot\n on-reload keep\n restart on-failure limit 3/60s"))
        #expect(found.services[0].type == .oneshot && found.services[0].onReload == .keep)
        #expect(found.plan().services[0].readiness == .completed)
        #expect(try read(inProgram("type service")).plan().services[0].readiness == Readiness.none)
    }

    @Test(
        "what a reload does to a program",
        arguments: [
            ("no option start-on-reload", .keep), ("option start-on-reload", .replace),
            ("reload-signal USR1", .signal(10)),
            ("on-reload keep", .keep), ("on-reload signal HUP", .signal(1)), ("on-reload restart", .restart),
            ("on-reload replace", .replace),
        ] as [(String, OnReload)])
    func onReload(line: String, expected: OnReload) throws {
        #expect(try read(inProgram(line)).services[0].onReload == expected)
    }

    @Test(
        "addresses",
        arguments: [
            ("0.0.0.0:8080", .ipv4(0, port: 8080), .stream), ("*:80", .ipv4(0, port: 80), .stream),
            (":80", .ipv4(0, port: 80), .stream), ("127.0.0.1:0", .ipv4(0x7F00_0001, port: 0), .stream),
            ("[::]:80", .ipv6(.any, port: 80), .stream), (":::80", .ipv6(.any, port: 80), .stream),
            ("[::1]:65535", .ipv6(.init(high: 0, low: 1, scope: 0), port: 65535), .stream),
            ("[fe80::1%7]:1", .ipv6(.init(high: 0xFE80 << 48, low: 1, scope: 7), port: 1), .stream),
            ("/run/web.sock", .unix("/run/web.sock"), .stream), ("unix:/w", .unix("/w"), .stream),
            ("unix@/w", .unix("/w"), .stream), ("udp@:53", .ipv4(0, port: 53), .datagram),
            ("udp@unix:/dev/log", .unix("/dev/log"), .datagram), ("80", .ipv4(0, port: 80), .stream),
            ("udp@53", .ipv4(0, port: 53), .datagram), ("unix:@web", .unix("@web"), .stream),
            ("udp@unix:@web", .unix("@web"), .datagram),
        ] as [(String, SocketAddress, SocketKind)])
    func addresses(text: String, address: SocketAddress, kind: SocketKind) throws {
        let found = try read(inListen("bind \(text)")).listeners[0].binds[0].address
        #expect(found == ListenAddress(address, kind: kind))
        #expect(try ListenAddress(parsing: found.text) == found)
    }

    @Test("the options of bind, and several of them")
    func binds() throws {
        let text = "bind :80 backlog 5 reuseport\n bind :81\n bind /w mode 660 user u group g\n bind :0\n bind :0"
        let binds = try read(inListen(text)).listeners[0].binds
        #expect(binds.count == 5 && binds[0].options.backlog == 5 && binds[0].options.reuseport)
        #expect(binds[1].options == AddressOptions())
        #expect(binds[2].options.mode == 0o660 && binds[2].options.user == "u" && binds[2].options.group == "g")
    }

    @Test("the options of bind stand behind commas as well as behind blanks")
    func commas() throws {
        let text = "bind [::]:80,backlog=5,v4v6 freebind\n bind /w,mode=660 user u\n bind unix:/a,,b,group=g"
        let binds = try read(inListen(text)).listeners[0].binds
        #expect(binds.map(\.address.text) == ["[::]:80", "/w", "/a,b"])
        #expect(binds[0].options.words.map(\.word) == [.backlog, .v4v6, .freebind])
        #expect(binds[1].options.mode == 0o660 && binds[1].options.user == "u")
        #expect(binds[2].options.group == "g")
        let control = try read(inGlobal("control-socket /c,,d,mode=660 group g level user")).global.controlSockets[0]
        #expect(control == ControlSocket(path: "/c,d", mode: 0o660, level: .user, group: "g"))
    }

    @Test("sections stand in any file, and global in several")
    func severalFiles() throws {
        let found = try Configuration.parse(
            [
                file("1", "worker a\n command x\n listen l\n after b"),
                file(
                    "2", "global\n start-timeout 1m\n max-old-generations 3\nlisten l\n bind :1\nlisten m\n bind :2\n"),
                file("3", "global\n hard-stop-after 1d\n control-socket /c\n control-socket /d level user mode 666"),
                file("4", ""),
                file("5", "program b\r\n\tcommand y\r\n\tlisten l m\r\n\tlisten n\r\nlisten n\r\n\tbind :3\r\n"),
            ], environment: [:])
        #expect(found.services.map(\.name) == ["a", "b"] && found.listeners.map(\.name) == ["l", "m", "n"])
        #expect(found.services[1].listen.map(\.name) == ["l", "m", "n"])
        #expect(found.global.maxOldGenerations == 3 && found.global.hardStopAfter == .seconds(86_400))
        #expect(found.global.controlSockets.map(\.level) == [.admin, .user])
        #expect(found.global.controlSockets.map(\.mode) == [0o600, 0o666])
        #expect(found.services[1].place.description == "5:1")
    }

    @Test("HAProxy's name for the number of old generations")
    func otherName() throws {
        #expect(try read(inGlobal("mworker-max-reloads 7")).global.maxOldGenerations == 7)
    }

    @Test("the environment changes line by line, for the lines that follow")
    func environment() throws {
        let text = """
            worker a
             command "$A"
            global
             setenv A "$A-2"
             presetenv A x
             presetenv B "$A"
             unsetenv C D
             setenv E "${C-gone}"
            worker b
             command "$A" "$B" "$E"
            global
             resetenv A KEEP
             setenv F "${B-gone}"
            """
        let found = try read(text, environment: ["A": "1", "C": "c", "D": "d", "KEEP": "k"])
        #expect(found.services.map(\.command) == [["1"], ["1-2", "1-2", "gone"]])
        #expect(found.environment == ["A": "1-2", "KEEP": "k", "F": "gone"])
        #expect(found.global.environment.count == 7)
        #expect(try read(inGlobal("resetenv"), environment: ["A": "1"]).environment.isEmpty)
    }
}
