import DaemonCore
import Text
import Unix

/// What the last master's children are still doing although it was killed: they hold its sockets, and would serve beside
/// the new ones. The next start ends them, before it binds.
///
/// The children file names sessions; a number is believed only where one of those who are in the session now was in it
/// when the last master still lived, since nobody else's session can have the number until the last of them has left.
package enum Leftovers {
    /// From SIGTERM to SIGKILL.
    package static let patience = Duration.seconds(5)

    /// Ends them, and says whom; does nothing where the last master came to its end.
    package static func end(beside pidFile: String, of daemon: String, log: (LogLevel, String) -> Void) {
        let path = ChildrenFile.path(beside: pidFile)
        guard let location = try? FileLocation(path), let text = read(location), let epoch = ProcessEpoch.current,
            text.epoch == epoch, text.place == ChildrenText.place(pidFile)
        else { return }
        defer { try? location.remove() }
        let deadline = MonotonicTime.now + patience
        var proven: Set<ProcessID> = []
        // Again for those that were started meanwhile.
        for round in 0..<16 {
            let (own, unproven) = find(text, &proven)
            if round == 0 { tell(unproven, daemon, log) }
            guard !own.isEmpty else { return }
            let names = own.map(name).joined(separator: ", ")
            log(.warning, "the last \(daemon) has left processes behind, which are told to end: \(names)")
            for process in own { try? process.queueStop() }
            // Whoever stands does not hear.
            for process in own { try? process.send(.continue) }
            let left = own.filter { !$0.waitForEnd(deadline - .now) }
            guard !left.isEmpty else { continue }
            log(.warning, "killing what does not end: \(left.map(name).joined(separator: ", "))")
            for process in left { try? process.send(.kill) }
            let end = MonotonicTime.now + patience
            // One that waits for a device, say, must not keep the start for ever.
            let stuck = left.filter { !$0.waitForEnd(end - .now) }
            guard stuck.isEmpty else {
                return log(.error, "these do not end after SIGKILL: \(stuck.map(name).joined(separator: ", "))")
            }
        }
    }

    /// What a master of root's, or ours, wrote there.
    private static func read(_ location: borrowing FileLocation) -> ChildrenText? {
        guard let file = try? location.open(.nonBlocking), let status = try? FileStatus(descriptor: file.number),
            status.kind == .regular, status.owner == CurrentProcess.userID, status.links == 1,
            status.mode == ChildrenFile.mode
        else { return nil }
        return ChildrenText(Descriptor.contents(of: file.number, limit: ChildrenText.longest))
    }

    /// Those who are proven to be the last master's, and those who have the number of a session of its only.
    /// `proven`: sessions of which that was seen a moment ago.
    private static func find(
        _ text: ChildrenText, _ proven: inout Set<ProcessID>
    ) -> (own: [ProvenProcess], unproven: [ProcessID]) {
        let ours = CurrentProcess.session(of: CurrentProcess.id)
        var members: [ProcessID: [ProcessID]] = [:]
        var own: [ProvenProcess] = []
        for pid in CurrentProcess.all where pid > 1 {
            guard let session = CurrentProcess.session(of: pid), session != ours else { continue }
            if text.sessions[session] != nil || session == text.ownSession?.pid {
                members[session, default: []].append(pid)
            } else if text.sessions[pid] != nil, let child = try? ProvenProcess(pid, .old(text.lastWritten)) {
                own.append(child)
            }
        }
        var unproven: [ProcessID] = []
        for (session, pids) in members {
            let held = pids.compactMap { try? ProvenProcess($0, .member(of: session)) }.filter { process in
                !process.hasEnded && isOfMaster(process, text, in: session)
            }
            if held.contains(where: { isWitness($0, text, of: session) }) {
                own += held
                proven.insert(session)
            } else if proven.contains(session), let user = text.user(of: session) {
                own += held.filter { $0.isOf(user) }
            } else {
                unproven += held.map(\.pid)
            }
        }
        return (own.sorted { $0.pid < $1.pid }, unproven.sorted())
    }

    /// Others were in the master's own session before it had children.
    private static func isOfMaster(_ process: ProvenProcess, _ text: ChildrenText, in session: ProcessID) -> Bool {
        guard let own = text.ownSession, own.pid == session, text.sessions[process.pid] == nil else { return true }
        return process.started.map { $0 > own.since } ?? false
    }

    /// It was in the session when the last master lived: it is as old, or it comes of that master, as its environment says,
    /// or has a socket of that master's and is of the child's user: a socket alone can be handed to anybody.
    private static func isWitness(_ process: ProvenProcess, _ text: ChildrenText, of session: ProcessID) -> Bool {
        if let started = process.started, started <= text.lastWritten { return true }
        if process.wasGiven("\(ChildrenFile.variable)=\(text.invocation)") { return true }
        guard let user = text.user(of: session), process.isOf(user) else { return false }
        return process.holds(socketOf: text.sockets)
    }

    private static func tell(_ unproven: [ProcessID], _ daemon: String, _ log: (LogLevel, String) -> Void) {
        guard !unproven.isEmpty else { return }
        log(
            .warning,
            "the last \(daemon) may have left these processes behind, which cannot be proven: they are left alone: "
                + unproven.map { "\($0)" }.joined(separator: ", "))
    }

    private static func name(_ process: ProvenProcess) -> String {
        process.name.map { "\(process.pid) (\(VisibleText.line($0)))" } ?? "\(process.pid)"
    }
}
