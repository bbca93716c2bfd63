import DaemonCore
import Supervision
import TestSupport
import Testing
import Unix

@testable import MasterRuntime

@Suite("What a master hands to its next image", .timeLimit(.minutes(20)))
struct MasterStateTests {
    /// As the next image reads it.
    private func read(_ records: [StateRecord]) -> SavedState { SavedState(decoding: SavedState(records).bytes) }

    private func program(_ change: (inout Program) -> Void = { _ in }) -> Program {
        var program = Program(
            executable: "/usr/sbin/web", name: "./web", environment: [Array("A=1".utf8), [0x42, 0x3D, 0xFF, 0xFE]])
        change(&program)
        return program
    }

    @Test("a setup comes back as it was")
    func setup() throws {
        let socket = try Socket.open(AF_UNIX, .stream)
        let full = program {
            $0.kind = .program
            $0.arguments = ["", "a b", "c;d|e", "\n", ""]
            $0.directory = "/srv/ü"
            $0.account = SpawnAccount(user: 33, group: 34, groups: [34, 35])
            $0.sockets = [HandedSocket(name: "", address: "[::1]:80", descriptor: socket.number)]
            $0.output = .file("/var/log/x y")
            $0.hasChannel = true
            $0.umask = 0o27
            $0.alternatives = ["/a b", "/c"]
            $0.resources.limits = [ResourceLimit(.openFiles, soft: 5, hard: nil)]
            ($0.resources.niceness, $0.resources.oomScore) = (-5, 300)
            $0.watchdog = .milliseconds(1500)
            $0.deathSignal = .kill
        }
        let setup = MasterSetup(plan: Plan(services: []), programs: ["a": full, "b b": program()])
        let back = try #require(MasterSetup(read(setup.records("current")), "current", plan: nil))
        #expect(back.programs.keys.sorted() == ["a", "b b"])
        let copy = try #require(back.programs["a"])
        #expect(copy.executable == full.executable && copy.name == full.name && copy.arguments == full.arguments)
        #expect(copy.environment == full.environment && copy.directory == full.directory && copy.kind == .program)
        #expect(copy.account == full.account && copy.output == full.output && copy.hasChannel)
        #expect(copy.alternatives == ["/a b", "/c"] && copy.resources.niceness == -5 && copy.resources.oomScore == 300)
        #expect(copy.resources.limits == [ResourceLimit(.openFiles, soft: 5, hard: nil)])
        #expect(back.programs["b b"]?.resources == ProcessResources())
        #expect(copy.umask == 0o27 && copy.watchdog == .milliseconds(1500) && copy.deathSignal == .kill)
        #expect(copy.sockets.map(\.descriptor) == [socket.number] && copy.sockets.map(\.address) == ["[::1]:80"])
        #expect(back.programs["b b"]?.account == nil && back.programs["b b"]?.umask == nil)
        #expect(MasterSetup(read(setup.records("current")), "pending", plan: nil) == nil)
    }

    @Test("whose account is damaged does not become ours, whose socket is gone is not started")
    func damage() throws {
        let account = program { $0.account = SpawnAccount(user: 33, group: 34, groups: []) }
        var records = MasterSetup(plan: Plan(services: []), programs: ["a": account]).records("current")
        for index in records.indices where records[index].name == "program" { records[index]["account"] = "x" }
        #expect(try #require(MasterSetup(read(records), "current", plan: nil)).programs.isEmpty)
        let socket = program { $0.sockets = [HandedSocket(name: "s", address: "s", descriptor: 999_999)] }
        records = MasterSetup(plan: Plan(services: []), programs: ["a": socket]).records("current")
        #expect(try #require(MasterSetup(read(records), "current", plan: nil)).programs.isEmpty)
    }

    @Test("lists keep empty texts, and their absence")
    func lists() {
        for list in [[], [""], ["", ""], ["a"], ["a", "", "b"]] {
            var record = StateRecord("x")
            record[list: "list"] = list
            #expect(read([record]).first("x")?[list: "list"] == list)
        }
    }

    @Test("a listener comes back with its file, and what is no socket does not")
    func listeners() throws {
        let folder = TemporaryFolder()
        let listener = try Binding.listen(.stream, at: .unix(folder["socket"]))
        let record = try #require(read([listener.record]).first("listener"))
        let copy = try Descriptor.duplicate(listener.fileDescriptor, above: [2])
        var moved = record
        moved[number: "descriptor"] = Int(copy)
        let back = try #require(Listener(moved))
        #expect(back.address == listener.address && back.file?.identity == listener.file?.identity)
        #expect(back.hasItsFile)
        try Files.unlink(folder["socket"])
        #expect(!back.hasItsFile)
        let null = try FileDescriptor.open("/dev/null", .readWrite)
        moved[number: "descriptor"] = Int(null.number)
        #expect(Listener(moved) == nil)
    }
}
