import DaemonKit
import MasterRuntime
import Text
import Unix

/// `--stop`, `--restart` and `--upgrade`: what they ask of the superdaemon that holds the pid file's lock.
struct Remote {
    let settings: Settings
    private static let defaultLimit = Duration.seconds(30)

    private var limit: Duration { settings.startTimeout ?? Self.defaultLimit }

    func stop() throws(ExitError) -> Never {
        let process = try find()
        let file = try? FileDescriptor.open(settings.pidFile ?? "", [.noFollow, .nonBlocking, .noControllingTerminal])
            .release()
        say("stop_server (pid:\(CurrentProcess.id)) stopping now (pid:\(process.pid))...")
        try send(.terminate, process)
        try? process.send(.continue)
        // The wait has no end, as its stop may have none.
        while !process.waitForEnd(.seconds(3600)) {}
        // A worker whose start was under way has the lock until its exec.
        let deadline = MonotonicTime.now + .seconds(5)
        while let file, (try? Descriptor.tryLock(file, shared: true)) == false, MonotonicTime.now < deadline {
            Poll.pause(.milliseconds(1))
        }
        CurrentProcess.exitNow(0)
    }

    func signal() throws(ExitError) -> Never {
        try send(settings.signal ?? .terminate, find())
        CurrentProcess.exitNow(0)
    }

    /// HUP, then until the status file tells of one generation, newer than all before.
    func restart() throws(ExitError) -> Never {
        let statusFile = settings.statusFile ?? ""
        let process = try find()
        guard let before = StatusFile.read(statusFile) else {
            throw ExitError("cannot read status file \(statusFile)", .noSuchFile)
        }
        let newest = before.map(\.generation).max() ?? 0
        try send(.hangup, process)
        let deadline = MonotonicTime.now + limit
        while true {
            let now = StatusFile.read(statusFile) ?? []
            if now.count == 1, now[0].generation > newest { CurrentProcess.exitNow(0) }
            if process.waitForEnd(.milliseconds(20)) {
                throw ExitError("start_server (pid:\(process.pid)) ended during its restart", exitStatus: 1)
            }
            guard MonotonicTime.now < deadline else {
                let isNew = now.contains { $0.generation > newest }
                let reason = isNew ? "old workers are still there" : "no new worker has come up"
                throw ExitError("not restarted within \(DurationText.seconds(limit)) s: \(reason)", exitStatus: 1)
            }
        }
    }

    func upgrade() throws(ExitError) -> Never {
        let process = try find()
        let path = UpgradeAnswer.path(settings.pidFile ?? "")
        let reply = try bindReply(path)
        let answer: String?
        do {
            defer { reply.file.remove() }
            try send(.user2, process)
            answer = wait(for: process, reply.socket)
        }
        guard let answer else {
            throw ExitError("start_server (pid:\(process.pid)) did not answer; see its log", exitStatus: 1)
        }
        guard answer == "done" else {
            // bounded: a length in the text
            throw ExitError("not upgraded: \(answer.dropFirst("failed ".count))", exitStatus: 1)
        }
        CurrentProcess.exitNow(0)
    }

    /// What an asking process has left behind is replaced; whatever else has the name stays.
    private func bindReply(_ path: String) throws(ExitError) -> (socket: Int32, file: OwnedFile) {
        do throws(any Error) {
            // Who runs as another user than we do must be able to answer; whose answer it is, its credentials say.
            let isOurs = try FileStatus(path: settings.pidFile ?? "").owner == CurrentProcess.userID
            let reply = try Socket.open(SocketAddress.unix(path).family, .datagram).release()
            let file = try Binding.bindFile(reply, path, .datagram, mode: isOurs ? 0o600 : 0o666)
            try Socket.askForCredentials(reply)
            return (reply, file)
        } catch {
            throw ExitError("cannot wait for an answer: \(error); USR2 upgrades too", exitStatus: 1)
        }
    }

    /// nil where none comes in time, or start_server ends.
    private func wait(for process: ProvenProcess, _ reply: Int32) -> String? {
        let deadline = MonotonicTime.now + limit
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let left = deadline - .now, left > .zero {
            guard Poll.readable(reply, timeout: min(left, .milliseconds(200))) else {
                guard !process.waitForEnd(.zero) else { break }
                continue
            }
            if let (count, sender) = try? Socket.receive(reply, into: &buffer), sender == process.pid {
                return String(decoding: buffer.prefix(count), as: UTF8.self)
            }
        }
        return nil
    }

    /// The process that holds the pid file's lock: never one that is only named in the file.
    private func find() throws(ExitError) -> ProvenProcess {
        let path = settings.pidFile ?? ""
        let instance = RunningInstance(daemon: "start_server", path: path, user: settings.user, stopLimit: .zero)
        switch instance.look() {
        case .running(let process): return process
        case .notRunning where (try? FileStatus(path: path)) == nil:
            throw ExitError("cannot find the process of pid file \(path)", .noSuchFile)
        case .starting, .dead, .notRunning:
            throw ExitError("no start_server is running: nobody holds pid file \(path)", exitStatus: Self.notRunning)
        case .unseen(let pid, let why):
            let tried = "no right to see whether process \(pid) holds pid file \(path)"
            throw ExitError(tried, why)
        case .unknown(let why):
            throw ExitError("cannot find start_server: \(why)", exitStatus: Errno.notPermitted.rawValue)
        }
    }

    private static let notRunning = Errno.noSuchProcess.rawValue

    private func send(_ signal: Signal, _ process: ProvenProcess) throws(ExitError) {
        do {
            try process.send(signal)
        } catch {
            throw ExitError("cannot send \(signal) to process \(process.pid)", error)
        }
    }

    private func say(_ text: String) { try? Descriptor.writeAll(2, "\(text)\n") }
}
