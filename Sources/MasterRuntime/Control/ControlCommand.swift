import DaemonCore
import Unix

/// A control socket to be bound.
package struct ControlSocketRequest: Sendable {
    package let path: String
    package var mode: FileMode = 0o600
    package var owner: FileOwner?
    /// Of every session on it.
    package var level = ControlLevel.admin

    package init(_ path: String) { self.path = path }

    /// As `--control-socket` names it, with user and group looked up.
    package init(_ address: ControlAddress) throws(DaemonError) {
        self.init(address.path)
        let settings = try SocketSettings(address.options)
        (mode, owner) = (settings.mode ?? mode, settings.owner)
    }
}

/// A command that a control socket understands.
package struct ControlCommand: NamedCommand {
    package enum Body {
        /// Answers now or later, exactly once.
        case answer((_ arguments: [String], _ session: ControlSession, _ answer: @escaping (String) -> Void) -> Void)
        /// For an answer that grows with the number of children.
        case report((_ arguments: [String]) throws(ControlMistake) -> any ControlReport)
    }

    /// The words that call it; what follows are its arguments.
    package let words: [String]
    package let help: String
    package let level: ControlLevel
    package let body: Body

    package init(_ words: String, _ help: String, level: ControlLevel = .user, _ body: Body) {
        self.words = words.split(separator: " ").map(String.init)
        self.help = help
        self.level = level
        self.body = body
    }

    package init(
        _ words: String, _ help: String, level: ControlLevel = .user,
        run: @escaping ([String], ControlSession, @escaping (String) -> Void) -> Void
    ) { self.init(words, help, level: level, .answer(run)) }
}
