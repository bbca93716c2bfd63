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
    package static func lock(_ path: String, daemon: String, mode: FileMode = 0o600) throws(DaemonError) -> PidFile {
        let tried = "pid file \(path)"
        Signal.blockAll()
        defer { Signal.unblockAll() }
        // A round more for each owner that removes its file between our opening and locking it.
        for _ in 0..<1000 {
            let (file, isNew) = try open(path)
            let number = file.number
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
                guard let now = try? FileStatus(path: path), now.identity == locked.identity else { continue }
                let owned = OwnedFile(path: path, directory: Descriptor.currentDirectory, identity: locked.identity)
                do {
                    if locked.size > 0 { try Descriptor.truncate(number) }
                    if locked.mode != mode { try Descriptor.setMode(number, mode) }
                } catch {
                    owned.remove()
                    throw error
                }
                StartAbort.remove(path, in: Descriptor.currentDirectory, identity: locked.identity)
                return PidFile(path: path, descriptor: file.release(), owned: owned)
            } catch let error as Errno {
                if isNew { try? Files.unlink(path) }
                throw DaemonError(.pidFile, tried, error)
            } catch {
                throw DaemonError(wrapping: error)
            }
        }
        throw DaemonError(.pidFile, "\(tried): other processes keep replacing it")
    }

    private static func open(_ path: String) throws(DaemonError) -> (FileHandle, isNew: Bool) {
        let tried = "pid file \(path)"
        let options: OpenOptions = [.readWrite, .noFollow, .nonBlocking, .noControllingTerminal]
        for _ in 0..<1000 {
            do {
                let file = FileHandle(try FileDescriptor.open(path, options))
                let status = try FileStatus(descriptor: file.number)
                guard status.kind == .regular else {
                    throw DaemonError(.pidFile, "\(tried): is \(status.kind.rawValue)")
                }
                guard status.links < 2 else { throw DaemonError(.pidFile, "\(tried): has another name (hard link)") }
                return (file, false)
            } catch let error as Errno where error == .noSuchFile {
                do {
                    return (FileHandle(try FileDescriptor.open(path, options.union([.create, .exclusive]))), true)
                } catch .fileExists {
                    continue
                } catch {
                    throw DaemonError(.pidFile, tried, error)
                }
            } catch let error as Errno {
                if let kind = (try? FileStatus(path: path))?.kind, kind != .regular {
                    throw DaemonError(.pidFile, "\(tried): is \(kind.rawValue)")
                }
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
        let (folder, name) = split(path: path)
        let directory = try attempt(.pidFile, "pid file \(path)") { () throws(Errno) in
            try FileDescriptor.open(folder, .directory).release()
        }
        StartAbort.remove(name, in: directory, identity: owned.identity)
        let owned = OwnedFile(path: name, directory: directory, identity: owned.identity)
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

/// A FileDescriptor that a tuple can hold.
private final class FileHandle {
    private var file: FileDescriptor?
    let number: Int32

    init(_ file: consuming FileDescriptor) {
        number = file.number
        self.file = consume file
    }

    func release() -> Int32 {
        guard let file = file.take() else { return -1 }
        return file.release()
    }
}
