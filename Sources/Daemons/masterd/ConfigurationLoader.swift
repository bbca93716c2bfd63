import DaemonKit
import Unix

/// Finds and reads the files of `-c`, at the start and at each reload.
struct ConfigurationLoader: Sendable {
    private static let longestFile = 16 << 20

    private let paths: [String]
    /// What masterd itself was started with: `setenv` is undone at the next reload.
    private let environment: [String: String]

    /// The output of masterd itself is its log.
    private let isDetached: Bool

    /// Nothing is started: it is read only once.
    private let isChecked: Bool

    init(_ paths: [String], isDetached: Bool, isChecked: Bool) {
        self.paths = paths
        self.isChecked = isChecked
        self.isDetached = isDetached
        environment = Environment.variables
    }

    /// Everything that is wrong is found at once: in the files, and on this system.
    func load() throws(ConfigurationError) -> Configuration {
        var files: [ConfigurationFile] = []
        var mistakes: [Mistake] = []
        for path in paths.flatMap(expand) {
            if let refusal = refusal(of: path) {
                mistakes.append(Mistake(Place(file: path, line: 0), refusal))
                continue
            }
            do {
                files.append(try ConfigurationFile(reading: path, longest: Self.longestFile))
            } catch {
                mistakes.append(Mistake(Place(file: path, line: 0), "\(error)"))
            }
        }
        guard mistakes.isEmpty else { throw ConfigurationError(mistakes: mistakes) }
        var configuration = try Configuration.parse(files, environment: environment)
        mistakes = readEnvironmentFiles(&configuration)
        mistakes += configuration.mistakes(.real) + (isDetached ? configuration.sharedLogs : [])
        guard mistakes.isEmpty else { throw ConfigurationError(mistakes: mistakes) }
        return configuration
    }

    /// What keeps `env-file` from being followed: where the line stands, or in the file that it names.
    private func readEnvironmentFiles(_ configuration: inout Configuration) -> [Mistake] {
        var mistakes: [Mistake] = []
        for reference in configuration.services.flatMap(\.environmentFiles)
        where configuration.environmentFiles[reference.name] == nil {
            do {
                let file = EnvironmentFile(try ConfigurationFile(reading: reference.name, longest: Self.longestFile))
                configuration.environmentFiles[reference.name] = file.variables
                mistakes += file.mistakes
            } catch {
                mistakes.append(Mistake(reference.place, "'env-file': cannot read \(reference.name): \(error)"))
            }
        }
        return mistakes
    }

    /// What can be read once only is gone at the next reload, and at the upgrade.
    private func refusal(of path: String) -> String? {
        // To look at it is all that is asked for, and it is there still.
        if isChecked, ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].contains(path) { return nil }
        let kind = (try? FileStatus(following: path))?.kind
        let isDescriptor = ["/dev/fd/", "/proc/self/fd/", "/dev/stdin"].contains(where: path.hasPrefix)
        guard isDescriptor || kind.map({ $0 != .regular && $0 != .directory }) == true else { return nil }
        let what = isDescriptor ? "is a descriptor of the caller" : "is \(kind?.rawValue ?? "no file")"
        return "\(what): a configuration is read again at each "
            + "reload, so give the path of a file"
    }

    /// A directory stands for its `*.cfg`, by name.
    private func expand(_ path: String) -> [String] {
        guard (try? FileStatus(following: path))?.kind == .directory else { return [path] }
        return Files.names(in: path).filter { $0.hasSuffix(".cfg") && !$0.hasPrefix(".") }.sorted().map {
            "\(path)/\($0)"
        }
    }
}
