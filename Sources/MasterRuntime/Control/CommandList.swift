import DaemonCore
import Text
import Unix

/// What finding a command, listing it and refusing it needs to know.
package protocol NamedCommand {
    /// The words that call it; what follows are its arguments.
    var words: [String] { get }
    var help: String { get }
    var level: ControlLevel { get }
}

extension Array where Element: NamedCommand {
    /// The command whose words fit and are the longest; the first of several.
    package func called(by words: [String]) -> Element? {
        filter { words.starts(with: $0.words) }.max { $0.words.count < $1.words.count }
    }

    /// What `help` answers: the commands at this level that begin with these words, and before them lines that are none.
    package func help(_ words: [String], _ level: ControlLevel, before: [(String, String)] = []) -> String {
        let known = filter { $0.level <= level && $0.words.starts(with: words) }
        guard !known.isEmpty else { return unknown(words, level) }
        let lines = before + known.map { ($0.words.joined(separator: " "), $0.help) }
        return "The following commands are valid at this level:\n"
            + lines.map { "  \(Self.padded($0)) : \($1)\n" }.joined()
    }

    private static func padded(_ text: String) -> String {
        text + String(repeating: " ", count: Swift.max(0, 24 - text.count))
    }

    package func unknown(_ words: [String], _ level: ControlLevel) -> String {
        let all = filter { $0.level <= level }.map { $0.words.joined(separator: " ") }
        let nearest =
            Suggestion.nearest(words.prefix(2).joined(separator: " "), all)
            ?? Suggestion.nearest(words.first ?? "", all)
        let hint = nearest.map { ", but maybe '\($0)' is meant" } ?? ""
        return "Unknown command: '\(words.joined(separator: " "))'\(hint). Try 'help'.\n"
    }
}

/// What every process says of a command that is above the session's level.
package let permissionDenied = "Permission denied!\n"

/// What `show env` answers: one variable, or all.
package func environmentText(_ name: String?) -> String {
    let all = Environment.entries.map { String(decoding: $0, as: UTF8.self) }
    let chosen = name.map { name in all.filter { $0.hasPrefix("\(name)=") } } ?? all
    return chosen.isEmpty ? "Variable not found\n" : chosen.map { "\($0)\n" }.joined()
}
