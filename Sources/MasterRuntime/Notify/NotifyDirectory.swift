import DaemonCore
import Unix

/// Where the notification sockets of a master's children lie: a directory of the master's own, and in it one for each
/// child, of mode 0700 and the child's user. So nobody else can reach the socket, whatever its own mode, and from
/// wherever in the file system it is seen: a name in the abstract name space is for everybody of a network namespace.
///
///     /run/daemonkit-notify.PID-RANDOM      0711, the master's, locked as long as it lives
///     /run/daemonkit-notify.PID-RANDOM/1    0700, the user's of one child
///     /run/daemonkit-notify.PID-RANDOM/1/s  its NOTIFY_SOCKET
final class NotifyDirectory {
    let path: String
    /// Has the lock, by which another master sees that this one lives. flock(2)
    let descriptor: Int32

    /// The directories of masters that were killed, for `clear`.
    let abandoned: [String]

    private static let prefix = "daemonkit-notify."
    private static let socketName = "s"

    /// In the first place that will do.
    init() throws(Errno) {
        let place: String
        (place, path, descriptor) = try Self.make()
        abandoned = Self.abandoned(in: place, besides: path)
    }

    /// Kept over an exec.
    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
        abandoned = []
    }

    // MARK: The master's own

    private static var places: [String] {
        // What systemd made for this service is where a service may write that may write nowhere else.
        var places = (Environment["RUNTIME_DIRECTORY"] ?? "").split(separator: ":").prefix(1).map(String.init)
        #if os(Linux)
        let usual = "/run"
        #else
        let usual = "/var/run"
        #endif
        if CurrentProcess.userID == 0 {
            places.append(usual)
        } else if let own = Environment["XDG_RUNTIME_DIR"] {
            places.append(own)
        }
        return (places + ["/tmp"]).filter { $0.hasPrefix("/") }
    }

    /// What is made there cannot be replaced by others, and children of other users get through to it.
    private static func isSafe(_ place: String) -> Bool {
        guard let status = try? FileStatus(following: place), status.kind == .directory else { return false }
        let (own, sticky) = (CurrentProcess.userID, status.mode & 0o1000 != 0)
        guard status.owner == 0 || status.owner == own, status.mode & 0o022 == 0 || sticky else { return false }
        return own != 0 || status.mode & 0o001 != 0
    }

    private static func make() throws(Errno) -> (place: String, path: String, descriptor: Int32) {
        var failure = Errno.noSuchFile
        for place in places where isSafe(place) {
            // /PID-RANDOM, a number and the socket's name have to fit as well.
            guard place.utf8.count + 60 <= SocketAddress.longestUnixPath else {
                failure = .nameTooLong
                continue
            }
            do {
                let made = try make(in: place)
                return (place, made.path, made.descriptor)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private static func make(in place: String) throws(Errno) -> (path: String, descriptor: Int32) {
        for _ in 0..<16 {
            let random = String(UInt32.random(in: 0 ... .max), radix: 36)
            let path = "\(place)/\(prefix)\(CurrentProcess.id)-\(random)"
            do {
                try withUmask(0) { () throws(Errno) in try Files.makeDirectory(path, mode: 0o711) }
            } catch .fileExists {
                continue
            }
            let directory = try FileDescriptor.open(path, [.directory, .noFollow])
            // Another master may have taken it for a dead one's, before there was a lock.
            guard try Descriptor.tryLock(directory.number),
                let there = try? FileStatus(path: path), let ours = try? FileStatus(descriptor: directory.number),
                there.identity == ours.identity
            else { continue }
            return (path, directory.release())
        }
        throw .fileExists
    }

    private static func abandoned(in place: String, besides own: String) -> [String] {
        Files.names(in: place).filter { $0.hasPrefix(prefix) }.map { "\(place)/\($0)" }.filter { path in
            guard path != own, let lock = lock(abandoned: path) else { return false }
            Descriptor.close(lock)
            return true
        }
    }

    /// While it is held no master that just begins takes the directory for its own.
    private static func lock(abandoned path: String) -> Int32? {
        guard let status = try? FileStatus(path: path), status.kind == .directory,
            status.owner == CurrentProcess.userID,
            let directory = try? FileDescriptor.open(path, [.directory, .noFollow, .nonBlocking]),
            (try? Descriptor.tryLock(directory.number)) == true
        else { return nil }
        return directory.release()
    }

    // MARK: A child's

    func address(_ number: Int) -> String { "\(path)/\(number)/\(Self.socketName)" }

    /// A socket that only this user may send to, and root.
    func bind(_ number: Int, user: UserID?, group: GroupID?) throws(Errno) -> FileDescriptor {
        let subdirectory = "\(path)/\(number)"
        try Self.withUmask(0) { () throws(Errno) in try Files.makeDirectory(subdirectory, mode: 0o700) }
        do {
            let directory = try FileDescriptor.open(subdirectory, [.directory, .noFollow])
            let socket = try Socket.open(SocketAddress.unix(subdirectory).family, .datagram)
            try Socket.askForCredentials(socket.number)
            try Self.withUmask(0) { () throws(Errno) in
                try Socket.bind(socket.number, to: .unix(address(number)))
            }
            // Last of all: nothing is done by name in a directory that is another user's already.
            if let user, user != CurrentProcess.userID {
                try Descriptor.setOwner(directory.number, user, group ?? GroupID(user))  // bounded: of the same width
            }
            return socket
        } catch {
            _ = remove(number)
            throw error
        }
    }

    /// False where something is left that the child's user has put there.
    func remove(_ number: Int) -> Bool {
        let subdirectory = "\(path)/\(number)"
        try? Files.unlink("\(subdirectory)/\(Self.socketName)")
        do {
            try Files.removeDirectory(subdirectory)
            return true
        } catch {
            return error == .noSuchFile
        }
    }

    func removeAll() {
        // bounded: a name again, nothing is counted with it
        for number in Files.names(in: path).compactMap({ Int($0) }) { _ = remove(number) }
        try? Files.removeDirectory(path)
    }

    /// What the child's user has put there goes too, which takes as long as he likes: not for a master itself. False
    /// where there are directories in it.
    func clear(_ number: Int) -> Bool {
        let subdirectory = "\(path)/\(number)"
        for name in Files.names(in: subdirectory) { try? Files.unlink("\(subdirectory)/\(name)") }
        return (try? Files.removeDirectory(subdirectory)) != nil
    }

    /// The same for those of a master that was killed.
    static func clear(_ abandoned: [String]) {
        for path in abandoned {
            guard let lock = lock(abandoned: path) else { continue }
            defer { Descriptor.close(lock) }
            let directory = NotifyDirectory(path: path, descriptor: lock)
            // bounded: a name again, nothing is counted with it
            for number in Files.names(in: path).compactMap({ Int($0) }) { _ = directory.clear(number) }
            try? Files.removeDirectory(path)
        }
    }

    /// This process has one thread: nobody makes a file meanwhile.
    private static func withUmask(_ mask: FileMode, _ body: () throws(Errno) -> Void) throws(Errno) {
        let old = Files.setUmask(mask)
        defer { Files.setUmask(old) }
        try body()
    }
}
