import MasterRuntime
import Synchronization
import Testing
import Unix

@testable import DaemonKit

@Suite("WorkerCommands", .timeLimit(.minutes(20)))
struct WorkerCommandsTests {
    private let commands = WorkerCommands()

    /// Answers that come on other threads.
    private final class Answers: Sendable {
        private let texts = Mutex<[String]>([])
        var all: [String] { texts.withLock(\.self) }
        func add(_ text: String) { texts.withLock { $0.append(text) } }
    }

    private func add(_ words: String, level: ControlLevel = .user, _ answer: String) {
        commands.add(.init(words, "help of \(words)", level: level) { "\(answer) \($0.arguments)" })
    }

    private func ask(_ words: String, level: ControlLevel = .admin) -> String? {
        let answers = Answers()
        commands.run(ControlRequest(words.split(separator: " ").map(String.init)), level: level, answers.add)
        guard eventually({ !answers.all.isEmpty }) else { return nil }
        return answers.all.first
    }

    @Test("The longest words that fit are the command, whoever registered them")
    func longest() {
        commands.setBuiltIn([.init("show", "", level: .user) { "built in \($0.arguments)" }])
        add("show cache", "own")
        #expect(ask("show cache x") == "own [\"x\"]")
        #expect(ask("show x") == "built in [\"x\"]")
        add("show cache size", "size")
        #expect(ask("show cache size") == "size []")
        #expect(ask("show cache sizes") == "own [\"sizes\"]")
    }

    @Test("Of the same words the last registration counts, and the daemon's before a built-in one")
    func replaced() {
        commands.setBuiltIn([.init("show info", "", level: .user) { _ in "built in" }])
        #expect(ask("show info") == "built in")
        add("show info", "first")
        add("show  info", "second")
        #expect(ask("show info") == "second []")
    }

    @Test("What is above the level is refused, not in help, and no hint")
    func levels() {
        add("flush", level: .operator, "done")
        #expect(ask("flush", level: .user) == "Permission denied!\n")
        #expect(ask("flush", level: .operator) == "done []")
        #expect(ask("flash", level: .user) == "Unknown command: 'flash'. Try 'help'.\n")
        #expect(ask("flash") == "Unknown command: 'flash', but maybe 'flush' is meant. Try 'help'.\n")
        #expect(commands.help([], .admin).contains("  flush                    : help of flush\n"))
        #expect(!commands.help([], .user).contains("flush"))
    }

    @Test("What is thrown is the answer, one line's end after it")
    func thrown() {
        struct Silent: Error, CustomStringConvertible { var description: String { "" } }
        commands.add(.init("a", "", level: .user) { _ in throw DaemonError("no a") })
        commands.add(.init("b", "", level: .user) { _ in throw Silent() })
        #expect(ask("a") == "no a\n")
        #expect(ask("b") == "unknown error of type Silent\n")
    }

    @Test("A command does not run twice at once, others run beside it, and its waiting requests are bounded")
    func hanging() throws {
        let (read, write) = try FileDescriptor.pipe().release()
        defer { Descriptor.close(read) }
        let (running, answers) = (Answers(), Answers())
        commands.add(
            .init("hang", "", level: .user) { _ in
                running.add("")
                _ = Poll.readable(read, timeout: .seconds(30))
                return "hung"
            })
        add("other", "beside")
        for _ in 0..<100 { commands.run(ControlRequest(["hang"]), level: .user, answers.add) }
        #expect(ask("other") == "beside []")
        #expect(eventually { answers.all.count == 36 })
        #expect(answers.all.allSatisfy { $0 == "'hang' runs and does not end: 64 requests wait.\n" })
        #expect(eventually { running.all.count == 1 })
        Descriptor.close(write)
        #expect(eventually { answers.all.count == 100 })
        #expect(answers.all.suffix(64).allSatisfy { $0 == "hung" } && running.all.count == 64)
        #expect(ask("hang") == "hung")
    }
}
