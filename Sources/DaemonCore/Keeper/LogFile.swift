import Unix

/// A log file on its way: opened 0600 for appending, never through a symbolic link, never waiting at a fifo.
package struct LogFile: Sendable {
    package let path: String
    /// Whom the daemon, or a master's workers, become: they must be able to open the log again, after a rotation too.
    private let owner: (user: UserID, group: GroupID)?
    /// Opens the file once a chroot hides the path.
    private let keeper: Keeper?

    package init(path: String, owner: (user: UserID, group: GroupID)? = nil, keeper: Keeper? = nil) {
        self.path = path
        self.owner = owner
        self.keeper = keeper
    }

    package func open() throws(DaemonError) -> FileDescriptor {
        if let file = try keeper?.openLog(path) { return file }
        let file = try attempt(.logFile, "log file \(path)") { () throws(FileRefusal) in
            try SafeFile.append(path, mode: 0o600, owners: owner.map { [$0.user] } ?? [])
        }
        if let owner, owner.user != 0, CurrentProcess.userID == 0 {
            try attempt(.logFile, "cannot give log file \(path) to user \(owner.user)") { () throws(Errno) in
                try give(file.number, to: owner)
            }
        }
        return file
    }

    private func give(_ file: Int32, to owner: (user: UserID, group: GroupID)) throws(Errno) {
        let status = try FileStatus(descriptor: file)
        guard status.kind == .regular, status.owner != owner.user else { return }
        try Descriptor.setOwner(file, owner.user, owner.group)
    }
}
