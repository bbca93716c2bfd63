import Unix

/// The path as it is from everywhere: a relative one counts from the caller's working folder.
package func absolutePath(_ text: String) throws(OptionMistake) -> String {
    if text.isEmpty { throw OptionMistake("must not be empty") }
    if text.utf8.contains(0) { throw OptionMistake("holds a zero byte") }
    if text.hasPrefix("/") { return text }
    guard let folder = Files.workingDirectory() else {
        throw OptionMistake("is relative, and the working folder cannot be told")
    }
    return folder == "/" ? "/\(text)" : "\(folder)/\(text)"
}

/// Where a daemon's files lie when no option says it.
package struct DefaultPaths {
    package let pidFile: String
    package let logFile: String

    /// /run and /var/log for root; the user's runtime and state folders (XDG base directories) for others.
    package init(name: String) {
        let user = CurrentProcess.userID
        if user == 0 {
            pidFile = "\(Self.systemRuntime)/\(name).pid"
            logFile = "/var/log/\(name).log"
            return
        }
        let runtime = [Environment["XDG_RUNTIME_DIR"], "/run/user/\(user)"].compactMap(\.self).first(where: isFolder)
        let state =
            [Environment["XDG_STATE_HOME"], Environment["HOME"].map { "\($0)/.local/state" }]
            .compactMap(\.self).first(where: isFolder)
        pidFile = runtime.map { "\($0)/\(name).pid" } ?? "/tmp/\(name)-\(user).pid"
        logFile = (state ?? runtime).map { "\($0)/\(name).log" } ?? "/tmp/\(name)-\(user).log"
    }

    #if os(Linux)
    static let systemRuntime = "/run"
    #else
    static let systemRuntime = "/var/run"
    #endif
}

private func isFolder(_ path: String) -> Bool {
    path.hasPrefix("/") && (try? FileStatus(path: path))?.kind == .directory
}
