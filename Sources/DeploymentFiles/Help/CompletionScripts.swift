import DaemonCore

/// What `--generate-completion-script` prints, for one shell or another.
extension HelpText {
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

    private static func patterns(_ option: OptionDefinition) -> [String] {
        (option.short.map { ["-\($0)"] } ?? []) + ["--\(option.name)"]
    }

    // MARK: bash

    private var bashScript: String {
        let words = definitions.flatMap(Self.patterns)
        let cases = definitions.filter { $0.argument != nil }.map { option in
            "        \(Self.patterns(option).joined(separator: "|"))) \(Self.bashReply(option))return ;;\n"
        }.joined()
        return """
            # bash completion for \(daemon.name)
            \(function)() {
                local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
                # "--option=value" comes as three words.
                if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
                COMPREPLY=()
                case $prev in
            \(cases)    esac
            \(commands?.bashLines(daemon.name) ?? bashOperandLines)\
                mapfile -t COMPREPLY < <(compgen -W '\(words.joined(separator: " "))' -- "$cur")
            }
            complete -F \(function) \(daemon.name)

            """
    }

    /// Files are left to readline: it alone knows how a name with a blank is quoted, and that a directory goes on.
    private static func bashReply(_ option: OptionDefinition) -> String {
        switch option.completion.kind {
        case .file, .internetAddress, .command: "compopt -o default; "
        case .directory: "compopt -o filenames -o dirnames; "
        case .choices(let words):
            "mapfile -t COMPREPLY < <(compgen -W '\(words.map(bashWord).joined(separator: " "))' -- \"$cur\""
                + (words.contains { bashWord($0) != $0 }
                    ? " | while IFS= read -r word; do printf '%q\\n' \"$word\"; done" : "") + "); "
        case .none, .integer, .string: ""
        }
    }

    private var bashOperandLines: String {
        switch operand?.completion.kind {
        case .file: "    if [[ $cur != -* ]]; then compopt -o default; return; fi\n"
        case .command: bashCommandLines
        default: ""
        }
    }

    /// Behind the program's name everything is the program's.
    private var bashCommandLines: String {
        let valued = definitions.filter { $0.argument != nil }.flatMap(Self.patterns).joined(separator: "|")
        return """
                local index=1
                while ((index < COMP_CWORD)); do
                    case ${COMP_WORDS[index]} in
                    --) ((index += 1)); break ;;
                    \(valued)) [[ ${COMP_WORDS[index+1]} != = ]] || ((index += 1)); ((index += 2)) ;;
                    -*) ((index += 1)) ;;
                    *) break ;;
                    esac
                done
                if ((index < COMP_CWORD)); then compopt -o default; return; fi
                if [[ $cur != -* ]]; then
                    [[ $cur == */* ]] || mapfile -t COMPREPLY < <(compgen -c -- "$cur")
                    compopt -o default
                    return
                fi

            """
    }

    /// A choice as compgen -W reads it, within single quotes: it expands and splits its list itself.
    private static func bashWord(_ word: String) -> String {
        word.map { letter in
            if letter == "'" { return "\\'\\''" }
            return letter.isLetter || letter.isNumber || "-_.,/:+@%=".contains(letter) ? String(letter) : "\\\(letter)"
        }.joined()
    }

    // MARK: zsh

    private var zshScript: String {
        let options = definitions.map { option in
            let help = quoted(option.help, escaping: "[]:")
            let action =
                switch option.completion.kind {
                case .none: ""
                case .file, .internetAddress, .command: ":\(option.name):_files"
                case .directory: ":\(option.name):_path_files -/"
                case .choices(let words): ":\(option.name):(\(words.map(Self.zshWord).joined(separator: " ")))"
                case .integer, .string: ":\(option.name): "
                }
            let equals = option.argument == nil ? "" : "="
            let long = "'--\(option.name)\(equals)[\(help)]\(action)'"
            guard let short = option.short else { return "    \(long)" }
            let plus = option.argument == nil ? "" : "+"
            return "    '-\(short)\(plus)[\(help)]\(action)' \\\n    \(long)"
        }
        let lines = options + (commands?.zshLines(daemon.name) ?? zshOperands)
        return """
            #compdef \(daemon.name)
            \(function)() {
            _arguments -s \\
            \(lines.joined(separator: " \\\n"))
            }
            if [ "$funcstack[1]" = "\(function)" ]; then \(function) "$@"; else compdef \(function) \(daemon.name); fi

            """
    }

    private var zshOperands: [String] {
        guard let operand else { return [] }
        let name = quoted(operand.name, escaping: ":")
        return switch operand.completion.kind {
        case .file: ["    '*:\(name):_files'"]
        case .command: ["    '(-)1:\(name):{_command_names -e; _files}'", "    '*::arguments:_normal'"]
        default: []
        }
    }

    /// A choice within the parentheses of a specification, whose colons separate.
    private static func zshWord(_ word: String) -> String {
        bashWord(word).split(separator: ":", omittingEmptySubsequences: false).joined(separator: "\\:")
    }

    // MARK: fish

    private var fishScript: String {
        let lines = definitions.map { option in
            var line = "complete -c \(daemon.name) -l \(option.name)"
            if let short = option.short { line += " -s \(short)" }
            switch option.completion.kind {
            case .none: break
            case .file, .internetAddress, .command: line += " -r -F"
            case .directory: line += " -x -a '\(Self.fishDirectories)'"
            case .choices(let words): line += " -x -a '\(quoted(Self.fishWords(words), escaping: ""))'"
            case .integer, .string: line += " -x"
            }
            return line + " -d '\(quoted(option.help, escaping: ""))'\n"
        }
        return fishOperands + lines.joined() + (commands?.fishLines(daemon.name) { quoted($0, escaping: "") } ?? "")
    }

    /// Where no operand is a file, none is offered but for an option that wants one: `-f` in the option's own line would
    /// contradict its `-F`.
    private var fishOperands: String {
        switch operand?.completion.kind {
        case .file: ""
        case .command: "complete -c \(daemon.name) -x -a '(__fish_complete_subcommand)'\n"
        default: "complete -c \(daemon.name) -f\n"
        }
    }

    /// fish compares with what stands behind `--option=`, and its function does not take that off.
    private static let fishDirectories =
        #"(__fish_complete_directories (commandline -ct | string replace -r "^--[^=]*=" ""))"#

    /// As fish reads a list of its own: each word in quotes where it needs some.
    private static func fishWords(_ words: [String]) -> String {
        words.map { word in
            let isPlain = word.allSatisfy { $0.isLetter || $0.isNumber || "-_.,/:+@%=".contains($0) }
            return isPlain ? word : "'\(quoted(word, escaping: "", quote: "\\'"))'"
        }.joined(separator: " ")
    }

    // MARK: Quotes

    private func quoted(_ text: String, escaping special: String) -> String {
        Self.quoted(text, escaping: special, quote: special.isEmpty ? "\\'" : "'\\''")
    }

    private static func quoted(_ text: String, escaping special: String, quote: String) -> String {
        var result = ""
        for letter in text {
            if letter == "'" {
                result += quote
            } else {
                result += letter == "\\" || special.contains(letter) ? "\\\(letter)" : String(letter)
            }
        }
        return result
    }
}
