import MasterRuntime
import Synchronization

/// The commands that a worker answers: the daemon's own, then those that every worker has.
///
/// Each command runs on a thread of its own while there is something to run: one that hangs holds up neither signals
/// nor the other commands, only its next run.
final class WorkerCommands: Sendable {
    struct Command: NamedCommand, Sendable {
        let words: [String]
        let help: String
        let level: ControlLevel
        let body: @Sendable (CommandRequest) throws -> String
        fileprivate let handlers = Handlers()
        fileprivate let waiting = Waiting()

        init(
            _ words: String, _ help: String, level: ControlLevel,
            _ body: @escaping @Sendable (CommandRequest) throws -> String
        ) {
            self.words = words.split(separator: " ").map(String.init)
            self.help = help
            self.level = level
            self.body = body
        }
    }

    /// How many runs of a command have begun or wait.
    fileprivate final class Waiting: Sendable {
        let count = Atomic(0)
    }

    private struct State {
        var own: [Command] = []
        var builtIn: [Command] = []
        var all: [Command] { own + builtIn }
    }

    private let state = Mutex(State())
    /// Refusals.
    private let handlers = Handlers()
    /// A hanging command that is asked again and again must not fill the memory.
    static let mostWaiting = 64

    /// One of the same words takes the place of an earlier one.
    func add(_ command: Command) {
        precondition(!command.words.isEmpty, "a command has at least one word")  // bounded: the author names the words
        state.withLock { state in
            state.own.removeAll { $0.words == command.words }
            state.own.append(command)
        }
    }

    func setBuiltIn(_ commands: [Command]) { state.withLock { $0.builtIn = commands } }

    func help(_ words: [String], _ level: ControlLevel) -> String { state.withLock(\.all).help(words, level) }

    /// Runs what only says no, on another thread.
    func refuse(_ answer: @escaping @Sendable () -> Void) { handlers.run(answer) }

    /// Answers exactly once, on another thread.
    func run(_ request: ControlRequest, level: ControlLevel, _ answer: @escaping @Sendable (String) -> Void) {
        let all = state.withLock(\.all)
        guard let command = all.called(by: request.words) else {
            return refuse { answer(all.unknown(request.words, level)) }
        }
        guard level >= command.level else { return refuse { answer(permissionDenied) } }
        let arguments = Array(request.words.dropFirst(command.words.count))
        let asked = CommandRequest(arguments: arguments, payload: request.payload, level: level)
        let waiting = command.waiting
        guard waiting.count.add(1, ordering: .relaxed).newValue <= Self.mostWaiting else {
            waiting.count.subtract(1, ordering: .relaxed)
            let name = command.words.joined(separator: " ")
            return refuse { answer("'\(name)' runs and does not end: \(Self.mostWaiting) requests wait.\n") }
        }
        command.handlers.run {
            let text: String
            do {
                text = try command.body(asked)
            } catch {
                text = "\(DaemonError(wrapping: error))\n"
            }
            answer(text)
            waiting.count.subtract(1, ordering: .relaxed)
        }
    }
}
