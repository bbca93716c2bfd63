import DaemonCore

/// What `--help`, `--help-completion` and `--help-manual` print; the scripts for shells are in an extension.
package struct HelpText {
    let daemon: Daemon
    let options: [OptionDefinition]
    /// Of a program that is no daemon, and takes words beside its options.
    let commands: CommandWords?

    package init(daemon: Daemon, options: [OptionDefinition], commands: CommandWords? = nil) {
        self.daemon = daemon
        self.options = options
        self.commands = commands
    }

    var definitions: [OptionDefinition] { options.filter { $0.operands == nil } }
    var operand: OptionDefinition? { options.first { $0.operands != nil } }

    package var help: String {
        var text = "Usage: \(daemon.name) \(commands == nil ? "" : "COMMAND [NAME...] ")[OPTIONS]\(operandUsage)\n"
        if !daemon.summary.isEmpty { text += "\(daemon.summary)\n" }
        if let commands {
            text += "\nCommands:\n"
            text += table(commands.commands.map { ($0.usage, $0.help) })
        }
        text += "\nOptions:\n" + table(definitions.map { (names($0), sentence($0)) })
        if let operand { text += "\nOperands:\n" + table([(operand.name, operand.help)]) }
        return text
    }

    /// ` FILE...`, ` [FILE]`: in the manner of manual pages.
    private var operandUsage: String {
        guard let operand, let counts = operand.operands else { return "" }
        let name = operand.name + (counts.upperBound > 1 ? "..." : "")
        return counts.lowerBound > 0 ? " \(name)" : " [\(name)]"
    }

    private func table(_ rows: [(String, String)]) -> String {
        var text = ""
        let width = min(30, rows.map(\.0.count).max() ?? 0)
        for (names, sentence) in rows {
            let padding = String(repeating: " ", count: max(0, width - names.count))
            // bounded: a length in memory
            let gap = names.count > width ? "\n" + String(repeating: " ", count: width + 4) : padding + "  "
            text += "  \(wrapped(names))\(gap)\(sentence)\n"
        }
        return text
    }

    /// A long list of choices goes on in the next line.
    private func wrapped(_ names: String) -> String {
        guard names.count > 100, let bar = names.prefix(100).lastIndex(of: "|") else { return names }
        let next = names.index(after: bar)
        return names[..<next] + "\n" + String(repeating: " ", count: 8) + names[next...]
    }

    package var version: String { "\(daemon.name) \(daemon.version)\n" }

    private func names(_ option: OptionDefinition) -> String {
        let short = option.short.map { "-\($0), " } ?? "    "
        return short + "--\(option.name)" + (option.argument.map { "=\($0)" } ?? "")
    }

    func sentence(_ option: OptionDefinition) -> String {
        let fallback = option.name == "port" ? daemon.port.map { String($0) } : option.defaultText
        return option.help + (fallback.map { " (default \($0))" } ?? "")
    }

    /// `-f,--foreground none`, a line per option.
    package var completionLines: String {
        let lines = definitions.map { option in
            let short = option.short.map { "-\($0)," } ?? ""
            return "\(short)--\(option.name) \(kind(option.completion))\n"
        }
        let words = operand.map { operand in
            let counts = operand.operands ?? 0...Int.max  // bounded: two constants
            let most = counts.upperBound == .max - 1 ? "none" : "\(counts.upperBound)"
            return "\(counts.lowerBound) \(most) \(kind(operand.completion))\n"
        }
        return lines.joined() + (commands?.completionLines ?? words ?? "")
    }

    private func kind(_ completion: CompletionKind) -> String {
        switch completion.kind {
        case .none: "none"
        case .integer: "integer"
        case .string: "string"
        case .file, .command: "file"
        case .directory: "dir"
        case .internetAddress: "inetaddr"
        case .choices(let words): "choices=\(words.joined(separator: ","))"
        }
    }
}
