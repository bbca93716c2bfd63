import Unix

/// The path as it is from everywhere: a relative one counts from the caller's working directory.
package func absolutePath(_ text: String) throws(OptionMistake) -> String {
    if text.isEmpty { throw OptionMistake("must not be empty") }
    if text.utf8.contains(0) { throw OptionMistake("holds a zero byte") }
    if text.systemBytes != Array(text.utf8) { throw OptionMistake("is not UTF-8") }
    if text.hasPrefix("/") { return text }
    guard let directory = Files.workingDirectory() else {
        throw OptionMistake("is relative, and the working directory cannot be told")
    }
    if directory.systemBytes != Array(directory.utf8) {
        throw OptionMistake("is relative, and the working directory's name is not UTF-8")
    }
    return directory == "/" ? "/\(text)" : "\(directory)/\(text)"
}

/// The directory and the last name of an absolute path.
package func split(path: String) -> (directory: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let directory = slash == path.startIndex ? "/" : String(path[..<slash])
    return (directory, String(path[path.index(after: slash)...]))
}

/// Where a daemon's files lie when no option says it.
package struct DefaultPaths {
    package let pidFile: String
    package let logFile: String
    /// The directory in /tmp that the pid file or the log lies in, where the user has no other: it has to be made.
    private let temporary: String

    /// /run and /var/log for root. For others the pid file's place must not change while the daemon runs, or a second one
    /// would start beside it: the runtime directory of a login comes and goes with the session, so that it is a directory
    /// of the user's own in /tmp, which is everybody's. The log is in the state directory (XDG base directories) where
    /// that belongs to nobody else.
    package init(name: String) {
        let user = CurrentProcess.userID
        temporary = "/tmp/\(name)-\(user)"
        if user == 0 {
            pidFile = "\(Self.systemRuntime)/\(name).pid"
            logFile = "/var/log/\(name).log"
            return
        }
        let state =
            [Environment["XDG_STATE_HOME"], Environment["HOME"].map { "\($0)/.local/state" }]
            .compactMap(\.self).first { isOwnDirectory($0, others: 0o022) }
        pidFile = "\(temporary)/\(name).pid"
        logFile = "\(state ?? temporary)/\(name).log"
    }

    /// What lies there was put there by nobody else: where the path is one in /tmp, its directory is ours alone, made
    /// where `isMade` says so.
    package func checkOwner(of path: String, isMade: Bool = false) throws(DaemonError) {
        guard path.hasPrefix("\(temporary)/") else { return }
        do {
            try SafeFile.ownDirectory(temporary, isMade: isMade)
        } catch let error where error.errno == .noSuchFile {
            return
        } catch {
            throw DaemonError(.pidFile, "cannot use \(temporary)", error)
        }
    }

    /// For life: what cleans /tmp spares a directory that is locked. tmpfiles.d(5)
    package func keepFromCleaners(_ path: String) {
        guard path.hasPrefix("\(temporary)/"),
            let directory = try? FileDescriptor.open(temporary, [.directory, .noFollow]),
            (try? Descriptor.tryLock(directory.number, shared: true)) == true
        else { return }
        _ = directory.release()
    }

    #if os(Linux)
    static let systemRuntime = "/run"
    #else
    static let systemRuntime = "/var/run"
    #endif
}

/// A directory of ours, which `others` may not use.
private func isOwnDirectory(_ path: String, others: FileMode) -> Bool {
    guard path.hasPrefix("/"), let status = try? FileStatus(path: path) else { return false }
    return status.kind == .directory && status.owner == CurrentProcess.userID && status.mode & others == 0
}
