import Supervision
import Testing
import Text
import Unix

@testable import MasterRuntime

/// What many sessions, or one with many commands, may take from the others.
@Suite("ControlServer's budgets", .timeLimit(.minutes(20)))
struct ControlBudgetTests {
    private let folder = TemporaryFolder()

    /// Says as many lines as it is told, and counts them for all reports together.
    private final class Lines: ControlReport {
        nonisolated(unsafe) static var made = 0
        nonisolated(unsafe) static var finished = 0
        private var left: Int
        private let line: String

        init(_ count: Int, of length: Int) {
            left = count
            line = String(repeating: "x", count: max(0, length - 1)) + "\n"
        }

        func next() -> String? {
            guard left > 0 else {
                Self.finished += 1
                return nil
            }
            left -= 1
            Self.made += 1
            return line
        }

        var size: Int { 100 }
        var record: StateRecord {
            var record = StateRecord("report")
            record[number: "left"] = left
            record[number: "length"] = line.utf8.count
            return record
        }

        convenience init?(_ record: StateRecord) {
            guard let left = record[number: "left"], let length = record[number: "length"] else { return nil }
            self.init(left, of: length)
        }
    }

    private final class Kept {
        var server: ControlServer?
    }

    /// `lines COUNT LENGTH`; `made`, `finished` and `sessions` tell how many there are.
    private static func prepare(_ master: Master, _ server: ControlServer) {
        server.resume = { Lines($0) }
        server.add([
            ControlCommand(
                "lines", "",
                .report { words throws(ControlMistake) in
                    guard words.count == 2, let count = DecimalText.parse(words[0], in: 0...Int.max),
                        let length = DecimalText.parse(words[1], in: 0...Int.max)
                    else {
                        throw ControlMistake("'lines' expects two numbers.")
                    }
                    return Lines(count, of: length)
                }),
            ControlCommand("made", "") { _, _, answer in answer("\(Lines.made)") },
            ControlCommand("finished", "") { _, _, answer in answer("\(Lines.finished)") },
            ControlCommand("sessions", "") { [unowned server] _, _, answer in answer("\(server.sessions.count)") },
        ])
    }

    private static func number(_ command: String, at path: String) throws -> Int {
        Int(try ControlClient.ask(command, at: path).dropLast(2)) ?? -1
    }

