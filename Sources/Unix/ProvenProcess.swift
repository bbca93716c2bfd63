import CUnix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A process that may be signalled though it is not our own unreaped child: it was held by a pidfd while a proof of who
/// it is was looked at, so that its number cannot come to mean another one. pidfd_open(2)
///
/// What a file or a message says is a hint, never a proof. Where the system has no pidfd, or a container forbids it, the
/// proof is looked at again before each signal.
package final class ProvenProcess: Sendable {
    /// What makes it the process that is meant.
    package enum Proof: Hashable, Sendable {
        /// It is a child of this process, and not reaped.
        case child
        /// It holds the exclusive flock(2) of this file through a descriptor of its own, and all its user ids are the
        /// one that is given; nil: whosever it is.
        case lock(FileStatus.Identity, user: UserID?)
        /// This unreaped child of ours is among its parents.
        case descendant(of: ProcessID)
        /// It is in the session that this unreaped child of ours began.
        case session(of: ProcessID)
        /// It is in this session. Whose that is, the caller proves by those whom he holds in it: its number is nobody
        /// else's while one of them lives.
        case member(of: ProcessID)
        /// It was started by this time, `ProcessEpoch.now`: it is who had the number then, whom the caller knows.
        case old(Int64)
        /// It is the process of this pidfd, which an earlier image of this process has left to us.
        case held(by: Int32)
        /// All its user ids are this one: who could name it could have sent the signal himself. Not for root's.
        case user(UserID)
    }

    package enum Failure: Error, Hashable, Sendable {
        /// There is no such process any more.
        case gone
        /// It is there, and not the one that is meant.
        case refuted
        /// Whether it is the one may not be looked at, or cannot.
        case unseen(Errno)
    }

    package let pid: ProcessID
    private let proof: Proof
    /// -1 where there is no pidfd.
    private let handle: Int32
    /// Tells it from a later process of the same number, where there is no pidfd.
    private let startTime: Int64

    package init(_ pid: ProcessID, _ proof: Proof) throws(Failure) {
        guard pid > 0 else { throw .gone }
        let handle = try Self.hold(pid)
        let startTime: Int64
        do throws(Failure) {
            startTime = handle < 0 ? try Self.look(at: pid).started : 0
            try Self.check(pid, proof)
            // As the number has been this process's all the time, all that was read of it was this process's.
            if Self.hasEnded(pid, handle, startTime) { throw Failure.gone }
        } catch {
            let hasEnded = handle >= 0 && Poll.readable(handle, timeout: .zero)
            if handle >= 0 { Descriptor.close(handle) }
            throw hasEnded ? .gone : error
        }
        self.pid = pid
        self.proof = proof
        self.handle = handle
        self.startTime = startTime
    }

    deinit { if handle >= 0 { Descriptor.close(handle) } }

    /// -1 where there is no such call, or a container's filter refuses it.
    private static func hold(_ pid: ProcessID) throws(Failure) -> Int32 {
        do {
            return try checked { SystemCall.openProcess(pid) }
        } catch .noSystemCall, .notPermitted {
            return -1
        } catch .noSuchProcess {
            throw .gone
        } catch {
            throw .unseen(error)
        }
    }

    private static func look(at pid: ProcessID) throws(Failure) -> Facts {
        guard let facts = facts(of: pid) else { throw .unseen(.permissionDenied) }
        return facts
    }

    private static func check(_ pid: ProcessID, _ proof: Proof) throws(Failure) {
        switch proof {
        case .child: guard Child.isUnreaped(pid) else { throw .refuted }
        case .lock(let file, let user):
            let users = try look(at: pid).users
            guard user == nil || users.allSatisfy({ $0 == user }) else { throw .refuted }
            try checkLock(of: pid, on: file)
        case .descendant(let ancestor):
            guard Child.isUnreaped(ancestor), let line = parents(of: pid, upTo: ancestor),
                // A number on the way may have changed hands between two looks; not twice.
                parents(of: pid, upTo: ancestor) == line
            else { throw .refuted }
        case .session(let leader):
            guard Child.isUnreaped(leader), getsid(pid) == leader else { throw .refuted }
        case .old(let time): guard try look(at: pid).started <= time else { throw .refuted }
        case .member(let session): guard getsid(pid) == session else { throw .refuted }
        case .held(let descriptor):
            guard descriptor >= 0, process(behind: descriptor) == pid else { throw .refuted }
        case .user(let user):
            guard pid > 1, user != 0, try look(at: pid).users.allSatisfy({ $0 == user }) else { throw .refuted }
        }
    }

    private static func parents(of pid: ProcessID, upTo ancestor: ProcessID) -> [ProcessID]? {
        var line = [pid]
        for _ in 0..<64 {
            guard let parent = facts(of: line[line.count - 1])?.parent, parent > 1 else { return nil }
            line.append(parent)
            if parent == ancestor { return line }
        }
        return nil
    }

    // MARK: Facts

    /// When it was started: ticks since the boot, on Darwin microseconds since 1970; nil where that is not to be seen.
    package var started: Int64? { Self.facts(of: pid).flatMap { hasEnded ? nil : $0.started } }

    /// Of its program, as the process itself may have changed it: fifteen bytes of any kind; nil where there is none.
    package var name: String? {
        let name = Self.name(of: pid)
        return hasEnded ? nil : name
    }

    /// All its user ids are this one.
    package func isOf(_ user: UserID) -> Bool {
        guard let facts = Self.facts(of: pid), !hasEnded else { return false }
        return facts.users.allSatisfy { $0 == user }
    }

    /// It was started with this variable, `NAME=VALUE`, as whoever started it had it; false where that is not to be seen.
    /// Linux only.
    package func wasGiven(_ variable: String) -> Bool {
        #if os(Linux)
        let wanted = Array(variable.utf8)
        let entries = ProcessText.read(pid, "environ")?.split(separator: 0) ?? []
        return entries.contains { $0.elementsEqual(wanted) } && !hasEnded
        #else
        return false
        #endif
    }

    /// It has one of these sockets open, named by their inodes; false where that is not to be seen. Linux only.
    package func holds(socketOf inodes: Set<UInt64>) -> Bool {
        #if os(Linux)
        let names = Set(inodes.map { "socket:[\($0)]" })
        let directory = "/proc/\(pid)/fd"
        let isSeen = Files.names(in: directory).contains { name in
            Files.linkTarget("\(directory)/\(name)").map(names.contains) ?? false
        }
        return isSeen && !hasEnded
        #else
        return false
        #endif
    }

    // MARK: Signals

    package func send(_ signal: Signal) throws(Errno) { try send(signal, queued: false) }

    /// To its process group, which it must lead.
    package func sendToGroup(_ signal: Signal) throws(Errno) {
        // A group keeps its number while anybody is in it.
        guard getpgid(pid) == pid, !hasEnded else { throw .noSuchProcess }
        try signal.deliver(to: -pid)  // bounded: a pid is positive
    }

    /// A SIGHUP that asks for the log only. Where it cannot be told apart, a plain one.
    package func queueReopen() throws(Errno) { try send(.hangup, queued: true) }

    /// A SIGTERM that does not insist where a stop is under way already. Where it cannot be told apart, a plain one.
    package func queueStop() throws(Errno) { try send(.terminate, queued: true) }

    private func send(_ signal: Signal, queued: Bool) throws(Errno) {
        if handle >= 0 {
            do {
                let handle = handle
                let value = queued ? Int32(cunix_mildly) : nil  // bounded: a constant
                _ = try checked { SystemCall.signal(handle, signal.rawValue, queued: value) }
                return
            } catch .noSystemCall, .notPermitted {
                // A filter's answer, or kill(2) says the same.
            }
        }
        guard !hasEnded, (try? Self.check(pid, proof)) != nil else { throw .noSuchProcess }
        try signal.deliver(to: pid)
    }

    // MARK: Its end

    /// Readable when the process ends; ours to close. -1 where the system has no such thing.
    package var descriptor: Int32 { handle }

    package var hasEnded: Bool { Self.hasEnded(pid, handle, startTime) }

    private static func hasEnded(_ pid: ProcessID, _ handle: Int32, _ startTime: Int64) -> Bool {
        if handle >= 0 { return Poll.readable(handle, timeout: .zero) }
        guard let facts = facts(of: pid) else { return true }
        return facts.hasEnded || facts.started != startTime
    }

    /// Waits for its end; false when the time is over first.
    package func waitForEnd(_ limit: Duration) -> Bool {
        guard handle < 0 else { return Poll.readable(handle, timeout: max(.zero, limit)) }
        let deadline = MonotonicTime.now + limit
        while !hasEnded {
            let left = deadline - .now
            guard left > .zero else { return false }
            Poll.pause(min(left, .milliseconds(20)))
        }
        return true
    }
}
