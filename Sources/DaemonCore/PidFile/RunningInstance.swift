import Unix

/// The running daemon as others find it: the process that holds the lock of its pid file. The pid in the file only says
/// where to look for the proof.
package struct RunningInstance: Sendable {
    package let daemon: String
    package let path: String
    private let owners: PidFileOwners
    /// How long a stop may take before it is forced.
    package let stopLimit: Duration
    /// How long a daemon may take to begin its stop.
    static let longestSilence = Duration.seconds(45)

    /// `user`: whom the daemon runs as; its own pid file is believed besides root's and the caller's.
    package init(daemon: String, path: String, user: String? = nil, stopLimit: Duration) {
        self.daemon = daemon
        self.path = path
        self.stopLimit = stopLimit
        owners = PidFileOwners(user: user)
    }

    package enum Finding: Sendable {
        case running(ProvenProcess)
        /// Somebody holds the lock. Whether it is the process that the file names may not be looked at.
        case unseen(ProcessID, Errno)
        case starting
        /// Its pid file is there still.
        case dead
        case notRunning
        /// Nobody is signalled.
        case unknown(String)
    }

    /// Reading is all the right that it takes.
    package func look() -> Finding {
        do {
            let file = try FileDescriptor.open(path, [.noFollow, .nonBlocking, .noControllingTerminal])
            return try look(at: file.number)
        } catch .noSuchFile {
            return .notRunning
        } catch .symbolicLinkLoop {
            return unknown("is a symbolic link")
        } catch {
            return unknown("\(error)")
        }
    }

    private func unknown(_ why: String) -> Finding { .unknown("pid file \(path): \(why)") }

    private func look(at file: Int32) throws(Errno) -> Finding {
        let status = try FileStatus(descriptor: file)
        guard status.kind == .regular else { return unknown("is \(status.kind.rawValue)") }
        guard status.links < 2 else { return unknown("has another name (hard link)") }
        guard owners.trust(status.owner) else { return unknown(owners.refusal(of: status.owner)) }
        if try Descriptor.tryLock(file, shared: true) { return status.size == 0 ? .notRunning : .dead }
        guard status.mode & 0o022 == 0 else { return unknown("others than its owner may write to it") }
        // A start that has just got the lock has the pid of an earlier daemon before it for a moment, and so has an end; on
        // a busy machine the moment is long.
        let (begin, limit) = (MonotonicTime.now, Duration.seconds(2))
        // Root may look at nearly everybody; who else asks is not kept waiting for what he may not see.
        let unseenLimit = CurrentProcess.userID == 0 ? limit : .milliseconds(100)
        while true {
            guard let pid = PidFile.recordedPID(file) else { return .starting }
            do {
                return .running(try proven(pid, status))
            } catch .unseen(let why) {
                if MonotonicTime.now - begin > unseenLimit { return .unseen(pid, why) }
            } catch {
                if MonotonicTime.now - begin > limit {
                    return unknown("is locked, but not by process \(pid), which it names")
                }
            }
            Poll.pause(.milliseconds(2))
            if try Descriptor.tryLock(file, shared: true) { return .dead }
        }
    }

    /// A process of root's is believed only what root wrote: another owner's file means a process of his.
    private func proven(_ pid: ProcessID, _ file: FileStatus) throws(ProvenProcess.Failure) -> ProvenProcess {
        let owner = file.owner == 0 ? nil : file.owner
        do {
            return try ProvenProcess(pid, .lock(file.identity, user: owner))
        } catch .unseen(let why) {
            // A container's root may not look into a process of another user. Whoever writes the file signals his own
            // processes by himself.
            guard let user = owner ?? owners.userID, let own = try? ProvenProcess(pid, .user(user)) else {
                throw .unseen(why)
            }
            return own
        }
    }

    /// Whether the daemon says that it has begun to stop; where that cannot be told, it is believed to have.
    var isStopping: Bool {
        guard let file = try? FileDescriptor.open(path, [.noFollow, .nonBlocking, .noControllingTerminal]) else {
            return true
        }
        return FileMark.isSet(file.number) ?? true
    }

    /// A killed daemon, or one without the right, leaves its file: gone unless somebody holds it again.
    func removeLeftover() {
        guard let file = try? FileDescriptor.open(path, [.noFollow, .nonBlocking, .noControllingTerminal]),
            let held = try? FileStatus(descriptor: file.number), held.kind == .regular, owners.trust(held.owner),
            (try? Descriptor.tryLock(file.number)) == true
        else { return }
        OwnedFile(path: path, directory: Descriptor.currentDirectory, identity: held.identity).remove()
    }
}

/// Whose pid file is believed: root's, the caller's and the daemon's own user's.
struct PidFileOwners: Sendable {
    /// The daemon's; nil where it is not known.
    let user: String?

    /// Looked up only where it matters.
    var userID: UserID? { user.flatMap { try? User.find($0) }?.id }

    func trust(_ owner: UserID) -> Bool { owner == 0 || owner == CurrentProcess.userID || owner == userID }

    func refusal(of owner: UserID) -> String {
        let expected = user.map { "the user '\($0)'" } ?? "the daemon's user (--user)"
        return "belongs to user \(owner), who is neither root nor the caller nor \(expected)"
    }
}
