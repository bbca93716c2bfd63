#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

package typealias FileMode = mode_t

/// What stat(2) tells of a file.
package struct FileStatus: Sendable {
    package enum Kind: String, Sendable {
        case regular = "a regular file"
        case directory = "a directory"
        case symbolicLink = "a symbolic link"
        case fifo = "a fifo"
        case socket = "a socket"
        case characterDevice = "a character device"
        case other = "a device"
    }

    /// Which file it is, whatever its name: device and inode.
    package struct Identity: Hashable, Sendable {
        package let device: dev_t
        package let inode: ino_t

        /// For a state that outlives this process's image: `DEVICE:INODE`.
        package var text: String { "\(device):\(inode)" }

        package init(device: dev_t, inode: ino_t) {
            self.device = device
            self.inode = inode
        }

        package init?(_ text: String) {
            let parts = text.split(separator: ":")
            guard parts.count == 2, let device = dev_t(parts[0]), let inode = ino_t(parts[1]) else { return nil }
            self.init(device: device, inode: inode)
        }
    }

    package let kind: Kind
    package let identity: Identity
    package let mode: mode_t
    package let links: UInt64
    package let size: Int64
    package let owner: UserID
    package let group: GroupID
    /// In nanoseconds since 1970, at most those of the year 2262.
    package let modified: Int64

    init(_ raw: stat) {
        #if canImport(Darwin)
        modified = raw.st_mtimespec.nanoseconds
        #else
        modified = raw.st_mtim.nanoseconds
        #endif
        identity = Identity(device: raw.st_dev, inode: raw.st_ino)
        mode = raw.st_mode & 0o7777
        links = UInt64(raw.st_nlink)  // bounded: links are not negative
        size = Int64(raw.st_size)
        owner = raw.st_uid
        group = raw.st_gid
        kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            case S_IFIFO: .fifo
            case S_IFSOCK: .socket
            case S_IFCHR: .characterDevice
            default: .other
            }
    }

    /// Neither replaced nor written to, as far as can be told.
    package func isSameFile(as other: FileStatus) -> Bool {
        identity == other.identity && size == other.size && modified == other.modified
    }

    package init(descriptor: Int32) throws(Errno) {
        var raw = stat()
        _ = try checked { unsafe fstat(descriptor, &raw) }
        self.init(raw)
    }

    /// What the path leads to, through symbolic links.
    package init(following path: String) throws(Errno) {
        var raw = stat()
        _ = try checked { unsafe stat(path, &raw) }
        self.init(raw)
    }

    /// The file itself: a symbolic link is not followed.
    package init(path: String, in directory: Int32 = AT_FDCWD) throws(Errno) {
        var raw = stat()
        _ = try checked { unsafe fstatat(directory, path, &raw, AT_SYMLINK_NOFOLLOW) }
        self.init(raw)
    }
}

/// Calls on names in the file system.
package enum Files {
    package static func unlink(_ path: String, in directory: Int32 = AT_FDCWD) throws(Errno) {
        _ = try checked { unsafe unlinkat(directory, path, 0) }
    }

    package static func makeDirectory(
        _ path: String, in directory: Int32 = AT_FDCWD, mode: mode_t
    ) throws(Errno) {
        _ = try checked { unsafe mkdirat(directory, path, mode) }
    }

    package static func removeDirectory(_ path: String) throws(Errno) { _ = try checked { unsafe rmdir(path) } }

    package static func changeDirectory(_ path: String) throws(Errno) { _ = try checked { unsafe chdir(path) } }

    package static func changeDirectory(_ directory: Int32) throws(Errno) { _ = try checked { fchdir(directory) } }

    /// The new root is the working directory already when it becomes the root: nothing is left to fail behind it.
    package static func changeRoot(_ path: String) throws(Errno) {
        try changeDirectory(path)
        _ = try checked { unsafe chroot(".") }
    }

    /// The mask before.
    @discardableResult
    package static func setUmask(_ mask: mode_t) -> mode_t { umask(mask) }

    package static func rename(_ path: String, to target: String, in directory: Int32 = AT_FDCWD) throws(Errno) {
        _ = try checked { unsafe renameat(directory, path, directory, target) }
    }

    // Mode and owner of a name: for HeldFile alone, which knows what lies at it.

    static func setOwner(
        _ path: String, in directory: Int32, _ user: UserID, _ group: GroupID, flags: Int32 = AT_SYMLINK_NOFOLLOW
    ) throws(Errno) {
        _ = try checked { unsafe fchownat(directory, path, user, group, flags) }
    }

    static func setMode(_ path: String, in directory: Int32 = AT_FDCWD, _ mode: mode_t) throws(Errno) {
        #if os(Linux)
        _ = try checked { unsafe fchmodat(directory, path, mode, 0) }
        #else
        _ = try checked { unsafe fchmodat(directory, path, mode, AT_SYMLINK_NOFOLLOW) }
        #endif
    }

    package static func isExecutable(_ path: String) -> Bool { unsafe access(path, X_OK) == 0 }

    /// The working directory as the caller's shell knows it, with the symbolic links on the way to it: PWD, where that is
    /// the same directory and nobody but root and the caller can make it another one later. Otherwise the real path;
    /// nil where it was deleted. pwd(1)
    package static func workingDirectory() -> String? {
        if let path = Environment["PWD"], isWorkingDirectory(path) { return path }
        guard let path = unsafe getcwd(nil, 0) else { return nil }
        defer { unsafe free(path) }
        return unsafe String(system: UnsafeRawBufferPointer(start: path, count: strlen(path)))
    }

    private static func isWorkingDirectory(_ path: String) -> Bool {
        guard path.hasPrefix("/"), !path.split(separator: "/").contains(where: { $0 == "." || $0 == ".." }),
            let way = try? FileLocation(path, last: .followed), way.isSafe,
            let named = try? way.status, let here = try? FileStatus(following: ".")
        else { return false }
        return named.identity == here.identity
    }

    /// The names in a directory, none where it cannot be read.
    package static func names(in directory: String) -> [String] {
        guard let directory = try? FileDescriptor.open(directory, [.directory, .nonBlocking]) else { return [] }
        return names(in: directory.release())
    }

    /// Takes ownership of the descriptor of a directory.
    package static func names(in directory: Int32) -> [String] {
        guard let stream = unsafe fdopendir(directory) else {
            Descriptor.close(directory)
            return []
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { field in
                unsafe String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// What a symbolic link says, or nil where it cannot be read. readlink(2)
    package static func linkTarget(_ path: String, in directory: Int32 = AT_FDCWD) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe buffer.withUnsafeMutableBytes { bytes -> Int in
            guard let base = bytes.baseAddress else { return 0 }
            return unsafe readlinkat(directory, path, base.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count], as: UTF8.self)  // bounded: a call gives no more than the buffer holds
    }

    /// The path of the running executable, or nil where the system does not tell.
    package static func executablePath() -> String? {
        #if os(Linux)
        return linkTarget("/proc/self/exe")
        #else
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        var size = UInt32(buffer.count)
        guard unsafe _NSGetExecutablePath(&buffer, &size) == 0 else { return nil }
        return unsafe String(cString: buffer)
        #endif
    }
}
