import DaemonCore
import Supervision
import Unix

/// A Unix stream socket for administrators, in HAProxy's manner: a line a command, every answer ends with an empty line.
package final class ControlServer {
    package let listener: Int32
    package let file: OwnedFile
    /// Of every session on it, at first.
    package private(set) var level: ControlLevel
    /// Where commands go that are not for the master.
    package weak var router: (any ControlRouter)?
    /// Shown in the master's prompt: `master[ReloadFailed]> `; where it is empty, `master> `.
    package var state = ""
    /// Called with the requester of a command whose client has gone before the answer: it waits no longer.
    package var abandoned: ((Requester) -> Void)?
    /// Every control socket of the master, for `show cli sockets`.
    package var servers: () -> [ControlServer] = { [] }
    package let master: Master
    /// Bound for its owner alone.
    private var isPrivate: Bool
    /// Of the file.
    private var owner: UserID
    /// Nobody new can connect; who is connected goes on.
    private var isRetired = false
    package private(set) var commands: [ControlCommand] = []
    private(set) var sessions: [Int32: ControlSession] = [:]
    private var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    private var isWatchingStalls = false
    let accounts: ControlAccounts
    /// Goes on with a report of an earlier image; nil where it cannot.
    package var resume: (StateRecord) -> (any ControlReport)? = { _ in nil }

    /// Of one turn: who connects again and again is not to hold the others up.
    private static let mostAccepts = 64
    /// Between two lines of a session without a mode that goes on.
    private static let moment = Duration.milliseconds(200)
    /// A client that takes nothing for so long is dropped.
    private static let patience = Duration.seconds(10)

    /// Takes ownership of a listening socket.
    package init(
        _ listener: Int32, file: OwnedFile, master: Master, accounts: ControlAccounts, level: ControlLevel = .admin
    ) throws(Errno) {
        self.level = level
        isPrivate = (file.mode ?? 0o600) & 0o077 == 0
        owner = file.owner ?? CurrentProcess.userID
        self.listener = listener
        self.file = file
        self.master = master
        self.accounts = accounts
        accounts.limit(sessions: max(16, Limits.raiseOpenFiles(to: 8192) - 512))
        try Descriptor.setNonBlocking(listener, true)
        // A session has nothing to hand over, and what it sent would be closed here, however long that takes.
        Socket.refuseDescriptors(listener)
        try master.watch(listener) { [unowned self] in accept() }
        servers = { [unowned self] in [self] }
        add(ownCommands)
    }

    package func add(_ more: [ControlCommand]) { commands += more }

    package var descriptors: [Int32] { (isRetired ? [] : [listener]) + sessions.keys }

    /// Another configuration says so; for sessions to come.
    package func adapt(to request: ControlSocketRequest) {
        level = request.level
        guard (try? file.adapt(to: request.mode, request.owner)) != nil else { return }
        isPrivate = request.mode & 0o077 == 0
        owner = file.owner ?? owner
    }

    /// Closes the socket, and removes its file.
    func retire() {
        guard !isRetired else { return }
        isRetired = true
        master.unwatch(listener)
        Descriptor.close(listener)
        file.remove()
    }

    // MARK: Sessions

    private func accept() {
        for _ in 0..<Self.mostAccepts {
            do {
                let number = try Socket.accept(listener).release()
                guard let user = try? Socket.peerUser(number), mayConnect(user) else {
                    Descriptor.close(number)
                    continue
                }
                let admission = accounts.admit(user)
                guard admission != .no else {
                    Descriptor.close(number)
                    continue
                }
                let session = ControlSession(number, user: user)
                session.level = level
                open(session)
                if admission == .last { return pause() }
            } catch .wouldBlock {
                return
            } catch .tooManyOpenFiles, .tooManyOpenFilesInSystem {
                if !accounts.makeRoom() { return pause() }
            } catch {
                return pause()
            }
        }
    }

    /// A file's mode can be changed behind our back; who is at the other end cannot.
    private func mayConnect(_ user: UserID) -> Bool {
        !isPrivate || user == CurrentProcess.userID || user == owner || user == 0
    }

    /// No descriptor is left: a listener that stays readable must not keep us busy.
    private func pause() {
        master.unwatch(listener)
        master.after(.seconds(1)) { [weak self] in
            guard let self, !isRetired else { return }
            try? master.watch(listener) { [unowned self] in accept() }
        }
    }

    package func open(_ session: ControlSession) {
        let number = session.descriptor
        guard watch(session, reading: true, writing: false) else { return Descriptor.close(number) }
        session.server = self
        sessions[number] = session
        accounts.add(session)
    }

    package func end(_ session: ControlSession) {
        guard sessions[session.descriptor] === session else { return }
        sessions[session.descriptor] = nil
        accounts.remove(session)
        if session.isWatched { master.unwatch(session.descriptor) }
        SentDescriptors.close(connection: session.descriptor, in: master)
        session.report = nil
        guard session.isBusy else { return }
        session.isBusy = false
        if let requester = session.requester { abandoned?(requester) }
    }

    /// The session has something to read, can be written to, or its client has gone.
    private func serve(_ number: Int32) {
        guard let session = sessions[number] else { return }
        guard session.isResting else { return serveBusy(session) }
        guard !session.isAtEnd else { return flush(session) }
        do {
            let count = try Socket.read(number, into: &buffer)
            guard count > 0 else {
                // Whatever had come was done: its descriptor is free at once for who connects next.
                session.isAtEnd = true
                session.isEnding = true
                return flush(session)
            }
            session.input.append(buffer[..<count])
        } catch .wouldBlock {
            // Writable again, or nothing.
        } catch {
            return end(session)
        }
        guard accounts.account(for: session) else { return end(session) }
        work(session)
    }

    /// It is not read meanwhile. A client that has only ended its own side still waits for the answer.
    private func serveBusy(_ session: ControlSession) {
        guard Poll.isHungUp(session.descriptor) else { return flush(session) }
        // What has come before the client went is still done, as far as it need not be waited for.
        guard session.isQueued && session.report == nil else { return end(session) }
        master.unwatch(session.descriptor)
        session.isWatched = false
    }

    package func flush(_ session: ControlSession) {
        guard sessions[session.descriptor] === session else { return }
        guard session.flush() else { return end(session) }
        accounts.account(for: session)
        if !session.hasUnread && session.isEnding && !session.isBusy { return end(session) }
        let reading = session.isResting && !session.isAtEnd
        guard watch(session, reading: reading, writing: session.hasUnread) else { return end(session) }
        if session.hasUnread { watchStalls() }
        if session.wantsTurn && session.hasRoom { accounts.queue(session) }
    }

    /// What is to be said before this process ends, as far as the clients take it at once.
    package func flushAll() { for session in sessions.values { _ = session.flush() } }

    /// Looks from time to time whether those that have something to read do so.
    private func watchStalls() {
        guard !isWatchingStalls else { return }
        isWatchingStalls = true
        master.after(.seconds(2)) { [weak self] in self?.endStalled() }
    }

    private func endStalled() {
        isWatchingStalls = false
        // One whose server has been taken away goes on elsewhere.
        for session in sessions.values where session.server === self && session.hasUnread {
            guard session.flush(), MonotonicTime.now - session.progressAt < Self.patience else {
                end(session)
                continue
            }
            flush(session)
        }
    }

    /// A session that waits for its answer is watched for its client's going only, which ends it.
    private func watch(_ session: ControlSession, reading: Bool, writing: Bool) -> Bool {
        let number = session.descriptor
        do {
            if !session.isWatched {
                try master.watch(number) { [unowned self] in serve(number) }
                session.isWatched = true
            }
            if session.interest != (reading, writing) {
                try master.watch(number, reading: reading, writing: writing)
                session.interest = (reading, writing)
            }
            return true
        } catch {
            return false
        }
    }

    // MARK: Commands

    /// Something has come, or was answered: it is gone on with when it is its turn.
    package func work(_ session: ControlSession) {
        guard sessions[session.descriptor] === session else { return }
        session.wantsTurn = true
        accounts.becameBusy(session)
        if session.hasRoom { accounts.queue(session) } else { flush(session) }
    }

    /// A slice of commands and of pieces of answers; false when nothing more can be done for now.
    package func step(_ session: ControlSession) -> Bool {
        let end = MonotonicTime.now + ControlTurns.slice
        repeat {
            guard sessions[session.descriptor] === session else { return false }
            guard session.hasRoom else {
                flush(session)
                return false
            }
            if let report = session.report {
                makePiece(of: report, session)
            } else if session.isBusy || session.isEnding || !doNext(session) {
                rest(session)
                return false
            }
        } while MonotonicTime.now < end
        return true
    }

    private func rest(_ session: ControlSession) {
        session.wantsTurn = false
        session.isLong = false
        if !session.isBusy { accounts.becameIdle(session) }
        flush(session)
        linger(session)
    }

    /// As HAProxy: without a mode that goes on, a session ends behind its last line. Lines that are written one after
    /// the other take a moment to come.
    private func linger(_ session: ControlSession) {
        let count = session.linesDone
        guard session.mode == .single, count != session.lingersAfter, session.isResting, !session.isEnding else {
            return
        }
        session.lingersAfter = count
        master.after(Self.moment) { [weak self, weak session] in
            guard let self, let session, sessions[session.descriptor] === session, session.mode == .single,
                session.linesDone == count, session.isResting, session.input.isEmpty
            else { return }
            session.isEnding = true
            flush(session)
        }
    }

    /// False where there is nothing.
    private func doNext(_ session: ControlSession) -> Bool {
        if let request = session.commands.popFirst() {
            begin(session)
            run(request, session)
            return true
        }
        if session.isLineDone {
            session.isLineDone = false
            session.linesDone &+= 1
            return true
        }
        let item = session.input.next()
        // As HAProxy: a prompt of its own after each line of a payload.
        let continued = session.input.takeContinued()
        // bounded: it counts what was sent
        if session.mode == .prompting { session.send(String(repeating: "+ ", count: continued)) }
        switch item {
        case .requests(let commands):
            session.commands = commands
            session.isLineDone = true
            if commands.isEmpty, session.mode == .prompting { sendPrompt(session) }
            // Every answer ends with an empty line, and this one is no more than that.
            if commands.isEmpty, session.mode != .prompting { session.send("\n".utf8) }
        case .mistake(let mistake):
            session.send("\(mistake.message)\n\n")
            session.isLineDone = true
            sendPrompt(session)
        case nil:
            if session.isAtEnd { session.isEnding = true }
            return false
        }
        return true
    }

    /// It waits for an answer, and makes room for nobody.
    package func begin(_ session: ControlSession) {
        session.isBusy = true
        accounts.becameBusy(session)
    }

    private func run(_ request: ControlRequest, _ session: ControlSession) {
        let answer = { [unowned self] (text: String) in finish(session, text) }
        session.isWorking = true
        defer { session.isWorking = false }
        switch route(request, session) {
        case .here(let request): perform(request, session, answer)
        case .child(let pid, let request): router?.forward(request, to: pid, session, answer)
        case .lost(let prefix): answer("Can't find the target PID matching the prefix '\(prefix)'\n")
        case .chosen: finish(session, nil)
        }
    }

    private func perform(_ request: ControlRequest, _ session: ControlSession, _ answer: @escaping (String) -> Void) {
        guard let command = commands.called(by: request.words) else {
            return answer(commands.unknown(request.words, session.level))
        }
        guard session.level >= command.level else { return answer(permissionDenied) }
        let arguments = Array(request.words.dropFirst(command.words.count))
        switch command.body {
        case .answer(let run): run(arguments, session, answer)
        case .report(let make):
            do {
                session.report = try make(arguments)
            } catch {
                return answer("\(error.message)\n")
            }
            guard !accounts.account(for: session) else { return }
            session.report = nil
            answer(Self.tooMuch)
        }
    }

    private static let tooMuch = "Too much is unread already: read the answers of other sessions, or end them.\n"

    private func makePiece(of report: any ControlReport, _ session: ControlSession) {
        if let text = report.next() { return session.send(text.utf8) }
        session.report = nil
        session.send("\n".utf8)
        answered(session)
    }

    /// The answer to the session's command, whenever it comes; nil where there is nothing to answer.
    package func finish(_ session: ControlSession, _ text: String?) {
        guard session.isBusy, session.report == nil, sessions[session.descriptor] === session else { return }
        if let text {
            let text = accounts.hasRoom(for: text.utf8.count, of: session.user) ? text : Self.tooMuch
            session.send(text.utf8)
            session.send(text.isEmpty || text.utf8.last == UInt8(ascii: "\n") ? "\n" : "\n\n")
        }
        answered(session)
    }

    private func answered(_ session: ControlSession) {
        accounts.account(for: session)
        session.isBusy = false
        session.requester = nil
        sendPrompt(session)
        if !session.isWorking { work(session) }
    }

    private func sendPrompt(_ session: ControlSession) {
        if session.mode == .prompting && !session.isEnding { session.send(prompt(of: session)) }
    }
}
