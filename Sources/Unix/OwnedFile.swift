/// A file that this process made, and that it changes and removes only while it still is the same one.
package struct OwnedFile: Sendable {
    package let path: String
    /// What relative paths count from; for an absolute path of no meaning.
    package let directory: Int32
    package let identity: FileStatus.Identity
    /// That it is ours was seen, and not only what lay at the name when nobody else could be kept away.
    package let isProven: Bool
    /// Asked first: whether the file is gone or another's, once a chroot hides the path; nil while it does not.
    package var removeOutside: (@Sendable (FileStatus.Identity) -> Bool?)?

    package init(
        path: String, directory: Int32 = Descriptor.currentDirectory, identity: FileStatus.Identity,
        isProven: Bool = true
    ) {
        self.path = path
        self.directory = directory
        self.identity = identity
        self.isProven = isProven
    }

    /// It has its name still.
    package var isInPlace: Bool {
        guard let location = try? FileLocation(path, from: directory) else { return false }
        return (try? location.status)?.identity == identity
    }

    /// False where it could not be removed; true when it is gone or is another's.
    @discardableResult
    package func remove() -> Bool {
        if let isGone = removeOutside?(identity) { return isGone }
        do {
            let location = try FileLocation(path, from: directory)
            guard let now = try? location.status, now.identity == identity else { return true }
            return (try? location.remove()) != nil
        } catch {
            // Behind a stranger's link there is nothing of ours.
            return error.reason == .link || error.errno == .noSuchFile || error.errno == .notADirectory
        }
    }

    /// The same for a file that was there a moment ago: throws whatever keeps us from it.
    package func removeStale() throws(FileRefusal) {
        let location = try FileLocation(path, from: directory)
        do {
            if try location.status.identity == identity { try location.remove() }
        } catch {
            throw FileRefusal(wrapping: error, path)
        }
    }

    package func setMode(_ mode: FileMode) throws(FileRefusal) {
        try change { file throws(Errno) in try file.setMode(mode) }
    }

    package func setOwner(_ user: UserID, _ group: GroupID) throws(FileRefusal) {
        try change { file throws(Errno) in try file.setOwner(user, group) }
    }

    /// Both, where they differ from what is; nil leaves what is. Nobody has for a moment more than before or after.
    package func adapt(to mode: FileMode?, _ owner: FileOwner?) throws(FileRefusal) {
        guard mode != nil || owner != nil else { return }
        try change { file throws(Errno) in
            let now = try file.status
            let wanted = mode ?? now.mode
            let (user, group) = (owner?.user ?? now.owner, owner?.group ?? now.group)
            let isOthers = (user, group) != (now.owner, now.group)
            let narrow = wanted & now.mode
            if isOthers, narrow != now.mode { try file.setMode(narrow) }
            if isOthers { try file.setOwner(user, group) }
            if wanted != (isOthers ? narrow : now.mode) { try file.setMode(wanted) }
        }
    }

    /// The mode that it has now.
    package var mode: FileMode? { status?.mode }
    /// Whose it is now.
    package var owner: UserID? { status?.owner }

    private var status: FileStatus? {
        guard let location = try? FileLocation(path, from: directory), let status = try? location.status,
            status.identity == identity
        else { return nil }
        return status
    }

    /// What is changed is the file itself, which was looked at, and not its name.
    private func change(_ body: (borrowing HeldFile) throws(Errno) -> Void) throws(FileRefusal) {
        guard isProven else { throw FileRefusal(.unproven, path) }
        let location = try FileLocation(path, from: directory)
        do {
            let file = try location.hold()
            let status = try file.status
            guard status.identity == identity else { throw FileRefusal(.replaced, path) }
            try body(file)
        } catch {
            throw FileRefusal(wrapping: error, path)
        }
    }
}

/// Whose a file is to be; nil leaves that as it is.
package struct FileOwner: Hashable, Sendable {
    package var user: UserID?
    package var group: GroupID?

    package init(user: UserID?, group: GroupID?) { (self.user, self.group) = (user, group) }
}

extension OwnedFile {
    /// The mode of a socket between its bind and its opening to others: no other file of root's has it, so that what has it
    /// is the socket's. Linux gives the file the mode of the socket itself. unix(7)
    private static let mark: FileMode = 0o7000

    /// Binds a Unix socket: `mode`, or what the umask leaves, is its file's from the first moment on. Where it is to be
    /// another's, nobody can reach it before it is.
    package static func bind(
        _ socket: Int32, to path: String, mode: FileMode? = nil, owner: FileOwner? = nil
    ) throws(FileRefusal) -> OwnedFile {
        guard let owner else { return try bind(socket, to: path, withMode: mode) }
        let final = mode ?? 0o777 & ~currentUmask
        let file = try bind(socket, to: path, withMode: 0)
        do {
            try file.adapt(to: final, owner)
            return file
        } catch {
            file.remove()
            throw error
        }
    }

    private static func bind(
        _ socket: Int32, to path: String, withMode mode: FileMode?
    ) throws(FileRefusal) -> OwnedFile {
        let location = try FileLocation(path)
        do {
            if location.isSafe {
                let old = mode.map { Files.setUmask(~$0 & 0o777) }
                defer { if let old { Files.setUmask(old) } }
                try Socket.bind(socket, to: .unix(path))
                do {
                    return OwnedFile(path: path, identity: try location.status.identity)
                } catch {
                    try? location.remove()
                    throw error
                }
            }
            return try bindMarked(socket, location, mode)
        } catch {
            throw FileRefusal(wrapping: error, path)
        }
    }

    /// In a directory where others may put something else in its place at once.
    private static func bindMarked(
        _ socket: Int32, _ location: borrowing FileLocation, _ mode: FileMode?
    ) throws -> OwnedFile {
        let isMarked = try isMarked(socket)
        let final = mode ?? 0o777 & ~currentUmask
        // A kernel that takes no mark leaves the mode to the umask.
        let old = isMarked && mode == nil ? nil : Files.setUmask(~final & 0o777)
        defer { if let old { Files.setUmask(old) } }
        try Socket.bind(socket, to: .unix(location.path))
        do {
            return try prove(location, isMarked: isMarked, final)
        } catch {
            // What has the mark still is this socket's, whoever else can put files there.
            if isMarked, let status = try? location.status, status.kind == .socket, status.mode == mark,
                status.owner == CurrentProcess.userID
            {
                try? location.remove()
            }
            throw error
        }
    }

    /// False where the system takes no mode for a socket.
    private static func isMarked(_ socket: Int32) throws(Errno) -> Bool {
        do {
            try Descriptor.setMode(socket, mark)
            return true
        } catch {
            guard error == .invalidArgument || error == .noSystemCall else { throw error }
            return false
        }
    }

    private static func prove(
        _ location: borrowing FileLocation, isMarked: Bool, _ final: FileMode
    ) throws -> OwnedFile {
        let file = try location.hold()
        let status = try file.status
        guard status.kind == .socket, status.owner == CurrentProcess.userID else {
            throw FileRefusal(.replaced, location.path)
        }
        let isProven = isMarked && status.mode == mark && status.links == 1
        if isProven { try file.setMode(final) }
        return OwnedFile(path: location.path, identity: status.identity, isProven: isProven)
    }

    private static var currentUmask: FileMode {
        let mask = Files.setUmask(0o077)
        Files.setUmask(mask)
        return mask
    }
}
