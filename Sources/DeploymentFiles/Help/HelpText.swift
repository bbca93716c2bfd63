import DaemonCore

/// What `--help`, `--help-completion`, `--help-manual` and `--generate-completion-script` print.
package struct HelpText {
    let daemon: Daemon
    let options: [any DaemonOption]
    /// Of a program that is no daemon, and takes words beside its options.
    let commands: CommandWords?

    package init(daemon: Daemon, options: [any DaemonOption], commands: CommandWords? = nil) {
        self.daemon = daemon
        self.options = options
        self.commands = commands
    }

    var definitions: [OptionDefinition] { options.map(\.definition).filter { $0.operands == nil } }
    var operand: OptionDefinition? { options.map(\.definition).first { $0.operands != nil } }

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
        case .file: "file"
        case .directory: "dir"
        case .internetAddress: "inetaddr"
        case .choices(let words): "choices=\(words.joined(separator: ","))"
        }
    }

    package func completionScript(for shell: String) -> String {
        switch shell {
        case "bash": bashScript
        case "zsh": zshScript
        default: fishScript
        }
    }

    private var function: String {
        "_" + String(daemon.name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }

    private var bashScript: String {
        let words = definitions.flatMap { option in (option.short.map { ["-\($0)"] } ?? []) + ["--\(option.name)"] }
        let cases = definitions.filter { $0.argument != nil }.map { option in
            let pattern = (option.short.map { "-\($0)|" } ?? "") + "--\(option.name)"
            let reply =
                switch option.completion.kind {
                case .file, .internetAddress: "compgen -f -- \"$cur\""
                case .directory: "compgen -d -- \"$cur\""
                case .choices(let words): "compgen -W '\(words.map(bashWord).joined(separator: " "))' -- \"$cur\""
                case .none, .integer, .string: ":"
                }
            return "        \(pattern)) mapfile -t COMPREPLY < <(\(reply)); return ;;\n"
        }.joined()
        return """
            # bash completion for \(daemon.name)
            \(function)() {
                local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
                # "--option=value" comes as three words.
                if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
                case $prev in
            \(cases)    esac
            \(commands?.bashLines(daemon.name) ?? bashOperandLine)\
                mapfile -t COMPREPLY < <(compgen -W '\(words.joined(separator: " "))' -- "$cur")
            }
            complete -F \(function) \(daemon.name)

            """
    }

    private var bashOperandLine: String {
        guard operand?.completion == .file else { return "" }
        return "    if [[ $cur != -* ]]; then mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return; fi\n"
    }

    private var zshScript: String {
        let options = definitions.map { option in
            let help = quoted(option.help, escaping: "[]:")
            let action =
                switch option.completion.kind {
                case .none: ""
                case .file, .internetAddress: ":\(option.name):_files"
                case .directory: ":\(option.name):_files -/"
                case .choices(let words): ":\(option.name):(\(words.joined(separator: " ")))"
                case .integer, .string: ":\(option.name): "
                }
            let equals = option.argument == nil ? "" : "="
            let long = "'--\(option.name)\(equals)[\(help)]\(action)'"
            guard let short = option.short else { return "    \(long)" }
            let plus = option.argument == nil ? "" : "+"
            return "    '-\(short)\(plus)[\(help)]\(action)' \\\n    \(long)"
        }
        let operands =
            operand?.completion == .file ? ["    '*:\(quoted(operand?.name ?? "", escaping: ":")):_files'"] : []
        let lines = options + (commands?.zshLines(daemon.name) ?? operands)
        return """
            #compdef \(daemon.name)
            \(function)() {
            _arguments -s \\
            \(lines.joined(separator: " \\\n"))
            }
            if [ "$funcstack[1]" = "\(function)" ]; then \(function) "$@"; else compdef \(function) \(daemon.name); fi

            """
    }

    private var fishScript: String {
        let lines = definitions.map { option in
            var line = "complete -c \(daemon.name) -f -l \(option.name)"
            if let short = option.short { line += " -s \(short)" }
            switch option.completion.kind {
            case .none: break
            case .file, .internetAddress: line += " -r -F"
            case .directory: line += " -x -a '(__fish_complete_directories)'"
            case .choices(let words): line += " -x -a '\(words.joined(separator: " "))'"
            case .integer, .string: line += " -x"
            }
            return line + " -d '\(quoted(option.help, escaping: ""))'\n"
        }
        let operands = operand?.completion == .file ? "complete -c \(daemon.name) -F\n" : ""
        return lines.joined() + (commands?.fishLines(daemon.name) { quoted($0, escaping: "") } ?? operands)
    }

    /// A choice as compgen -W reads it, within single quotes: it expands and splits its list itself.
    private func bashWord(_ word: String) -> String {
        word.map { letter in
            if letter == "'" { return "\\'\\''" }
            return letter.isLetter || letter.isNumber || "-_.,/:+@%=".contains(letter) ? String(letter) : "\\\(letter)"
        }.joined()
    }

    private func quoted(_ text: String, escaping special: String) -> String {
        var result = ""
        for letter in text {
            if letter == "'" {
                result += special.isEmpty ? "\\'" : "'\\''"
            } else {
                result += letter == "\\" || special.contains(letter) ? "\\\(letter)" : String(letter)
            }
        }
        return result
    }
}
