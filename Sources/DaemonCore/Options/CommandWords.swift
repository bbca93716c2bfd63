/// The words that a program takes beside its options: a command, and what the command is about.
package struct CommandWords: Sendable {
    package struct Command: Sendable {
        package let name: String
        /// What follows it, as the help shows it.
        package let operands: String
        package let help: String

        package init(_ name: String, _ operands: String, _ help: String) {
            self.name = name
            self.operands = operands
            self.help = help
        }

        package var usage: String { operands.isEmpty ? name : "\(name) \(operands)" }
    }

    package let commands: [Command]
    /// The program's own words that print what may follow a command, one a line, each plain in every shell.
    package let listing: String

    package init(_ commands: [Command], listing: String) {
        self.commands = commands
        self.listing = listing
    }

    private var names: String { commands.map(\.name).joined(separator: " ") }

    /// A command first, then as many words as there are: as Ganeti's daemons tell of operands.
    package var completionLines: String {
        "1 1 choices=\(commands.map(\.name).joined(separator: ","))\n0 none string\n"
    }

    /// What stands before the completion of options.
    package func bashLines(_ program: String) -> String {
        """
            if [[ $cur != -* ]]; then
                local word
                for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
                    case $word in
                    \(commands.map(\.name).joined(separator: "|")))
                        mapfile -t COMPREPLY < <(compgen -W "$(\(program) \(listing) 2>/dev/null)" -- "$cur")
                        # Where none begins so, it may be a file's path.
                        [[ $cur != */* ]] || compopt -o default
                        return ;;
                    esac
                done
                mapfile -t COMPREPLY < <(compgen -W '\(names)' -- "$cur")
                return
            fi

        """
    }

    package func zshLines(_ program: String) -> [String] {
        [
            "    '1:command:(\(names))'",
            "    '*:daemon:{compadd -- ${(f)\"$(\(program) \(listing) 2>/dev/null)\"}; _files}'",
        ]
    }

    package func fishLines(_ program: String, _ quoted: (String) -> String) -> String {
        let first = "complete -c \(program) -f -n __fish_use_subcommand"
        return commands.map { "\(first) -a \($0.name) -d '\(quoted($0.help))'\n" }.joined()
            + "complete -c \(program) -f -n 'not __fish_use_subcommand' -a '(\(program) \(listing) 2>/dev/null)'\n"
            + "complete -c \(program) -F -n 'string match -q \"*/*\" -- (commandline -ct)'\n"
    }
}
