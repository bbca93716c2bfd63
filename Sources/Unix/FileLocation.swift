#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The directory that a path leads to, held open, and the name in it. What happens to the path afterwards changes
/// nothing: the directory stays the one that was found.
///
/// Symbolic links are followed where only root or we can have made them, such as /var/run. Where others may write, a link
/// would lead root to wherever they like.
package struct FileLocation: ~Copyable, Sendable {
    /// For names only: it cannot be read.
    package let directory: FileDescriptor
    package let name: String
    /// The path as it was given.
    package let path: String
    /// Nobody but root and we can change anything on the way, nor a file of ours at the name.
    package let isSafe: Bool
    /// Somebody else may have put there what lies at the name.
    package let isOpenToOthers: Bool

    package enum LastName: Sendable {
        /// It is the file itself, whatever it is.
        case kept
        /// A link there is followed as any other.
        case followed
    }

    /// More links than anybody needs: they lead in a circle. path_resolution(7)
    private static let mostLinks = 40

    /// A relative path counts from `start`. `isDemanded`: the way has to be safe; the error names what is not. The
    /// directories may belong to `owners` besides.
    package init(
        _ path: String, from start: Int32 = Descriptor.currentDirectory, last: LastName = .kept,
        isDemanded: Bool = false, owners: [UserID] = []
    ) throws(FileRefusal) {
        self.path = path
        var walk = try Walk(path, from: start, isDemanded: isDemanded, owners: owners)
        while let name = walk.pending.popLast() {
            if walk.pending.isEmpty, last == .kept || !walk.isLink(name) {
                guard name != "." && name != ".." else { throw FileRefusal(.system(.isDirectory), path) }
                isSafe = walk.isSafe
                isOpenToOthers = !walk.isSafe || walk.isShared
                self.name = name
                directory = walk.end()
                return
            }
            try walk.enter(name)
        }
        throw FileRefusal(.system(path.isEmpty ? .noSuchFile : .isDirectory), path)
    }

    /// What lies at the name, a link itself.
    package var status: FileStatus {
        get throws(Errno) { try FileStatus(path: name, in: directory.number) }
    }

    package func open(_ options: OpenOptions, mode: FileMode = 0o600) throws(Errno) -> FileDescriptor {
        try FileDescriptor.open(
            name, in: directory.number, options.union([.noFollow, .noControllingTerminal]), mode: mode)
    }

    /// The file itself, for its status, its mode and its owner: whatever its name leads to afterwards.
    package func hold() throws(Errno) -> HeldFile { try HeldFile(name, in: directory.number) }

    /// Gives the directory up without closing it: the caller owns it now.
    package consuming func release() -> Int32 { directory.release() }

    package func remove() throws(Errno) { try Files.unlink(name, in: directory.number) }

    /// One name after the other.
    private struct Walk: ~Copyable {
        /// The names that are left, the next one last.
        var pending: [String]
        private var directory: FileDescriptor
        private var status: FileStatus
        private(set) var isSafe: Bool
        var isShared: Bool { status.mode & 0o022 != 0 || !Trust.isOurs(status.owner) }
        private var place: String
        private var links = 0
        private let isDemanded: Bool
        private let owners: [UserID]

        init(_ path: String, from start: Int32, isDemanded: Bool, owners: [UserID]) throws(FileRefusal) {
            let place = path.utf8.first == UInt8(ascii: "/") ? "/" : "."
            let directory = try Self.open(place, in: start)
            let status = try Self.status(of: directory, place)
            let isSafe = try Self.isSafe(status, isDemanded, owners, place)
            self.directory = directory
            self.status = status
            self.isSafe = isSafe
            self.place = place
            self.isDemanded = isDemanded
            self.owners = owners
            pending = Self.names(path)
        }

        private static func open(_ place: String, in start: Int32) throws(FileRefusal) -> FileDescriptor {
            do {
                return try FileDescriptor.open(place, in: start, .onlyNames)
            } catch {
                throw FileRefusal(.system(error), place)
            }
        }

        private static func status(
            of directory: borrowing FileDescriptor, _ place: String
        ) throws(FileRefusal) -> FileStatus {
            do {
                return try FileStatus(descriptor: directory.number)
            } catch {
                throw FileRefusal(.system(error), place)
            }
        }

        private static func names(_ path: String) -> [String] {
            path.split(separator: "/").map(String.init).reversed()
        }

        private func path(to name: String) -> String { place == "/" ? "/\(name)" : "\(place)/\(name)" }

        consuming func end() -> FileDescriptor { directory }

        func isLink(_ name: String) -> Bool {
            (try? FileStatus(path: name, in: directory.number))?.kind == .symbolicLink
        }

        mutating func enter(_ name: String) throws(FileRefusal) {
            if name == "." { return }
            do {
                try move(to: try FileDescriptor.open(name, in: directory.number, [.onlyNames, .noFollow]), name)
            } catch let error where error == .symbolicLinkLoop || error == .notADirectory {
                // What says "not a directory" may be a link.
                guard isLink(name) else { throw FileRefusal(.system(.notADirectory), path(to: name)) }
                return try follow(name)
            } catch {
                throw FileRefusal(.system(error), path(to: name))
            }
            try judge()
        }

        private mutating func move(to next: consuming FileDescriptor, _ name: String) throws(Errno) {
            status = try FileStatus(descriptor: next.number)
            directory = next
            place = path(to: name)
        }

        private mutating func follow(_ name: String) throws(FileRefusal) {
            let link = path(to: name)
            guard let linkStatus = try? FileStatus(path: name, in: directory.number),
                Trust.mayFollow(linkStatus, in: status)
            else { throw FileRefusal(.link, link) }
            links += 1
            guard links <= FileLocation.mostLinks, let target = Files.linkTarget(name, in: directory.number) else {
                throw FileRefusal(.system(.symbolicLinkLoop), link)
            }
            pending += Self.names(target)
            guard target.utf8.first == UInt8(ascii: "/") else { return }
            place = "/"
            directory = try Self.open(place, in: Descriptor.currentDirectory)
            status = try Self.status(of: directory, place)
            try judge()
        }

        private mutating func judge() throws(FileRefusal) {
            let isSafe = try Self.isSafe(status, isDemanded, owners, place)
            self.isSafe = self.isSafe && isSafe
        }

        private static func isSafe(
            _ status: FileStatus, _ isDemanded: Bool, _ owners: [UserID], _ place: String
        ) throws(FileRefusal) -> Bool {
            if Trust.isSafe(status) || owners.contains(status.owner) && status.mode & 0o022 == 0 { return true }
            guard !isDemanded else { throw FileRefusal(.changeable(owner: status.owner, mode: status.mode), place) }
            return false
        }
    }
}

