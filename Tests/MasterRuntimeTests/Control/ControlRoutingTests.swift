import Supervision
import Testing
import Unix

@testable import MasterRuntime

@Suite("ControlServer's routing, prompts and levels", .timeLimit(.minutes(20)))
struct ControlRoutingTests {
    private let folder = TemporaryFolder()

    private static func lost(_ prefix: String) -> String {
        "Can't find the target PID matching the prefix '\(prefix)'\n\n"
    }

    /// Children say who they are and what they were told; `kill PID` makes one go, `state X` sets the master's.
    private static func serve(at path: String, client: @escaping @Sendable (String) throws -> Void) throws -> Never {
        let router = StubRouter()
        try serveControl(
            at: path,
            prepare: { master, server in
                server.router = router
                router.forwarded = { request, pid, session, answer in
                    let words = request.words.joined(separator: "|")
                    let payload = request.payload.map { "<\($0)>" } ?? ""
                    let text = "\(pid) \(session.level): \(words)\(payload)"
                    if request.words.first == "later" {
                        master.after(.milliseconds(5)) { answer(text) }
                    } else {
                        answer(text)
                    }
                }
                server.add([
                    ControlCommand("kill", "") { words, _, answer in
                        router.children = router.children.filter { "\($0.value)" != words[0] }
                        answer("killed")
                    },
                    ControlCommand("state", "") { [unowned server] words, _, answer in
                        server.state = words.first ?? ""
                        answer("")
                    },
                    ControlCommand("where", "") { _, _, answer in answer("master") },
                    ControlCommand("danger", "", level: .admin) { _, _, answer in answer("done") },
                ])
            }, client: client)
    }

