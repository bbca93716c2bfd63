import DeploymentFiles
import Text
import Unix

/// What the command line alone decides: mistakes, help, version, completion, deployment files.
package struct CommandLineInterface {
    private let daemon: Daemon
    private let options: [OptionDefinition]
    private let commands: CommandWords?
    private let manual: ManualNotes?

    /// `commands` are those of a program that is no daemon, and takes words beside its options. `manual` is for its
    /// page; nil for what holds for every daemon.
    package init(_ daemon: Daemon, _ list: OptionList, commands: CommandWords? = nil, manual: ManualNotes? = nil) {
        self.daemon = daemon
        self.commands = commands
        self.manual = manual
        options = list.offered(by: daemon)
    }

    /// The values, for a start; otherwise prints what was asked for and exits.
    func read(_ arguments: [String]) -> OptionValues { readAll(arguments).values }

    /// The same with the words that are no options: those before `--`, and those behind it.
    package func readAll(_ arguments: [String]) -> (values: OptionValues, operands: [String], rest: [String]) {
        let parser = CommandLineParser(
            Array(arguments.dropFirst()), options: options + StandardOption.hidden, takesOperands: commands != nil)
        let values = parser.values
        let mistakes = parser.mistakes + StandardOption.conflicts(in: values, daemon)
        guard mistakes.isEmpty else { refuse(mistakes) }
        let text = HelpText(daemon: daemon, options: options, commands: commands)
        if values[StandardOption.help] { printAndExit(text.help) }
        if values[StandardOption.version] { printAndExit(text.version) }
        if values[StandardOption.helpCompletion] { printAndExit(text.completionLines) }
        if values[StandardOption.helpManual] { printAndExit(text.manual(manual)) }
        if let shell = values[StandardOption.completionScript] { printAndExit(text.completionScript(for: shell)) }
        if let name = values[StandardOption.printService], let file = ServiceFile(rawValue: name) {
            let program = InstalledProgram.running(
                as: ProgramArguments.all.first ?? "", search: Environment["PATH"], in: Files.workingDirectory())
            let mistakes = file.mistakes(daemon, values, program: program)
            guard mistakes.isEmpty else { refuse(mistakes) }
            printAndExit(file.text(for: daemon, values, program: program))
        }
        return (values, parser.operands, parser.rest)
    }

    /// All that is wrong, and the exit status that says so.
    package func refuse(_ mistakes: [String]) -> Never {
        let lines = mistakes.map { "\(daemon.name): \($0)\n" }.joined()
        try? Descriptor.writeAll(2, VisibleText.lines(lines) + "Try '\(daemon.name) --help'.\n")
        CurrentProcess.exit(2)
    }

    /// A full disk or a closed pipe is a failure, not a success without output.
    private func printAndExit(_ text: String) -> Never {
        do {
            try Descriptor.writeAll(1, text)
        } catch {
            try? Descriptor.writeAll(2, "\(daemon.name): cannot write to standard output: \(error)\n")
            CurrentProcess.exit(1)
        }
        CurrentProcess.exit(0)
    }
}
