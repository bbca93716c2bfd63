import Text
import Unix

/// The pid file: locked for life, `PID\n` inside. A daemon runs exactly while the lock is held. flock(2)
package struct PidFile: Sendable {
    package let path: String
    /// Holds the lock, and can only read: who keeps it, once privileges are dropped, cannot name another process.
    package let descriptor: Int32
    /// Closed by `write`; -1 after an exec.
    private let writer: Int32
    /// Replaced where the process outside of a chroot removes it.
    package var owned: OwnedFile
    /// Nobody but root and us could change anything on the way to it when it was locked.
    private let isSafe: Bool
    /// Who had written its pid into the file and let go of the lock without removing either: it died.
    private let leftBy: ProcessID?

    private init(
        path: String, descriptor: Int32, writer: Int32, owned: OwnedFile, isSafe: Bool, leftBy: ProcessID?
    ) {
        self.leftBy = leftBy
        self.path = path
        self.descriptor = descriptor
        self.writer = writer
        self.owned = owned
        self.isSafe = isSafe
    }

    /// Locked by an earlier image of this process. The descriptor is close-on-exec again.
    package init(path: String, lockedAs descriptor: Int32) throws(Errno) {
        let identity = try FileStatus(descriptor: descriptor).identity
        try Descriptor.setCloseOnExec(descriptor, true)
        owned = OwnedFile(path: path, directory: Descriptor.currentDirectory, identity: identity)
        self.path = path
        self.descriptor = descriptor
        writer = -1
        isSafe = false
        leftBy = nil
    }

    /// Locks the file, without waiting, before a byte of it is changed; then empties it.
    ///
    /// A file that is not our own is replaced, since its owner may have it open for writing: that of one of `owners`,
    /// whom the daemon will be, and whatever lies where nobody else can put a file. Any other is refused.
    ///
    /// Only in the single-threaded start: signals wait from the moment that the file may be made until an abort knows it.
    package static func lock(
        _ path: String, daemon: String, mode: FileMode = 0o600, owners: [UserID] = []
    ) throws(DaemonError) -> PidFile {
        let tried = "pid file \(path)"
        let location = try attempt(.pidFile, tried) { () throws(FileRefusal) in try FileLocation(path) }
        Signal.blockAll()
        defer { Signal.unblockAll() }
        var leftBy: ProcessID?
        // A round more for each owner that removes its file between our opening and locking it.
        for _ in 0..<1000 {
            let opened = try attempt(.pidFile, tried) { () throws(FileRefusal) in
                try SafeFile.open(location, [], kinds: .regular, mode: 0o600, owners: owners)
            }
            let isNew = opened.isNew
            let number = opened.file.number
            do {
                guard try Descriptor.tryLock(number) else {
                    // Who only asks whether the daemon runs has a shared lock, for a moment.
                    if try Descriptor.tryLock(number, shared: true) {
                        Poll.pause(.milliseconds(1))
                        continue
                    }
                    throw DaemonError(
                        .alreadyRunning, "\(daemon) is already running: \(tried) is locked by \(owner(number))")
                }
                let locked = try FileStatus(descriptor: number)
                guard let now = try? location.status, now.identity == locked.identity else { continue }
                let owned = OwnedFile(path: path, directory: Descriptor.currentDirectory, identity: locked.identity)
                if locked.size > 0 { leftBy = recordedPID(number) }
                if locked.owner != CurrentProcess.userID {
                    try location.remove()
                    continue
                }
                let writer: Int32
                do {
                    if locked.mode != mode { try Descriptor.setMode(number, mode) }
                    writer = try location.open([.writeOnly, .noFollow, .nonBlocking], mode: mode).release()
                    guard try FileStatus(descriptor: writer).identity == locked.identity else {
                        Descriptor.close(writer)
                        continue
                    }
                    if locked.size > 0 { try Descriptor.truncate(writer) }
                    try StartAbort.remove(location, identity: locked.identity)
                } catch {
                    // Without another descriptor: the want of one may be the reason.
                    try? location.remove()
                    throw error
                }
                return PidFile(
                    path: path, descriptor: opened.take().release(), writer: writer, owned: owned,
                    isSafe: location.isSafe, leftBy: leftBy)
            } catch let error as Errno {
                if isNew { try? location.remove() }
                throw DaemonError(.pidFile, tried, error)
            } catch {
                throw DaemonError(wrapping: error)
            }
        }
        throw DaemonError(.pidFile, "\(tried): other processes keep replacing it")
    }

    /// The last daemon died without removing it.
    package var isLeftBehind: Bool { leftBy != nil }

    /// What the next start says of one that died.
    package func deathNotice(of daemon: String) -> String? {
        leftBy.map { "the last \(daemon) (pid \($0)) died: it has left pid file \(path) behind" }
    }

    private static func owner(_ number: Int32) -> String {
        recordedPID(number).map { "pid \($0)" } ?? "a process that is just starting"
    }

    /// The pid in the file, where there is exactly one.
    package static func recordedPID(_ number: Int32) -> ProcessID? {
        let bytes = Descriptor.contents(of: number, limit: 32)
        guard bytes.last == UInt8(ascii: "\n") else { return nil }
        return DecimalText.parse(String(decoding: bytes.dropLast(), as: UTF8.self), in: 1...ProcessID.max)
    }

    /// Once: from then on nobody of this daemon can write to it.
    package func write(_ pid: ProcessID) throws(DaemonError) {
        defer { Descriptor.close(writer) }
        try attempt(.pidFile, "pid file \(path)") { () throws(Errno) in
            try Descriptor.writeAll(writer, "\(pid)\n")
        }
    }

    /// From now on whoever waits for the end of this process sees that it has heard of it.
    package func markStopping() { FileMark.set(descriptor) }

    /// Removes the file if it is still the locked one. Where only its directory is another's, it is emptied: an empty
    /// file without a lock means "stopped". A daemon that has dropped its privileges can do neither to root's file in
    /// root's directory: it stays, and `--stop` of root removes it.
    package func remove() {
        let options: OpenOptions = [.writeOnly, .noFollow, .nonBlocking]
        if owned.remove() { return }
        // There may be no descriptor left for the way to it.
        if isSafe, (try? FileStatus(path: owned.path, in: owned.directory))?.identity == owned.identity,
            (try? Files.unlink(owned.path, in: owned.directory)) != nil
        {
            return
        }
        guard let file = try? FileDescriptor.open(owned.path, in: owned.directory, options),
            (try? FileStatus(descriptor: file.number))?.identity == owned.identity
        else { return }
        try? Descriptor.truncate(file.number)
    }

    /// The launcher lets go of its copy, before anything was written: the lock stays with the daemon.
    package func close() {
        Descriptor.close(descriptor)
        Descriptor.close(writer)
    }

    /// After a daemon died: removes its file unless somebody holds the lock again.
    func removeIfUnlocked() {
        guard let file = try? FileDescriptor.open(path, [.noFollow, .nonBlocking, .noControllingTerminal]),
            let status = try? FileStatus(descriptor: file.number), status.identity == owned.identity,
            (try? Descriptor.tryLock(file.number)) == true
        else { return }
        owned.remove()
    }
}
