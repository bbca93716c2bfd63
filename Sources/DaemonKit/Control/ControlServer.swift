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
    let master: Master
    /// Bound for its owner alone.
    private var isPrivate: Bool
    /// Nobody new can connect; who is connected goes on.
    private var isRetired = false
    private(set) var commands: [ControlCommand] = []
    private(set) var sessions: [Int32: ControlSession] = [:]
    private var idle = IdleSessions()
    private var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    /// Beyond this the session that was silent for longest makes room.
    private let mostSessions: Int

    /// Takes ownership of a listening socket.
    package init(
        _ listener: Int32, file: OwnedFile, master: Master, level: ControlLevel = .admin
    ) throws(Errno) {
        self.level = level
        isPrivate = ((try? FileStatus(path: file.path))?.mode ?? 0o600) & 0o077 == 0
        self.listener = listener
        self.file = file
        self.master = master
        mostSessions = max(16, Limits.raiseOpenFiles(to: 8192) - 512)
        try Descriptor.setNonBlocking(listener, true)
        try master.watch(listener) { [unowned self] in accept() }
        servers = { [unowned self] in [self] }
        add(ownCommands)
    }

    /// Binds the socket; a stale one is replaced.
    package static func bind(
        _ path: String, mode: FileMode = 0o600
    ) throws(DaemonError) -> (descriptor: Int32, file: OwnedFile) {
        let old = Files.setUmask(~mode & 0o777)
        defer { Files.setUmask(old) }
        let listener = try Binding.listen(.stream, at: .unix(path))
        guard let file = listener.file else { throw DaemonError(.listener, "cannot bind \(path)", .invalidArgument) }
        // The listener closes its own descriptor with itself.
        let descriptor = try attempt(.listener, "cannot keep \(path)") { () throws(Errno) in
            try Descriptor.duplicate(listener.fileDescriptor, above: [2])
        }
        return (descriptor, file)
    }

    package func add(_ more: [ControlCommand]) { commands += more }

    package var descriptors: [Int32] { (isRetired ? [] : [listener]) + sessions.keys }

    /// Another configuration says so; for sessions to come.
    func adapt(to request: ControlSocketRequest) {
        level = request.level
        guard let now = try? FileStatus(path: file.path), now.identity == file.identity, now.mode != request.mode,
            (try? Files.setMode(file.path, request.mode)) != nil
        else { return }
        isPrivate = request.mode & 0o077 == 0
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
        while true {
            do {
                let number = try Socket.accept(listener).release()
                guard mayConnect(number) else {
                    Descriptor.close(number)
                    continue
                }
                let isFull = sessions.count >= mostSessions && !endIdlest()
                let session = ControlSession(number)
                session.level = level
                open(session)
                // All of them wait for answers: what the master needs itself is not for more sessions.
                if isFull { return pause() }
            } catch .tooManyOpenFiles, .tooManyOpenFilesInSystem {
                if !endIdlest() { return pause() }
            } catch {
                return
            }
        }
    }

    /// A file's mode can be changed behind our back; who is at the other end cannot.
    private func mayConnect(_ connection: Int32) -> Bool {
        guard isPrivate else { return true }
        guard let peer = try? Socket.peerUser(connection) else { return false }
        return peer == CurrentProcess.userID || peer == 0
    }

    /// No descriptor is left: a listener that stays readable must not keep us busy.
    private func pause() {
        master.unwatch(listener)
        master.after(.seconds(1)) { [weak self] in
            guard let self, !isRetired else { return }
            try? master.watch(listener) { [unowned self] in accept() }
        }
    }

    func open(_ session: ControlSession) {
        let number = session.descriptor
        guard watch(session, reading: true, writing: false) else { return Descriptor.close(number) }
        sessions[number] = session
        idle.append(session)
    }

    /// False where nobody is idle.
    private func endIdlest() -> Bool {
        guard let idlest = idle.first else { return false }
        end(idlest)
        return true
    }

    private func end(_ session: ControlSession) {
        guard sessions[session.descriptor] === session else { return }
        sessions[session.descriptor] = nil
        idle.remove(session)
        if session.isWatched { master.unwatch(session.descriptor) }
        Descriptor.close(session.descriptor)
        guard session.isBusy else { return }
        session.isBusy = false
        if let requester = session.requester { abandoned?(requester) }
    }

    /// The session has something to read, can be written to, or its client has gone.
    private func serve(_ number: Int32) {
        guard let session = sessions[number] else { return }
        if session.isBusy {
            // A client that has only ended its own side still waits for the answer.
            return Poll.isHungUp(number) ? end(session) : flush(session)
        }
        idle.append(session)
        guard !session.isAtEnd else { return flush(session) }
        do {
            let count = try Descriptor.read(number, into: &buffer)
            if count == 0 { session.isAtEnd = true } else { session.input.append(buffer[..<count]) }
        } catch .wouldBlock {
            // Writable again, or nothing.
        } catch {
            return end(session)
        }
        work(session)
    }

    func flush(_ session: ControlSession) {
        guard sessions[session.descriptor] === session else { return }
        guard session.flush() else { return end(session) }
        if session.output.isEmpty && session.isEnding && !session.isBusy { return end(session) }
        let reading = !session.isAtEnd && !session.isBusy
        if !watch(session, reading: reading, writing: !session.output.isEmpty) { end(session) }
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

    /// Answers what has come so far, one command after the other.
    func work(_ session: ControlSession) {
        guard sessions[session.descriptor] === session else { return }
        while !session.isBusy, !session.isEnding {
            if let request = session.requests.popFirst() {
                begin(session)
                run(request, session)
                continue
            }
            if session.isLineDone {
                session.isLineDone = false
                session.isEnding = session.mode == .single
                continue
            }
            let item = session.input.next()
            // As HAProxy: a prompt of its own after each line of a payload.
            let continued = session.input.takeContinued()
            if session.mode == .prompting { session.send(String(repeating: "+ ", count: continued)) }
            switch item {
            case .requests(let requests):
                session.requests = requests[...]
                session.isLineDone = true
                if requests.isEmpty { sendPrompt(session) }
            case .mistake(let mistake):
                session.send("\(mistake.message)\n\n")
                session.isLineDone = true
                sendPrompt(session)
            case nil:
                if session.isAtEnd { session.isEnding = true }
                return flush(session)
            }
        }
        flush(session)
    }

    /// It waits for an answer, and makes room for nobody.
    func begin(_ session: ControlSession) {
        session.isBusy = true
        idle.remove(session)
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
        command.run(Array(request.words.dropFirst(command.words.count)), session, answer)
    }

    /// The answer to the session's command, whenever it comes; nil where there is nothing to answer.
    func finish(_ session: ControlSession, _ text: String?) {
        guard session.isBusy, sessions[session.descriptor] === session else { return }
        if let text { session.send(text.isEmpty || text.hasSuffix("\n") ? "\(text)\n" : "\(text)\n\n") }
        session.isBusy = false
        session.requester = nil
        idle.append(session)
        sendPrompt(session)
        if !session.isWorking { work(session) }
    }

    private func sendPrompt(_ session: ControlSession) {
        if session.mode == .prompting && !session.isEnding { session.send(prompt(of: session)) }
    }
}
