import DaemonKit
import Unix

/// What masterd runs, as its files say it: values only, nothing is opened or looked up here.
/// The contract is section 4 of the master-worker specification.
struct Configuration: Equatable, Sendable {
    var global = GlobalSettings()
    var listeners: [ListenSection] = []
    /// Workers and programs in the order of the files.
    var services: [ServiceSection] = []
    /// What the global section makes of the master's environment.
    var environment: [String: String] = [:]
    /// Which of them the global section has set or unset.
    var variablesOfFiles: Set<String> = []

    /// What the files of `env-file` say, by their paths.
    var environmentFiles: [String: [Variable]] = [:]

    var workers: [ServiceSection] { services.filter { $0.kind == .worker } }
    var programs: [ServiceSection] { services.filter { $0.kind == .program } }

    /// Reads the files in their order. `environment` is the master's own, before any `setenv`.
    static func parse(
        _ files: [ConfigurationFile], environment: [String: String]
    ) throws(ConfigurationError) -> Configuration {
        try ConfigurationParser.parse(files, environment: environment)
    }
}