/// A file that is held, not opened: nothing of it can be read, a fifo does not wait, and a socket can be held too.
package struct HeldFile: ~Copyable, Sendable {
    #if os(Linux)
    private let file: FileDescriptor

    init(_ name: String, in directory: Int32) throws(Errno) {
        file = try FileDescriptor.open(name, in: directory, OpenOptions(rawValue: SystemCall.onlyPath | O_NOFOLLOW))
    }

    package var status: FileStatus { get throws(Errno) { try FileStatus(descriptor: file.number) } }

    /// fchmodat2(2); before Linux 6.6, and where a filter of system calls does not know it, through /proc.
    package func setMode(_ mode: FileMode) throws(Errno) {
        do {
            _ = try checked { SystemCall.setMode(file.number, mode) }
        } catch let error where error == .noSystemCall || error == .notPermitted {
            try Files.setMode("/proc/self/fd/\(file.number)", mode)
        }
    }

    package func setOwner(_ user: UserID, _ group: GroupID) throws(Errno) {
        try Files.setOwner("", in: file.number, user, group, flags: SystemCall.emptyPath)
    }
    #else
    // Darwin opens no socket: so between the look and the change, there is a moment.
    private let name: String
    private let directory: Int32

    init(_ name: String, in directory: Int32) throws(Errno) {
        self.name = name
        self.directory = try Descriptor.duplicate(directory, above: [2])
    }

    deinit { Descriptor.close(directory) }

    package var status: FileStatus { get throws(Errno) { try FileStatus(path: name, in: directory) } }

    package func setMode(_ mode: FileMode) throws(Errno) { try Files.setMode(name, in: directory, mode) }

    package func setOwner(_ user: UserID, _ group: GroupID) throws(Errno) {
        try Files.setOwner(name, in: directory, user, group)
    }
    #endif
}
