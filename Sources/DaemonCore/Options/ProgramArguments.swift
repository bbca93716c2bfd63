import Unix

/// The words that this process was started with, the program's name first.
package enum ProgramArguments {
    /// Never empty: without a command line nothing is done, for `--stop` would be a start.
    package static let all: [String] = {
        let words = CurrentProcess.arguments.map { String(system: $0) }
        guard !words.isEmpty else {
            try? Descriptor.writeAll(2, "The command line cannot be read: is /proc mounted, and argv[0] set?\n")
            CurrentProcess.exitNow(1)
        }
        return words
    }()
}