    @Test("a report is the answer, with its empty line, in its place among others")
    func report() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try serveControl(at: path, prepare: Self.prepare) { (path: String) throws in
                #expect(try ControlClient.ask("echo a;lines 3 2;echo b", at: path) == "a\n\nx\nx\nx\n\nb\n\n")
                #expect(try ControlClient.ask("lines 0 2", at: path) == "\n")
                #expect(try ControlClient.ask("lines;echo b", at: path) == "'lines' expects two numbers.\n\nb\n\n")
                let client = try ControlClient(path)
                try client.ask("prompt", "\nmaster> ")
                try client.ask("lines 1 3", "xx\n\nmaster> ")
            }
        }
    }

    @Test("a client's few commands are answered while those of many sessions go on for long")
    func fairness() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try serveControl(at: path, prepare: Self.prepare) { (path: String) throws in
                let line = Array(repeating: "lines 500 1", count: 1000).joined(separator: ";") + "\n"
                let attackers = try (0..<20).map { _ in try ControlClient(path) }
                for attacker in attackers { try attacker.send(line) }
                #expect(try eventually { try Self.number("finished", at: path) > 20 })
                for _ in 0..<20 { #expect(try ControlClient.ask("echo a", at: path) == "a\n\n") }
                // Of twenty thousand.
                let finished = try Self.number("finished", at: path)
                #expect(finished < 15_000, "\(finished)")
            }
        }
    }

    @Test("of answers that nobody reads only a little is made, and the client that does not read is dropped")
    func backPressure() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            try serveControl(at: path, prepare: Self.prepare) { (path: String) throws in
                let clients = try (0..<5).map { _ in try ControlClient(path) }
                let line = Array(repeating: "lines 100 1000", count: 500).joined(separator: ";") + "\n"
                for client in clients { try client.send(line) }
                var (before, now) = (-1, 0)
                #expect(
                    try eventually {
                        (before, now) = (now, try Self.number("made", at: path))
                        Poll.pause(.milliseconds(50))
                        return before == now && now > 0
                    })
                // Thousands of bytes each: what the kernel takes, and what the session keeps.
                #expect(now < 5 * 1000, "\(now)")
                // The first goes on where it stood as soon as it is read.
                var (count, buffer) = (0, [UInt8](repeating: 0, count: 65536))
                while count < 5_000_000 { count += try Descriptor.read(clients[0].number, into: &buffer) }
                #expect(try eventually(within: .seconds(30)) { try Self.number("sessions", at: path) <= 2 })
            }
        }
    }

    @Test("a report that is under way goes on after an exec, where it stood")
    func upgrade() async {
        await #expect(processExitsWith: .success) { [path = folder["c"] as String] in
            let kept = Kept()
            try serveControl(
                at: path,
                prepare: { master, server in
                    Self.prepare(master, server)
                    server.add([
                        ControlCommand("upgrade", "") { [unowned server] _, _, answer in
                            answer("soon")
                            master.after(.zero) {
                                let state = SavedState(decoding: SavedState(server.records).bytes)
                                for number in server.descriptors { master.unwatch(number) }
                                for session in server.sessions.values { session.server = nil }
                                guard let listener = try? Descriptor.duplicate(server.listener, above: [2]),
                                    let next = try? ControlServer(
                                        listener, file: server.file, master: master, accounts: server.accounts)
                                else { return }
                                Self.prepare(master, next)
                                next.restore(state) { _, _ in Issue.record("nobody waits") }
                                kept.server = next
                            }
                        }
                    ])
                },
                client: { (path: String) throws in
                    let client = try ControlClient(path)
                    try client.send("lines 20000 100;echo end\n")
                    #expect(Poll.readable(client.number, timeout: .seconds(10)))
                    #expect(try ControlClient.ask("upgrade", at: path) == "soon\n\n")
                    #expect(try ControlClient.ask("echo a", at: path) == "a\n\n")
                    let text = try client.readToEnd()
                    #expect(text.utf8.count == 2_000_001 + 5 && text.hasSuffix("x\n\nend\n\n"), "\(text.utf8.count)")
                })
        }
    }

    @Test("strangers leave room for root, and one of them for the others")
    func strangers() {
        let accounts = ControlAccounts()
        accounts.limit(sessions: 100)
        func open(_ user: UserID, _ most: Int) -> Int {
            for count in 0..<most {
                guard accounts.admit(user) == .yes else { return count }
                accounts.add(ControlSession(-1, user: user))
            }
            return most
        }
        #expect(open(70_001, 1000) == 75)
        #expect(open(70_002, 10) == 0)
        #expect(open(0, 1000) == 25)
        #expect(accounts.admit(0) == .last)
        let large = ControlAccounts()
        large.limit(sessions: 8192)
        var count = 0
        while large.admit(70_001) == .yes, count < 8192 {
            large.add(ControlSession(-1, user: 70_001))
            count += 1
        }
        #expect(count == 1024)
        #expect(large.admit(70_002) == .yes)
    }

    @Test("what the sessions of one user keep is counted together, and given back")
    func memory() {
        let accounts = ControlAccounts()
        let sessions = (0..<40).map { _ in ControlSession(-1, user: 70_001) }
        for session in sessions { accounts.add(session) }
        var taken = 0
        for session in sessions {
            session.send([UInt8](repeating: 0, count: 1 << 20))
            guard accounts.account(for: session) else { break }
            taken += 1
        }
        #expect(taken == 16)
        #expect(!accounts.hasRoom(for: 0, of: 70_001) && accounts.hasRoom(for: 1 << 20, of: 70_002))
        for session in sessions { accounts.remove(session) }
        #expect(accounts.hasRoom(for: 1 << 20, of: 70_001))
    }

    @Test("each user has a turn, and each of a user's sessions")
    func turns() {
        var turns = ControlTurns()
        let many = (0..<3).map { ControlSession(Int32($0), user: 1) }
        let one = ControlSession(10, user: 2)
        for session in many + [one, one] { turns.append(session) }
        var order: [Int32] = []
        for _ in 0..<8 {
            guard let session = turns.popFirst() else { break }
            order.append(session.descriptor)
            turns.append(session)
        }
        #expect(order == [0, 10, 1, 10, 2, 10, 0, 10])
        for _ in 0..<4 { _ = turns.popFirst() }
        #expect(turns.isEmpty && turns.popFirst() == nil)
    }

    @Test("who has just asked comes before those of his own whose commands take long, but not always")
    func shortTurns() {
        var turns = ControlTurns()
        let long = (0..<3).map { ControlSession(Int32($0), user: 1) }
        let short = (10..<20).map { ControlSession(Int32($0), user: 1) }
        for session in long { session.isLong = true }
        for session in long + short { turns.append(session) }
        var order: [Int32] = []
        while let session = turns.popFirst() { order.append(session.descriptor) }
        #expect(order == [10, 11, 12, 0, 13, 14, 15, 1, 16, 17, 18, 2, 19])
    }

    @Test("commands are read from their line as they were all at once", arguments: 0..<4)
    func commands(seed: UInt64) throws {
        var random = Seeded(seed)
        let parts = [" ", "\t", ";", "\\", "\r", "<<", "a", "show", "ü", "\u{301}", "\0"]
        for _ in 0..<20_000 {
            var line = ""
            for _ in 0..<random.next() % 12 { line += parts[Int(random.next() % UInt64(parts.count))] }
            var (requests, _) = try ControlLine.parse(line.utf8)
            if !requests.isEmpty, random.next() % 2 == 0 { requests[requests.count - 1].payload = "a;b\n" }
            var commands = ControlCommands(requests)
            var found: [ControlRequest] = []
            while let request = commands.popFirst() { found.append(request) }
            guard found == requests, commands.size == 0 else {
                Issue.record("seed \(seed): \(Array(line.utf8)): \(found)")
                return
            }
        }
    }

    @Test("a line of a command's limit whose words need escapes is still understood")
    func longLine() throws {
        let line = String(repeating: "<<a ", count: 63) + String(repeating: "x", count: 16_384 - 63 * 4)
        let (requests, _) = try ControlLine.parse(line.utf8)
        var commands = ControlCommands(requests)
        #expect(commands.popFirst() == requests.first && commands.popFirst() == nil)
    }
}
