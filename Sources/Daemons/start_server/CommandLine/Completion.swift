import DaemonKit
import DeploymentFiles

/// What `--generate-completion-script` prints: for who makes packages, as `--help-manual`.
enum Completion {
    /// The script that the words of a command line ask for; nil where they ask for something else.
    static func script(_ words: some Sequence<String>) -> String? {
        let words = words.flatMap { $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false) }
        guard words.count == 2, words.first == "--generate-completion-script", let shell = words.last,
            ["bash", "zsh", "fish"].contains(shell)
        else { return nil }
        let daemon = Daemon("start_server", version: releaseVersion)
        return DeploymentFiles.HelpText(daemon: daemon, options: options).completionScript(for: String(shell))
    }

    private static var options: [OptionDefinition] {
        let operands = Option(
            operands: "PROGRAM", count: 1..., help: "What is kept running, and its arguments", completion: .command)
        return SettingsOption.allCases.map { option in
            let help = Manual.phrase(about: option.rawValue)
            if option.isSwitch { return Option(flag: option.rawValue, help: help).definition }
            return Option<String>(
                option.rawValue, help: help, completion: option.completion, default: "", parse: { $0 }
            ).definition
        } + [operands.definition]
    }
}

extension SettingsOption {
    fileprivate var completion: CompletionKind {
        switch self {
        case .path, .logFile, .pidFile, .statusFile, .controlSocket: .file
        case .dir, .envdir: .directory
        case .readiness: .choices(["interval", "notify"])
        case .syslogFacility: StandardOption.syslogFacility.definition.completion
        case .signal, .signalOnHup, .signalOnTerm: .choices(["HUP", "INT", "KILL", "QUIT", "TERM", "USR1", "USR2"])
        case .enableAutoRestart, .daemonize, .restart, .stop, .help, .version, .upgrade, .reuseport, .syslog: .none
        case .port, .interval, .backlog, .autoRestartInterval, .killOldDelay, .backoff, .watchdog, .user, .group,
            .startTimeout, .stopTimeout, .maxOldGenerations, .syslogTag, .logMode, .logGroup:
            .string
        }
    }
}
