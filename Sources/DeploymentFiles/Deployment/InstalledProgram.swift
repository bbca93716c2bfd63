import DaemonCore
import Unix

/// Where the printed files find the executable.
package struct InstalledProgram: Equatable, Sendable {
    /// As it was called, made absolute: a symbolic link to a release stays one, so that the next release is found too.
    package let path: String
    /// Where the links lead to.
    package let target: String

    package init(path: String, target: String) {
        self.path = path
        self.target = target
    }

    /// The place of an executable that is installed by hand.
    init(named name: String) { self.init(path: "/usr/sbin/\(name)", target: "/usr/sbin/\(name)") }

    /// The running executable, called by `name`; nil where it still lies in a directory of the package manager's, from
    /// which no service is run.
    ///
    /// - Parameters:
    ///   - name: The first word of the command line, which may be any text: it is believed where that file is this one.
    ///   - search: PATH, for a name without a slash.
    ///   - directory: The working directory.
    package static func running(as name: String, search: String?, in directory: String?) -> InstalledProgram? {
        guard let target = Files.executablePath(), let status = try? FileStatus(following: target) else { return nil }
        let called = (try? Spawn.find(name, path: search)).flatMap { absolute($0, directory) }
        let path = called.flatMap { leads($0, to: status) ? $0 : nil } ?? target
        guard !path.split(separator: "/").contains(".build") else { return nil }
        return InstalledProgram(path: path, target: target)
    }

    /// By links that nobody but root and the caller can lead elsewhere later.
    private static func leads(_ path: String, to status: FileStatus) -> Bool {
        guard let way = try? FileLocation(path, last: .followed), way.isSafe, let found = try? way.status else {
            return false
        }
        return found.identity == status.identity
    }

    /// Without what a unit's path may not have. Where `..` stands behind a link, this is another file's path.
    private static func absolute(_ path: String, _ directory: String?) -> String? {
        guard path.hasPrefix("/") || directory != nil else { return nil }
        var parts: [Substring] = []
        for part in (path.hasPrefix("/") ? path : "\(directory ?? "")/\(path)").split(separator: "/") where part != "."
        {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// Whether it is below one of the directories, itself or by its links.
    func isBelow(_ directories: [String]) -> Bool {
        directories.contains { path.hasPrefix($0) || target.hasPrefix($0) }
    }
}
