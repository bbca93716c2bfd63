@testable import masterd

/// The configuration of one file, `m.cfg`.
func read(_ text: String, environment: [String: String] = [:]) throws(ConfigurationError) -> Configuration {
    try Configuration.parse([file("m.cfg", text)], environment: environment)
}

func file(_ path: String, _ text: String) -> ConfigurationFile {
    ConfigurationFile(path: path, contents: Array(text.utf8))
}

/// The lines that are said of a configuration, none where it is right.
func mistakes(_ files: [ConfigurationFile], environment: [String: String] = [:]) -> [String] {
    do {
        _ = try Configuration.parse(files, environment: environment)
        return []
    } catch {
        return error.mistakes.map(\.description)
    }
}

func mistakes(_ text: String, environment: [String: String] = [:]) -> [String] {
    mistakes([file("m.cfg", text)], environment: environment)
}

/// A line of a worker section that is right but for this line, the third of its file.
func inWorker(_ line: String) -> String { "worker w\n command x\n \(line)\n" }
func inProgram(_ line: String) -> String { "program p\n command x\n \(line)\n" }
/// The second of its file.
func inGlobal(_ line: String) -> String { "global\n \(line)\nworker w\n command x\n" }
func inListen(_ line: String) -> String { "listen l\n \(line)\nworker w\n command x\n" }
