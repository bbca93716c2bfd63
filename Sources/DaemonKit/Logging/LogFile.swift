import Unix

/// A log file on its way: opened 0600 for appending, never through a symbolic link, never waiting at a fifo.
struct LogFile: Sendable {
    let path: String
    /// Whom the daemon becomes: a log may be its already.
    private let owners: [UserID]
    /// Opens the file once a chroot hides the path.
    private let keeper: Keeper?

    init(path: String, owners: [UserID] = [], keeper: Keeper? = nil) {
        self.path = path
        self.owners = owners
        self.keeper = keeper
    }

    func open() throws(DaemonError) -> FileDescriptor {
        if let file = try keeper?.openLog(path) { return file }
        return try attempt(.logFile, "log file \(path)") { () throws(FileRefusal) in
            try SafeFile.append(path, mode: 0o600, owners: owners)
        }
    }
}

/// The folder and the last name of an absolute path.
func split(path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let folder = slash == path.startIndex ? "/" : String(path[..<slash])
    return (folder, String(path[path.index(after: slash)...]))
}
