import DaemonKit
import Text
import Unix

/// The daemons of a directory of `NAME.conf` files.
struct Registry {
    private static let suffix = ".conf"
    private static let longestFile = 1 << 20

    let directory: String
    /// By name.
    private(set) var daemons: [ConfiguredDaemon] = []
    /// What is wrong with the files of others, by their names.
    private(set) var broken: [String: [Mistake]] = [:]

    init(_ directory: String, environment: [String: String] = Environment.variables) {
        self.directory = directory
        let files = Files.names(in: directory).filter { $0.hasSuffix(Self.suffix) && !$0.hasPrefix(".") }
        for file in files.sorted() {
            let name = String(file.dropLast(Self.suffix.count))
            do {
                daemons.append(try Self.read("\(directory)/\(file)", name, environment))
            } catch {
                broken[name] = error.mistakes
            }
        }
    }

    private static func read(
        _ path: String, _ name: String, _ environment: [String: String]
    ) throws(ConfigurationError) -> ConfiguredDaemon {
        let place = Place(file: path, line: 0)
        let file: ConfigurationFile
        do {
            file = try ConfigurationFile(reading: path, longest: longestFile)
        } catch {
            throw ConfigurationError(mistakes: [Mistake(place, "\(error)")])
        }
        guard file.contents.count <= longestFile else {
            throw ConfigurationError(mistakes: [Mistake(place, "more than \(longestFile) bytes.")])
        }
        return try DaemonFile.parse(file, name: name, environment: environment)
    }

    /// All mistakes, a line each.
    var mistakes: String {
        broken.sorted { $0.key < $1.key }.flatMap(\.value).map { "\($0)\n" }.joined()
    }

    /// In the order of start-all; daemons of the same order by name.
    var inOrder: [ConfiguredDaemon] { daemons.sorted { ($0.order, $0.name) < ($1.order, $1.name) } }

    /// The daemon of a name.
    func daemon(_ name: String) throws(Failure) -> ConfiguredDaemon {
        if let daemon = daemons.first(where: { $0.name == name }) { return daemon }
        if let mistakes = broken[name] {
            throw Failure(lines: mistakes.map(\.description), .notConfigured)
        }
        guard !daemons.isEmpty || !broken.isEmpty else {
            throw Failure("no daemon is configured in \(directory)", .notConfigured)
        }
        let near = Suggestion.nearest(name, daemons.map(\.name)).map { " (did you mean '\($0)'?)" } ?? ""
        throw Failure("no '\(name)' in \(directory)\(near)", .notConfigured)
    }
}
