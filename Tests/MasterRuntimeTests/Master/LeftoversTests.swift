import DaemonCore
import MasterRuntime
import TestSupport
import Testing
import Unix

@Suite("What a killed master has left", .timeLimit(.minutes(20)))
struct LeftoversTests {
    private let folder = TemporaryFolder()
    private let epoch: ProcessEpoch

    private static let invocation = "abc"

    init() throws { epoch = try #require(ProcessEpoch.current) }

    private var pidFile: String { folder["pid"] }

    /// The record as a master leaves it.
    private func leave(_ text: String, mode: FileMode = 0o1600) throws {
        _ = try SafeFile.replace("\(pidFile).children", with: text, mode: mode)
    }

    /// Ends what is left; what it says.
    private func end() -> [String] {
        var lines: [String] = []
        Leftovers.end(beside: pidFile, of: "d") { lines.append($1) }
        return lines
    }

    private static func sleeper(
        _ descriptors: [(Int32, Int32)] = [], environment: [String] = []
    ) throws -> ProcessID {
        var spawn = Spawn("/bin/sleep", ["600"], environment: environment)
        spawn.descriptors = descriptors.map { ($0.0, $0.1) }
        return try spawn.start()
    }

    private static func lives(_ pid: ProcessID) -> Bool {
        (try? ProvenProcess(pid, .child)).map { !$0.hasEnded } ?? false
    }

    private static func reap(_ pid: ProcessID) {
        try? Child.send(.kill, to: pid)
        _ = try? Child.reap(pid, waiting: true)
    }

    @Test("who was in a child's session while the master lived is ended, and the record is gone")
    func own() throws {
        let pid = try Self.sleeper()
        defer { Self.reap(pid) }
        var text = ChildrenText(epoch, beside: pidFile, invocation: Self.invocation)
        _ = text.begin(pid, of: CurrentProcess.userID, at: ProcessEpoch.now)
        try leave(text.text(at: ProcessEpoch.now))
        let lines = end()
        #expect(!Self.lives(pid))
        #expect(lines == ["the last d has left processes behind, which are told to end: \(pid) (sleep)"])
        #expect((try? FileStatus(path: folder["pid.children"])) == nil)
        #expect(end().isEmpty)
    }

    @Test("a later session of the same number is left alone, and named", arguments: [false, true])
    func reused(isOther: Bool) throws {
        let pid = try Self.sleeper()
        defer { Self.reap(pid) }
        var text = ChildrenText(epoch, beside: pidFile, invocation: Self.invocation)
        _ = text.begin(pid, of: CurrentProcess.userID, at: 1)
        // A socket that it does not have proves nothing.
        if isOther { _ = text.hold([UInt64.max], at: 1) }
        try leave(text.text(at: 1))
        let lines = end()
        #expect(Self.lives(pid))
        #expect(lines.count == 1 && lines[0].hasSuffix("left alone: \(pid)"))
    }

    #if os(Linux)
    @Test("who has a socket of that master's is its own, where it is of the child's user", arguments: [false, true])
    func socket(isOfUser: Bool) throws {
        let ends = try Socket.pair()
        defer {
            Descriptor.close(ends.0)
            Descriptor.close(ends.1)
        }
        let pid = try Self.sleeper([(7, ends.0)])
        defer { Self.reap(pid) }
        var text = ChildrenText(epoch, beside: pidFile, invocation: Self.invocation)
        _ = text.begin(pid, of: isOfUser ? CurrentProcess.userID : 65_533, at: 1)
        _ = text.hold([UInt64(try FileStatus(descriptor: ends.0).identity.inode)], at: 1)
        try leave(text.text(at: 1))
        _ = end()
        #expect(Self.lives(pid) != isOfUser)
    }
    #endif

    #if os(Linux)
    @Test("who has that master's word in its environment is its own", arguments: [true, false])
    func environment(isSame: Bool) throws {
        let pid = try Self.sleeper(environment: ["A=b", "DAEMONKIT_INVOCATION=\(Self.invocation)\(isSame ? "" : "d")"])
        defer { Self.reap(pid) }
        var text = ChildrenText(epoch, beside: pidFile, invocation: Self.invocation)
        _ = text.begin(pid, of: CurrentProcess.userID, at: 1)
        try leave(text.text(at: 1))
        // The kernel shows it a moment after the exec has let go of us.
        #expect(eventually { (try? ProvenProcess(pid, .child))?.wasGiven("A=b") == true })
        let said = end()
        #expect(Self.lives(pid) != isSame, "\(said)")
    }
    #endif

    @Test("a record of another boot or pid namespace, or one that no master has made, names nobody")
    func foreign() throws {
        let pid = try Self.sleeper()
        defer { Self.reap(pid) }
        func record(_ epoch: ProcessEpoch, beside pidFile: String) -> String {
            var text = ChildrenText(epoch, beside: pidFile, invocation: Self.invocation)
            _ = text.begin(pid, of: CurrentProcess.userID, at: ProcessEpoch.now)
            return text.text(at: ProcessEpoch.now)
        }
        try leave(record(ProcessEpoch(boot: epoch.boot + "0", namespace: epoch.namespace), beside: pidFile))
        #expect(end().isEmpty)
        try leave(record(ProcessEpoch(boot: epoch.boot, namespace: epoch.namespace ^ 1), beside: pidFile))
        #expect(end().isEmpty)
        // Another master's, which somebody has given this name.
        try leave(record(epoch, beside: pidFile + "2"))
        #expect(end().isEmpty)
        for mode: FileMode in [0o600, 0o644, 0o1644] {
            try leave(record(epoch, beside: pidFile), mode: mode)
            #expect(end().isEmpty)
        }
        #expect(Self.lives(pid))
    }

    @Test("of the master's own session only what has come since it has children is its own", arguments: [false, true])
    func ownSession(isOlder: Bool) throws {
        let before = ProcessEpoch.now
        let pid = try Self.sleeper()
        defer { Self.reap(pid) }
        var text = ChildrenText(epoch, beside: pidFile, invocation: Self.invocation)
        _ = text.lead(pid, since: isOlder ? ProcessEpoch.now + 1 : before - 1)
        try leave(text.text(at: ProcessEpoch.now))
        let said = end()
        #expect(Self.lives(pid) == isOlder && said.isEmpty == isOlder, "\(said)")
    }

    @Test("every line counts, in order, and the record reads as it was written")
    func text() throws {
        var text = ChildrenText(epoch, beside: pidFile, invocation: Self.invocation)
        var lines = text.text(at: 5)
        lines += text.begin(10, of: 7, at: 6)
        lines += text.begin(11, of: 0, at: 7)
        lines += text.hold([3, 4], at: 8)
        lines += text.end(10, at: 9)
        lines += text.lead(12, since: 4)
        let read = try #require(ChildrenText(Array(lines.utf8)))
        #expect(read.sessions == [11: 0] && read.sockets == [3, 4] && read.lastWritten == 9 && read.epoch == epoch)
        #expect(read.invocation == Self.invocation && read.place == text.place)
        #expect(read.ownSession?.pid == 12 && read.ownSession?.since == 4)
        let anew = try #require(ChildrenText(Array(read.text(at: 12).utf8)))
        #expect(
            anew.sessions == read.sessions && anew.sockets == read.sockets && anew.ownSession?.since == 4
                && anew.lastWritten == 12)
    }

    @Test("a line that is cut off or wrong says nothing")
    func damaged() throws {
        let head = "daemonkit children 1 b 1 2f i\n"
        for line in [
            "+5 0 7", "+1 0 7\n", "+0 0 7\n", "+-5 0 7\n", "+5 0\n", "+5 0 7 8\n", "+5 -1 7\n", "+5 0 x\n", "5 0 7\n",
        ] {
            #expect(try #require(ChildrenText(Array((head + line).utf8))).sessions.isEmpty, "\(line)")
        }
        for text in [
            "", "\n", "daemonkit children 1\n", "daemonkit children 2 b 1 2f i\n", "daemonkit children 1 b x i\n",
            "daemonkit children 1 b 1\n",
        ] {
            #expect(ChildrenText(Array(text.utf8)) == nil, "\(text)")
        }
    }
}
