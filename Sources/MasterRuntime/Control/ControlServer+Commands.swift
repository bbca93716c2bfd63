import DaemonCore
import Unix

/// The commands that every control socket understands.
extension ControlServer {
    var ownCommands: [ControlCommand] {
        [
            ControlCommand("help", "this list; of some commands with their first words") {
                [unowned self] words, session, answer in
                answer(help(words, session.level))
            },
            ControlCommand("prompt", "toggle the interactive mode; 'n' none, 'i' without a prompt, 'p' with it") {
                words, session, answer in
                answer(Self.prompt(words, session))
            },
            ControlCommand("quit", "end the session") { _, session, answer in
                session.isEnding = true
                answer("")
            },
            ControlCommand("echo", "say the words that follow") { words, _, answer in
                answer("\(words.joined(separator: " "))\n")
            },
            ControlCommand("operator", "lower this session's level to operator") { _, session, answer in
                answer(Self.lower(session, to: .operator))
            },
            ControlCommand("user", "lower this session's level to user") { _, session, answer in
                answer(Self.lower(session, to: .user))
            },
            ControlCommand("show cli level", "this session's level") { _, session, answer in
                answer("\(session.level)\n")
            },
            ControlCommand("show cli sockets", "the control sockets and their levels") {
                [unowned self] _, _, answer in
                let lines = servers().map { "unix@\($0.file.path) \($0.level) all\n" }
                answer("# socket lvl processes\n\(lines.joined())")
            },
        ]
    }

    private static func prompt(_ words: [String], _ session: ControlSession) -> String {
        guard let word = words.first else {
            session.mode = session.mode == .prompting ? .single : .prompting
            return ""
        }
        guard let mode = ControlSession.Mode(rawValue: word), words.count == 1 else {
            return "'prompt' expects nothing, 'n', 'i' or 'p'.\n"
        }
        session.mode = mode
        return ""
    }

    private static func lower(_ session: ControlSession, to level: ControlLevel) -> String {
        guard session.level >= level else { return permissionDenied }
        session.level = level
        return ""
    }

    // MARK: Help

    private func help(_ words: [String], _ level: ControlLevel) -> String {
        commands.help(words, level, before: words.isEmpty && router != nil ? Self.prefixes : [])
    }

    private static let prefixes = [
        ("@!PID", "send a command to the child with this pid, or all that follow"),
        ("@N", "send it to the current worker of this number"),
        ("@NAME", "send it to the first current child of this service"),
        ("@master", "send it to the master"),
    ]
}
