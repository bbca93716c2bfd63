import Unix

/// The pid file: locked for life, `PID\n` inside. A daemon runs exactly while the lock is held. flock(2)
package struct PidFile: Sendable {
    package let path: String
    /// Holds the lock.
    package let descriptor: Int32
    private let owned: OwnedFile

    private init(path: String, descriptor: Int32, owned: OwnedFile) {
        self.path = path
        self.descriptor = descriptor
        self.owned = owned
    }

    /// Locked by an earlier image of this process. The descriptor is close-on-exec again.
    package init(path: String, lockedAs descriptor: Int32) throws(Errno) {
        let identity = try FileStatus(descriptor: descriptor).identity
        try Descriptor.setCloseOnExec(descriptor, true)
        owned = OwnedFile(path: path, directory: Descriptor.currentDirectory, identity: identity)
        self.path = path
        self.descriptor = descriptor
    }

    /// Locks the file, without waiting, before a byte of it is changed; then empties it.
    ///
    /// Only in the single-threaded start: signals wait from the moment that the file may be made until an abort knows it.
    ///
    /// A file that is there already belongs to root, us or one of `owners`.
    package static func lock(
        _ path: String, daemon: String, mode: FileMode = 0o600, owners: [UserID] = []
    ) throws(DaemonError) -> PidFile {
        let tried = "pid file \(path)"
        let location = try attempt(.pidFile, tried) { () throws(FileRefusal) in try FileLocation(path) }
        Signal.blockAll()
        defer { Signal.unblockAll() }
        // A round more for each owner that removes its file between our opening and locking it.
        for _ in 0..<1000 {
            let opened = try attempt(.pidFile, tried) { () throws(FileRefusal) in
                try SafeFile.open(location, .readWrite, kinds: .regular, mode: 0o600, owners: owners)
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
                do {
                    if locked.size > 0 { try Descriptor.truncate(number) }
                    if locked.mode != mode { try Descriptor.setMode(number, mode) }
                } catch {
                    owned.remove()
                    throw error
                }
                StartAbort.remove(location, identity: locked.identity)
                return PidFile(path: path, descriptor: opened.take().release(), owned: owned)
            } catch let error as Errno {
                if isNew { try? location.remove() }
                throw DaemonError(.pidFile, tried, error)
            } catch {
                throw DaemonError(wrapping: error)
            }
        }
        throw DaemonError(.pidFile, "\(tried): other processes keep replacing it")
    }

    private static func owner(_ number: Int32) -> String {
        recordedPID(number).map { "pid \($0)" } ?? "a process that is just starting"
    }

    /// The pid in the file, where there is exactly one.
    package static func recordedPID(_ number: Int32) -> ProcessID? {
        let bytes = Descriptor.contents(of: number, limit: 32)
        guard bytes.last == UInt8(ascii: "\n"), let pid = decimal(String(decoding: bytes.dropLast(), as: UTF8.self))
        else {
            return nil
        }
        return ProcessID(exactly: pid).flatMap { $0 > 0 ? $0 : nil }
    }

    package func write(_ pid: ProcessID) throws(DaemonError) {
        try attempt(.pidFile, "pid file \(path)") { () throws(Errno) in
            try Descriptor.writeAll(descriptor, "\(pid)\n")
        }
    }

    /// Keeps the file within reach after a chroot.
    func anchored() throws(DaemonError) -> PidFile {
        let location = try attempt(.pidFile, "pid file \(path)") { () throws(FileRefusal) in try FileLocation(path) }
        let name = location.name
        let owned = OwnedFile(path: name, directory: location.release(), identity: owned.identity)
        return PidFile(path: path, descriptor: descriptor, owned: owned)
    }

    /// Removes the file if it is still the locked one. Where the daemon has given up the right to do so, it is emptied:
    /// an empty file without a lock means "stopped", and `--stop` of a user who may remove it does.
    package func remove() {
        if !owned.remove() { try? Descriptor.truncate(descriptor) }
    }

    /// The launcher lets go of its copy: the lock stays with the daemon.
    func close() { Descriptor.close(descriptor) }

    /// After a daemon died: removes its file unless somebody holds the lock again.
    func removeIfUnlocked() {
        guard let file = try? FileDescriptor.open(path, [.readWrite, .noFollow, .nonBlocking]),
            let status = try? FileStatus(descriptor: file.number), status.identity == owned.identity,
            (try? Descriptor.tryLock(file.number)) == true
        else { return }
        owned.remove()
    }
}
