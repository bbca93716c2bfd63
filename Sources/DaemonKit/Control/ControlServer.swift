import Supervision
import Unix

/// Who may do what on a control socket.
package enum ControlLevel: Int, Comparable, Sendable, CustomStringConvertible {
    case user, `operator`, admin

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    package var description: String { ["user", "operator", "admin"][rawValue] }
}

/// A control socket to be bound.
package struct ControlSocketRequest: Sendable {
    package let path: String
    package var mode: FileMode = 0o600
    /// Of every session on it.
    package var level = ControlLevel.admin

    package init(_ path: String) { self.path = path }
}

/// A command that a control socket understands.
package struct ControlCommand {
    /// The words that call it; what follows are its arguments.
    package let words: [String]
    package let help: String
    package let level: ControlLevel
    /// Answers now or later, exactly once.
    package let run: (_ arguments: [String], _ session: ControlSession, _ answer: @escaping (String) -> Void) -> Void

    package init(
        _ words: String, _ help: String, level: ControlLevel = .user,
        run: @escaping ([String], ControlSession, @escaping (String) -> Void) -> Void
    ) {
        self.words = words.split(separator: " ").map(String.init)
        self.help = help
        self.level = level
        self.run = run
    }
}

/// A Unix stream socket for administrators, in HAProxy's manner: a line a command, every answer ends with an empty line.
package final class ControlServer {
    package let listener: Int32
    package let file: OwnedFile
    private let master: Master
    private let level: ControlLevel
    /// Bound for its owner alone.
    private let isPrivate: Bool
    private var commands: [ControlCommand] = []
    private var sessions: [Int32: ControlSession] = [:]
    private var used = 0
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
        add(
            [
                ControlCommand("help", "this list; of one command with its name") {
                    [unowned self] words, session, answer in
                    answer(help(words, session.level))
                },
                ControlCommand("prompt", "toggle the interactive mode: many commands a session") { _, session, answer in
                    session.isInteractive.toggle()
                    answer("")
                },
                ControlCommand("quit", "end the session") { _, session, answer in
                    session.isEnding = true
                    answer("")
                },
            ])
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

    package var descriptors: [Int32] { [listener] + sessions.keys }

    // MARK: Sessions

    private func accept() {
        while true {
            do {
                let number = try Socket.accept(listener).release()
                guard mayConnect(number) else {
                    Descriptor.close(number)
                    continue
                }
                if sessions.count >= mostSessions { _ = endIdlest() }
                let session = ControlSession(number)
                session.level = level
                open(session)
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
        master.after(.seconds(1)) { [unowned self] in try? master.watch(listener) { [unowned self] in accept() } }
    }

    private func open(_ session: ControlSession) {
        used += 1
        session.lastUse = used
        let number = session.descriptor
        guard watch(session, reading: true, writing: false) else { return Descriptor.close(number) }
        sessions[number] = session
    }

    /// False where nobody is idle.
    private func endIdlest() -> Bool {
        let idle = sessions.values.filter { !$0.isBusy }
        guard let idlest = idle.min(by: { $0.lastUse < $1.lastUse }) else { return false }
        end(idlest)
        return true
    }

    private func end(_ session: ControlSession) {
        guard sessions[session.descriptor] === session else { return }
        sessions[session.descriptor] = nil
        if session.isWatched { master.unwatch(session.descriptor) }
        Descriptor.close(session.descriptor)
    }

    private func read(_ number: Int32) {
        guard let session = sessions[number] else { return }
        used += 1
        session.lastUse = used
        guard !session.isAtEnd, !session.isBusy else { return flush(session) }
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

    /// Answers what has come so far, one command after the other.
    private func work(_ session: ControlSession) {
        while !session.isBusy, !session.isEnding {
            if !session.requests.isEmpty {
                let request = session.requests.removeFirst()
                session.isBusy = true
                run(request, session)
                continue
            }
            if session.isLineDone {
                session.isLineDone = false
                if session.isInteractive {
                    session.send(session.prompt)
                } else {
                    session.isEnding = true
                }
                continue
            }
            switch session.input.next() {
            case .requests(let requests):
                session.requests = requests
                session.isLineDone = true
            case .mistake(let mistake):
                session.send("\(mistake.message)\n\n")
                session.isLineDone = true
            case nil:
                if session.isAtEnd { session.isEnding = true }
                return flush(session)
            }
        }
        flush(session)
    }

    private func flush(_ session: ControlSession) {
        guard session.flush() else { return end(session) }
        if session.output.isEmpty && session.isEnding && !session.isBusy { return end(session) }
        let reading = !session.isAtEnd && !session.isBusy
        if !watch(session, reading: reading, writing: !session.output.isEmpty) { end(session) }
    }

    /// A session that waits for its answer is not watched at all: a client that has gone would wake us without end.
    private func watch(_ session: ControlSession, reading: Bool, writing: Bool) -> Bool {
        let number = session.descriptor
        do {
            if session.isWatched && !reading && !writing {
                master.unwatch(number)
                session.isWatched = false
            } else if !session.isWatched && (reading || writing) {
                try master.watch(number) { [unowned self] in read(number) }
                session.isWatched = true
            }
            if session.isWatched && (session.interest != (reading, writing)) {
                try master.watch(number, reading: reading, writing: writing)
            }
            session.interest = session.isWatched ? (reading, writing) : (true, false)
            return true
        } catch {
            return false
        }
    }

    private func run(_ request: ControlRequest, _ session: ControlSession) {
        let answer = { [unowned self] (text: String) in finish(session, text) }
        session.isWorking = true
        defer { session.isWorking = false }
        guard
            let command = commands.filter({ request.words.starts(with: $0.words) }).max(by: {
                $0.words.count < $1.words.count
            })
        else { return answer(unknown(request.words, session.level)) }
        guard session.level >= command.level else { return answer("Permission denied!\n") }
        command.run(Array(request.words.dropFirst(command.words.count)), session, answer)
    }

    /// The answer to the session's command, whenever it comes.
    private func finish(_ session: ControlSession, _ text: String) {
        guard session.isBusy else { return }
        session.send(text.isEmpty || text.hasSuffix("\n") ? "\(text)\n" : "\(text)\n\n")
        session.isBusy = false
        session.requester = nil
        if sessions[session.descriptor] === session, !session.isWorking { work(session) }
    }

    // MARK: Over an exec

    package var records: [StateText.Record] {
        sessions.values.map { session in
            var record = StateText.Record("session")
            record[number: "descriptor"] = Int(session.descriptor)
            record[flag: "interactive"] = session.isInteractive
            record[flag: "end"] = session.isAtEnd
            record[flag: "done"] = session.isLineDone && session.requests.isEmpty
            record[flag: "ending"] = session.isEnding
            record[number: "level"] = session.level.rawValue
            record[number: "requester"] = session.isBusy ? session.requester : nil
            record[bytes: "unread"] = session.output
            let rest = session.requests.isEmpty ? "" : "\(ControlLine.text(session.requests))\n"
            record[bytes: "input"] = Array(rest.utf8) + session.input.unread
            return record
        }
    }

    /// The sessions of an earlier image; each that waits for an answer is told to `expect` with how to give it.
    package func restore(_ state: StateText, expect: (Requester, @escaping (String) -> Void) -> Void) {
        for record in state.all("session") {
            guard let number = record[number: "descriptor"].flatMap({ Int32(exactly: $0) }),
                (try? Descriptor.setCloseOnExec(number, true)) != nil
            else { continue }
            let session = ControlSession(number)
            session.isInteractive = record[flag: "interactive"]
            session.isAtEnd = record[flag: "end"]
            session.level = ControlLevel(rawValue: record[number: "level"] ?? 0) ?? .user
            session.send(record[bytes: "unread"])
            session.isLineDone = record[flag: "done"]
            session.isEnding = record[flag: "ending"]
            session.input.append(record[bytes: "input"][...])
            open(session)
            if let requester = record[number: "requester"] {
                session.isBusy = true
                session.requester = requester
                expect(requester) { [unowned self] text in finish(session, text) }
            }
            work(session)
        }
    }

    // MARK: Help

    private func help(_ words: [String], _ level: ControlLevel) -> String {
        let known = commands.filter { $0.level <= level && $0.words.starts(with: words) }
        guard !known.isEmpty else { return unknown(words, level) }
        return "The following commands are valid at this level:\n"
            + known.map { "  \(padded($0.words.joined(separator: " "))) : \($0.help)\n" }.joined()
    }

    private func padded(_ text: String) -> String { text + String(repeating: " ", count: max(0, 24 - text.count)) }

    private func unknown(_ words: [String], _ level: ControlLevel) -> String {
        let all = commands.filter { $0.level <= level }.map { $0.words.joined(separator: " ") }
        let nearest =
            nearest(words.prefix(2).joined(separator: " "), all)
            ?? nearest(words.first ?? "", all)
        let hint = nearest.map { ", but maybe '\($0)' is meant" } ?? ""
        return "Unknown command: '\(words.joined(separator: " "))'\(hint). Try 'help'.\n"
    }
}

/// One connection to a control socket.
package final class ControlSession {
    package let descriptor: Int32
    package var level = ControlLevel.admin
    package var isInteractive = false
    package var prompt = "> "
    var input = ControlInput()
    var requests: [ControlRequest] = []
    private(set) var output: [UInt8] = []
    var isLineDone = false
    /// A command has not answered yet.
    var isBusy = false
    var isWorking = false
    var isAtEnd = false
    package var isEnding = false
    /// Whom the front end answers when the running command is done; it survives an exec.
    package var requester: Requester?
    var lastUse = 0
    var isWatched = false
    var interest = (reading: true, writing: false)

    /// A client that leaves more than this unread is dropped.
    private static let mostUnread = 4 << 20

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    func send(_ text: String) { output += text.utf8 }
    func send(_ bytes: [UInt8]) { output += bytes }

    /// False when the client is gone, or does not read.
    func flush() -> Bool {
        while !output.isEmpty {
            do {
                let count = try Socket.send(descriptor, output.span)
                output.removeFirst(count)
            } catch .wouldBlock {
                return output.count <= Self.mostUnread
            } catch {
                return false
            }
        }
        return true
    }
}
