import Unix

/// A log file on its way: opened for appending, 0600 where nothing else is asked for, never through a symbolic link, never waiting at a fifo.
package struct LogFile: Sendable {
    package let path: String
    /// Whom the daemon, or a master's workers, become: they must be able to open the log again, after a rotation too.
    private let owner: (user: UserID, group: GroupID)?
    /// Opens the file once a chroot hides the path.
    private let keeper: Keeper?
    private let access: Access

    /// Who else may read it; nil leaves a file that is there as it is.
    package struct Access: Sendable {
        package var mode: FileMode?
        package var group: GroupID?

        package init(mode: FileMode? = nil, group: GroupID? = nil) {
            self.mode = mode
            self.group = group
        }

        /// The group first: a change of group takes set-id bits from the mode.
        package func apply(to file: Int32) throws(Errno) {
            guard mode != nil || group != nil, case let status = try FileStatus(descriptor: file),
                status.kind == .regular
            else { return }
            if let group, status.group != group { try Descriptor.setOwner(file, status.owner, group) }
            if let mode, status.mode != mode { try Descriptor.setMode(file, mode) }
        }
    }

    package init(
        path: String, owner: (user: UserID, group: GroupID)? = nil, access: Access = Access(), keeper: Keeper? = nil
    ) {
        self.path = path
        self.owner = owner
        self.access = access
        self.keeper = keeper
    }

    /// `isFirst`: what is asked of its group and mode must be possible. Later the rights for that may be given up: then
    /// a file that a rotation has made counts as it is.
    package func open(isFirst: Bool = true) throws(DaemonError) -> FileDescriptor {
        if let file = try keeper?.openLog(path) { return file }
        let file = try append()
        if let owner, owner.user != 0, CurrentProcess.userID == 0 {
            try attempt(.logFile, "cannot give log file \(path) to user \(owner.user)") { () throws(Errno) in
                try give(file.number, to: owner)
            }
        }
        if isFirst { try setAccess(file.number) } else { try? setAccess(file.number) }
        return file
    }

    private func append() throws(DaemonError) -> FileDescriptor {
        do {
            return try SafeFile.append(path, mode: 0o600, owners: owner.map { [$0.user] } ?? [])
        } catch {
            // Such as /dev/stdout in a container.
            let cure = error.reason == .kind(.symbolicLink) ? "--log-file - is standard error" : nil
            throw DaemonError(
                .logFile, tried: "log file \(path)", path: error.path, systemError: error.errno.rawValue,
                reason: error.description, cure: cure)
        }
    }

    private func setAccess(_ file: Int32) throws(DaemonError) {
        try attempt(.logFile, "cannot set the mode and the group of log file \(path)") { () throws(Errno) in
            try access.apply(to: file)
        }
    }

    private func give(_ file: Int32, to owner: (user: UserID, group: GroupID)) throws(Errno) {
        let status = try FileStatus(descriptor: file)
        guard status.kind == .regular, status.owner != owner.user else { return }
        try Descriptor.setOwner(file, owner.user, owner.group)
    }
}
