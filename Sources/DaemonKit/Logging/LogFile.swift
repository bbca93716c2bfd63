import Unix

/// A log file on its way: opened 0600 for appending, never through a symbolic link, never waiting at a fifo.
struct LogFile: Sendable {
    let path: String
    /// Where the path counts from: the file system's root, or the log's own folder once a chroot hides the path.
    private let directory: Int32
    private let name: String

    init(path: String) {
        self.path = path
        directory = Descriptor.currentDirectory
        name = path
    }

    /// Holds the folder open, so that the file can still be reopened after a chroot.
    init(anchoring path: String) throws(DaemonError) {
        let (folder, name) = split(path: path)
        self.path = path
        self.name = name
        directory = try attempt(.logFile, "log file \(path)") { () throws(Errno) in
            try FileDescriptor.open(folder, .directory).release()
        }
    }

    func open() throws(DaemonError) -> FileDescriptor {
        let tried = "log file \(path)"
        do {
            let file = try FileDescriptor.open(
                name, in: directory, [.writeOnly, .append, .create, .noFollow, .nonBlocking, .noControllingTerminal],
                mode: 0o600)
            let status = try FileStatus(descriptor: file.number)
            guard [.regular, .characterDevice].contains(status.kind) else {
                throw DaemonError(.logFile, "\(tried): is \(status.kind.rawValue)")
            }
            // Root may give the log away: never somebody else's file under another name.
            guard status.kind != .regular || status.links < 2 else {
                throw DaemonError(.logFile, "\(tried): has another name (hard link)")
            }
            try Descriptor.setNonBlocking(file.number, false)
            return file
        } catch let error as Errno {
            // What stands in the way says more than the errno of opening it.
            if let kind = (try? FileStatus(path: name, in: directory))?.kind,
                ![.regular, .characterDevice].contains(kind)
            {
                throw DaemonError(.logFile, "\(tried): is \(kind.rawValue)")
            }
            throw DaemonError(.logFile, tried, error)
        } catch {
            throw DaemonError(wrapping: error)
        }
    }
}

/// The folder and the last name of an absolute path.
func split(path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let folder = slash == path.startIndex ? "/" : String(path[..<slash])
    return (folder, String(path[path.index(after: slash)...]))
}
