import Unix

/// A log file on its way: opened 0600 for appending, never through a symbolic link, never waiting at a fifo.
struct LogFile: Sendable {
    let path: String
    /// Where the path counts from: the file system's root, or the log's own folder once a chroot hides the path.
    private let directory: Int32
    private let name: String
    /// Whom the daemon becomes: a log may be its already.
    private let owners: [UserID]

    init(path: String, owners: [UserID] = []) {
        self.path = path
        directory = Descriptor.currentDirectory
        name = path
        self.owners = owners
    }

    /// Holds the folder open, so that the file can still be reopened after a chroot.
    init(anchoring path: String, owners: [UserID] = []) throws(DaemonError) {
        let location = try attempt(.logFile, "log file \(path)") { () throws(FileRefusal) in try FileLocation(path) }
        self.path = path
        self.owners = owners
        name = location.name
        directory = location.release()
    }

    func open() throws(DaemonError) -> FileDescriptor {
        try attempt(.logFile, "log file \(path)") { () throws(FileRefusal) in
            try SafeFile.append(name, from: directory, mode: 0o600, owners: owners)
        }
    }
}

/// The folder and the last name of an absolute path.
func split(path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let folder = slash == path.startIndex ? "/" : String(path[..<slash])
    return (folder, String(path[path.index(after: slash)...]))
}
