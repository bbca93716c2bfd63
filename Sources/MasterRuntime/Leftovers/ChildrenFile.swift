import DaemonCore
import Supervision
import Unix

/// Beside the pid file, for as long as the master lives: who its children are, for the next start, should this master be
/// killed. `Leftovers` reads it. Sessions count, which a process cannot get rid of by changing its parent.
final class ChildrenFile {
    private unowned let master: Master
    private let orphans: Orphans
    private let pidFile: String
    private let path: String
    private let log: any SessionLog
    private var text: ChildrenText
    /// Before the first child began.
    private var since = ProcessEpoch.now
    /// -1 while there is none.
    private var descriptor: Int32 = -1
    private var made: OwnedFile?
    /// Lines that say nothing any more, or the same as others.
    private var appended = 0
    /// By child, the sessions that it began, or its main process has, and its user.
    private var children: [Supervision.Child.ID: (user: UserID, sessions: Set<ProcessID>)] = [:]
    private var hasFailed = false

    /// nil without a pid file, and where the system tells no boot from another.
    init?(beside pidFile: PidFile?, _ log: any SessionLog, _ master: Master, _ orphans: Orphans) {
        guard let pidFile, let epoch = ProcessEpoch.current else { return nil }
        path = ChildrenFile.path(beside: pidFile.path)
        text = ChildrenText(
            epoch, beside: pidFile.path, invocation: String(UInt64.random(in: 0 ... .max), radix: 36))
        self.pidFile = pidFile.path
        (self.log, self.master, self.orphans) = (log, master, orphans)
        orphans.isGone = { [unowned self] in isGone($0) }
        master.mains.taken = { [unowned self] child, pid in
            guard let user = children[child]?.user, let session = Self.session(of: pid) else { return }
            began(child, session, of: user)
        }
        let close = master.afterEnd
        master.afterEnd = { [unowned self] child in
            close?(child)
            ended(child.id)
        }
    }

    /// nil where it is ours, who go on living in it.
    private static func session(of pid: ProcessID) -> ProcessID? {
        let session = CurrentProcess.session(of: pid)
        return session == CurrentProcess.session(of: CurrentProcess.id) ? nil : session
    }

    static func path(beside pidFile: String) -> String { "\(pidFile).children" }

    /// What the children's environment has of it, and what they start has from them.
    var invocation: String { "\(Self.variable)=\(text.invocation)" }
    static let variable = "DAEMONKIT_INVOCATION"

    /// Only a file that a master wrote has it: nobody else can give it to a file of root's.
    static let mode: FileMode = 0o1600

    // MARK: Events

    /// The child has begun a session, or is in ours.
    func began(_ child: Supervision.Child.ID, _ pid: ProcessID, _ program: Program) {
        if !program.leadsGroup { noteOwnSession() }
        began(child, pid, of: program.user)
    }

    /// Where we lead it. Who was in it before is not ours: a shell's other children, say, that has executed us.
    private func noteOwnSession() {
        let own = CurrentProcess.id
        guard text.ownSession == nil, CurrentProcess.session(of: own) == own else { return }
        append(text.lead(own, since: since))
    }

    /// The child, or its main process, is in a session of its own; or it is a process without one.
    private func began(_ child: Supervision.Child.ID, _ session: ProcessID, of user: UserID) {
        guard children[child, default: (user, [])].sessions.insert(session).inserted else { return }
        append(text.begin(session, of: user, at: ProcessEpoch.now))
    }

    private func ended(_ child: Supervision.Child.ID) {
        guard let sessions = children.removeValue(forKey: child)?.sessions else { return }
        let left = orphans.groups
        for session in sessions where !left.contains(session) { isGone(session) }
    }

    /// An earlier image of this process has started those; `user`: of a service's children.
    func resume(_ head: StateRecord, user: (String) -> UserID) {
        let now = ProcessEpoch.now
        since = head[number: "childrenSince"].map(Int64.init) ?? since
        if let invocation = head["invocation"] {
            text = ChildrenText(text.epoch, beside: pidFile, invocation: invocation)
        }
        for child in master.supervisor.children.values {
            guard child.pid > 1 else { continue }
            let other = Self.session(of: child.pid)
            if other == nil { noteOwnSession() }
            let session = other ?? child.pid
            let user = user(child.service)
            children[child.id, default: (user, [])].sessions.insert(session)
            _ = text.begin(session, of: user, at: now)
        }
        for session in orphans.groups { _ = text.begin(session, of: CurrentProcess.userID, at: now) }
        writeAnew()
    }

    func note(in head: inout StateRecord) {
        head["invocation"] = text.invocation
        head[number: "childrenSince"] = Int(since)
    }

    private func isGone(_ session: ProcessID) {
        guard text.sessions[session] != nil else { return }
        append(text.end(session, at: ProcessEpoch.now))
    }

    func holds(_ listeners: [Listener]) {
        let identities = listeners.compactMap { try? FileStatus(descriptor: $0.fileDescriptor).identity }
        let inodes = Set(identities.map { UInt64($0.inode) })  // bounded: the same number
        if inodes != text.sockets || descriptor < 0 { append(text.hold(inodes, at: ProcessEpoch.now)) }
    }

    /// The master ends, and everything that was its own has ended.
    func remove() {
        made?.remove()
        close()
    }

    // MARK: Writing

    private func append(_ line: String) {
        appended += 1  // bounded: begun anew when it is large
        // bounded: counts of lines and processes
        guard descriptor >= 0, appended < 256 + 4 * text.sessions.count else { return writeAnew() }
        do {
            try Descriptor.writeAll(descriptor, line)
        } catch {
            // A part of the line may be there.
            writeAnew()
        }
    }

    private func close() {
        if descriptor >= 0 { Descriptor.close(descriptor) }
        descriptor = -1
    }

    private func writeAnew() {
        close()
        do {
            let made = try SafeFile.replace(path, with: text.text(at: ProcessEpoch.now), mode: Self.mode)
            let location = try FileLocation(path)
            let opened = try location.open([.writeOnly, .append, .nonBlocking])
            guard try FileStatus(descriptor: opened.number).identity == made.identity else {
                throw FileRefusal(.replaced, path)
            }
            self.made = made
            descriptor = opened.release()
            appended = 0
            hasFailed = false
        } catch {
            guard !hasFailed else { return }
            hasFailed = true
            log.write(
                .warning,
                "cannot write \(path): \(error): should this master be killed, its next start does not find what is left"
            )
        }
    }
}
