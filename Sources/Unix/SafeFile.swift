/// Files that root opens by a name that others may have a hand in: never through a link, never waiting, never a file that
/// somebody else has put there.
package enum SafeFile {
    /// What a name may stand for.
    package enum Kinds: Sendable {
        case regular
        /// Root's devices too, such as /dev/null.
        case regularOrDevice

        func contains(_ status: FileStatus) -> Bool {
            switch status.kind {
            case .regular: true
            case .characterDevice: self == .regularOrDevice && Trust.isOurs(status.owner)
            default: false
            }
        }
    }

    /// A file, and whether it was made by us just now.
    package struct Opened: ~Copyable, Sendable {
        package let file: FileDescriptor
        package let isNew: Bool

        package consuming func take() -> FileDescriptor { file }
    }

    /// Others may make and remove the file as fast as they can: they do not keep us for ever.
    private static let mostRounds = 1000

    /// Opens a file for writing, and makes it where there is none. It belongs to root, us or one of `owners`, unless
    /// nobody else can have put it there.
    package static func open(
        _ location: borrowing FileLocation, _ options: OpenOptions, kinds: Kinds = .regularOrDevice, mode: FileMode,
        owners: [UserID] = []
    ) throws(FileRefusal) -> Opened {
        for _ in 0..<mostRounds {  // bounded: a constant
            do throws(FileRefusal) {
                return Opened(file: try openOnce(location, options, kinds, owners), isNew: false)
            } catch let error where error.reason == .system(.noSuchFile) {
                // To be made.
            } catch let error where error.reason == .replaced {
                continue
            }
            do throws(Errno) {
                let exclusive = options.union([.create, .exclusive])
                return Opened(file: try location.open(exclusive, mode: mode), isNew: true)
            } catch .fileExists {
                // Somebody was faster: whatever he made is looked at. A link that leads nowhere is there too. open(2)
                continue
            } catch {
                throw FileRefusal(.system(error), location.path)
            }
        }
        throw FileRefusal(.replaced, location.path)
    }

    /// What is there.
    private static func openOnce(
        _ location: borrowing FileLocation, _ options: OpenOptions, _ kinds: Kinds, _ owners: [UserID]
    ) throws(FileRefusal) -> FileDescriptor {
        let file: FileDescriptor
        do {
            // Nobody makes us wait: not by a fifo, nor by a lease on the file. fcntl(2), F_SETLEASE
            file = try location.open(options.union(.nonBlocking))
        } catch {
            throw refusal(error, location, kinds)
        }
        if let reason = reason(file.number, location, kinds, owners) { throw FileRefusal(reason, location.path) }
        return file
    }

    /// The same in one go, for appending.
    package static func append(
        _ path: String, from start: Int32 = Descriptor.currentDirectory, mode: FileMode, owners: [UserID] = []
    ) throws(FileRefusal) -> FileDescriptor {
        let location = try FileLocation(path, from: start)
        return try open(location, [.writeOnly, .append], mode: mode, owners: owners).take()
    }

    /// What is wrong with the open file; it waits again for what it is, as before.
    private static func reason(
        _ file: Int32, _ location: borrowing FileLocation, _ kinds: Kinds, _ owners: [UserID]
    ) -> FileRefusal.Reason? {
        do {
            let status = try FileStatus(descriptor: file)
            guard kinds.contains(status) else { return .kind(status.kind) }
            // It was removed meanwhile.
            guard status.links > 0 else { return .replaced }
            guard status.links == 1 else { return .hardLink }
            guard !location.isOpenToOthers || Trust.isOurs(status.owner) || owners.contains(status.owner) else {
                return .owner(status.owner)
            }
            try Descriptor.setNonBlocking(file, false)
            return nil
        } catch {
            return .system(error)
        }
    }

    /// What stands in the way says more than the errno of opening it.
    private static func refusal(_ error: Errno, _ location: borrowing FileLocation, _ kinds: Kinds) -> FileRefusal {
        guard let status = try? location.status, !kinds.contains(status) else {
            return FileRefusal(.system(error), location.path)
        }
        return FileRefusal(.kind(status.kind), location.path)
    }

    // MARK: Replacing

    /// Writes a new file beside, and puts it in the place of the old one in one step: no reader ever sees half of it, and
    /// nothing is written through whatever lies at the name.
    package static func replace(_ path: String, with text: String, mode: FileMode) throws(FileRefusal) -> OwnedFile {
        let location = try FileLocation(path)
        for _ in 0..<mostRounds {  // bounded: a constant
            let beside = ".\(location.name.prefix(64)).\(String(UInt64.random(in: 1 ... .max), radix: 36))"
            do {
                let file = try FileDescriptor.open(
                    beside, in: location.directory.number, [.writeOnly, .create, .exclusive, .noFollow], mode: mode)
                let made = OwnedFile(
                    path: beside, directory: location.directory.number,
                    identity: try FileStatus(descriptor: file.number).identity)
                do {
                    try Descriptor.writeAll(file.number, text)
                    guard made.isInPlace else { throw Errno.stale }
                    try Files.rename(beside, to: location.name, in: location.directory.number)
                } catch {
                    made.remove()
                    throw error
                }
                return OwnedFile(path: path, identity: made.identity)
            } catch let error as Errno where error == .fileExists {
                continue
            } catch {
                throw FileRefusal(wrapping: error, path)
            }
        }
        throw FileRefusal(.system(.fileExists), path)
    }

    // MARK: Reading what is acted upon

    /// Opens a file that says what we shall do. Where we are root, only root, or one of `owners`, can have written it:
    /// the file and all on the way to it. What the caller hands us as a descriptor is believed as it is.
    package static func openBelieved(
        _ path: String, from start: Int32 = Descriptor.currentDirectory, owners: [UserID] = []
    ) throws(FileRefusal) -> FileDescriptor {
        let options: OpenOptions = [.nonBlocking, .noControllingTerminal]
        do {
            guard CurrentProcess.userID == 0, !isDescriptor(path) else {
                return try FileDescriptor.open(path, in: start, options)
            }
            let location = try FileLocation(path, from: start, last: .followed, isDemanded: true, owners: owners)
            let file = try location.open(options)
            let status = try FileStatus(descriptor: file.number)
            let isForeign = !Trust.isOurs(status.owner) && !owners.contains(status.owner)
            guard !isForeign, status.mode & 0o022 == 0 else {
                throw FileRefusal(.changeable(owner: status.owner, mode: status.mode), path)
            }
            // Root's file may say what was never meant for who reads it from here.
            guard !location.isOpenToOthers || status.links < 2 || status.kind == .directory else {
                throw FileRefusal(.hardLink, path)
            }
            return file
        } catch {
            throw FileRefusal(wrapping: error, path)
        }
    }

    private static func isDescriptor(_ path: String) -> Bool {
        path == "/dev/stdin" || ["/dev/fd/", "/proc/self/fd/"].contains { path.hasPrefix($0) }
    }

    // MARK: Directories

    /// Makes a directory, and gives it to whom it is for; false where there is one.
    package static func makeDirectory(
        _ path: String, mode: FileMode, owner: (user: UserID, group: GroupID)? = nil
    ) throws(FileRefusal) -> Bool {
        let location = try FileLocation(path)
        // Nobody can put a directory of root's with this mode into the place of ours before it is opened.
        let mark: FileMode = 0o1700
        do {
            try Files.makeDirectory(location.name, in: location.directory.number, mode: mark)
            let made = try location.open(.directory)
            let status = try FileStatus(descriptor: made.number)
            guard status.mode == mark, status.owner == CurrentProcess.userID else {
                throw FileRefusal(.replaced, path)
            }
            if let owner { try Descriptor.setOwner(made.number, owner.user, owner.group) }
            try Descriptor.setMode(made.number, mode)
            return true
        } catch let error as Errno where error == .fileExists {
            return false
        } catch {
            throw FileRefusal(wrapping: error, path)
        }
    }

    /// A directory that is ours alone: mode 0700, and no link. Made where `isMade` says so; ENOENT where there is none.
    package static func ownDirectory(_ path: String, isMade: Bool) throws(FileRefusal) {
        let location = try FileLocation(path)
        let status: FileStatus
        do {
            if isMade { try makeOwn(location) }
            status = try location.status
        } catch {
            throw FileRefusal(.system(error), path)
        }
        guard status.kind == .directory else { throw FileRefusal(.kind(status.kind), path) }
        guard status.owner == CurrentProcess.userID else { throw FileRefusal(.owner(status.owner), path) }
        guard status.mode & 0o077 == 0, location.isSafe else {
            throw FileRefusal(.changeable(owner: status.owner, mode: status.mode), path)
        }
    }

    /// Whoever was faster is looked at.
    private static func makeOwn(_ location: borrowing FileLocation) throws(Errno) {
        do {
            try Files.makeDirectory(location.name, in: location.directory.number, mode: 0o700)
        } catch .fileExists {
        }
    }
}