    /// Each line is sent in a session of its own, to which all this is said.
    private func expectAnswers(_ pairs: [[String]]) async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String, pairs] in
            try Self.serve(at: path) { (path: String) throws in
                for pair in pairs { #expect(try ControlClient.ask(pair[0], at: path) == pair[1], "\(pair[0])") }
            }
        }
    }

    /// The lines of one session, each with what is said to it; the last one ends the session.
    private func expectSession(_ pairs: [[String]], endingWith last: [String]) async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String, pairs, last] in
            try Self.serve(at: path) { (path: String) throws in
                let client = try ControlClient(path)
                for pair in pairs { try client.ask(pair[0], pair[1]) }
                try client.send("\(last[0])\n")
                #expect(try client.readToEnd() == last[1])
            }
        }
    }

    // MARK: Prefixes

    @Test("a prefix before a command sends this one only")
    func oneCommand() async {
        await expectAnswers([
            ["@1 show info;where", "101 admin: show|info\n\nmaster\n\n"],
            ["@web a;@!101 b", "102 admin: a\n\n101 admin: b\n\n"],
            ["@!99 help", "99 admin: help\n\n"],
            ["@master where", "master\n\n"], ["@0 where", "master\n\n"], ["@ where", "master\n\n"],
            ["@1 later a;@2 later b;where", "101 admin: later|a\n\n102 admin: later|b\n\nmaster\n\n"],
        ])
    }

    @Test("a prefix alone is the new target, and has no answer")
    func target() async {
        await expectAnswers([
            ["@1;a;@master where;b", "101 admin: a\n\nmaster\n\n101 admin: b\n\n"],
            ["@web;help;@0;where", "102 admin: help\n\nmaster\n\n"],
            ["@1", ""],
        ])
    }

    @Test("without such a child the prefix is told, as HAProxy tells it")
    func unknownTarget() async {
        let prefixes = ["@3", "@!1", "@!", "@nobody", "@-1", "@@1", "@master2", "@\u{301}"]
        await expectAnswers(prefixes.map { ["\($0) where;where", "\(Self.lost($0))master\n\n"] })
    }

    @Test("what stands behind a target that is none was not meant for the old one, and is dropped")
    func behindUnknownTarget() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try Self.serve(at: path) { (path: String) throws in
                #expect(try ControlClient.ask("@3;danger", at: path) == Self.lost("@3"))
                let client = try ControlClient(path)
                try client.ask("prompt", "\nmaster> ")
                try client.ask("@1;@3;danger", "101> \(Self.lost("@3"))101> ")
                try client.ask("a", "101 admin: a\n\n101> ")
            }
        }
    }

    @Test("a payload goes where its command goes")
    func payload() async {
        await expectAnswers([
            ["@1 set x <<E\none\nE", "101 admin: set|x<one\n>\n\n"],
            ["@1;set y <<\ntwo\n", "101 admin: set|y<two\n>\n\n"],
        ])
    }

    @Test("a target that has died is told for each command, until there is another")
    func deadTarget() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try Self.serve(at: path) { (path: String) throws in
                let client = try ControlClient(path)
                try client.ask("prompt", "\nmaster> ")
                try client.ask("@web", "102> ")
                #expect(try ControlClient.ask("kill 102", at: path) == "killed\n\n")
                try client.ask("a", "\(Self.lost("@web"))102> ")
                try client.ask("b;c", "\(Self.lost("@web"))102> \(Self.lost("@web"))102> ")
                try client.ask("@master where", "master\n\n102> ")
                try client.ask("@1", "101> ")
                try client.ask("a", "101 admin: a\n\n101> ")
                try client.ask("quit", "\n")
                #expect(try client.readToEnd() == "")
            }
        }
    }

    @Test("without a router there is the master only")
    func noRouter() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try serveControl(
                at: path, prepare: { _, _ in },
                client: { (path: String) throws in
                    let client = try ControlClient(path)
                    try client.ask("prompt", "\nmaster> ")
                    try client.ask("@1", "\(Self.lost("@1"))master> ")
                    try client.ask("@1 echo a", "\(Self.lost("@1"))master> ")
                    try client.ask("@master echo a", "a\n\nmaster> ")
                    try client.ask("@0", "master> ")
                    #expect(try !ControlClient.ask("help", at: path).contains("@"))
                })
        }
    }

    // MARK: Prompts

    @Test("the prompt tells the target, and the master's state")
    func prompts() async {
        await expectSession(
            [
                ["prompt", "\nmaster> "], ["state ReloadFailed", "\nmaster[ReloadFailed]> "], ["@2", "102> "],
                ["a;later b", "102 admin: a\n\n102> 102 admin: later|b\n\n102> "],
                ["@master", "master[ReloadFailed]> "], ["state", "\nmaster> "], ["@0 state", "\nmaster> "],
                ["", "master> "], [" ; ;", "master> "],
                ["set <<E\na\nb\nE", "+ + + Unknown command: 'set'. Try 'help'.\n\nmaster> "],
            ], endingWith: ["prompt;echo last", "\nlast\n\n"])
    }

    @Test("prompt takes HAProxy's modes: n, i and p")
    func modes() async {
        await expectSession(
            [
                ["prompt i", "\n"], ["echo a;echo b", "a\n\nb\n\n"],
                ["prompt p", "\nmaster> "], ["prompt p", "\nmaster> "],
                ["prompt x", "'prompt' expects nothing, 'n', 'i' or 'p'.\n\nmaster> "],
                ["prompt i", "\n"], ["prompt", "\nmaster> "], ["@1;prompt i", "101> \n"],
            ], endingWith: ["prompt n", "\n"])
    }

    // MARK: Levels

    @Test("a session lowers its level and never raises it; children are told with the level")
    func levels() async {
        let denied = "Permission denied!\n\n"
        await expectAnswers([
            ["show cli level", "admin\n\n"],
            ["operator;show cli level;operator;danger", "\noperator\n\n\n\(denied)"],
            ["user;operator;show cli level;user;danger", "\n\(denied)user\n\n\n\(denied)"],
            ["operator;@1 a;@2;user;b", "\n101 operator: a\n\n\n102 user: b\n\n"],
        ])
    }

    @Test("show cli sockets lists every control socket of the master, as HAProxy does")
    func sockets() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try serveControl(
                at: path,
                prepare: { master, server in
                    let (descriptor, file) = try ControlServer.bind("\(path)2")
                    let other = try ControlServer(
                        descriptor, file: file, master: master, accounts: server.accounts, level: .user)
                    for one in [server, other] { one.servers = { [server, other] } }
                },
                client: { (path: String) throws in
                    let list = "# socket lvl processes\nunix@\(path) admin all\nunix@\(path)2 user all\n\n"
                    #expect(try ControlClient.ask("show cli sockets", at: path) == list)
                    #expect(
                        try ControlClient.ask("show cli level;show cli sockets", at: "\(path)2") == "user\n\n\(list)")
                })
        }
    }

    @Test("echo says its words again, and help tells the prefixes where there are children")
    func echo() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try Self.serve(at: path) { (path: String) throws in
                #expect(try ControlClient.ask("echo  a\\;b   \\\\ c\\ d;echo", at: path) == "a;b \\ c d\n\n\n\n")
                let help = try ControlClient.ask("help", at: path)
                for text in ["  @!PID ", "  @master ", "  echo ", "  show cli level "] { #expect(help.contains(text)) }
                #expect(try !ControlClient.ask("help echo", at: path).contains("@"))
            }
        }
    }
}
