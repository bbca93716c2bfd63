import DaemonKit
import Unix

/// `--stop`, `--restart` and `--upgrade`: what they ask of the superdaemon that holds the pid file's lock.
struct Remote {
    let settings: Settings
    private static let defaultLimit = Duration.seconds(30)

    private var limit: Duration { settings.startTimeout ?? Self.defaultLimit }

    func stop() throws(ExitError) -> Never {
        let (file, process) = try find()
        say("stop_server (pid:\(CurrentProcess.id)) stopping now (pid:\(process.pid))...")
        try send(.terminate, process)
        // The lock is free once the last of it is gone; the wait has no end, as its stop may have none.
        while (try? Descriptor.tryLock(file, shared: true)) == false { _ = process.waitForEnd(.seconds(1)) }
        CurrentProcess.exitNow(0)
    }

    /// HUP, then until the status file tells of one generation, newer than all before.
    func restart() throws(ExitError) -> Never {
        let statusFile = settings.statusFile ?? ""
        let (_, process) = try find()
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
                throw ExitError("not restarted within \(Seconds.text(limit)) s: \(reason)", exitStatus: 1)
            }
        }
    }

    func upgrade() throws(ExitError) -> Never {
        let (file, process) = try find()
        let path = UpgradeAnswer.path(settings.pidFile ?? "")
        let reply = try bindReply(path, pidFile: file)
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
            throw ExitError("not upgraded: \(answer.dropFirst("failed ".count))", exitStatus: 1)
        }
        CurrentProcess.exitNow(0)
    }

    /// What an asking process has left behind is replaced; whatever else has the name stays.
    private func bindReply(_ path: String, pidFile: Int32) throws(ExitError) -> (socket: Int32, file: OwnedFile) {
        do throws(any Error) {
            // Who runs as another user than we do must be able to answer; whose answer it is, its credentials say.
            let isOurs = try FileStatus(descriptor: pidFile).owner == CurrentProcess.userID
            let reply = try Socket.open(SocketAddress.unix(path).family, .datagram).release()
            let file = try Binding.bindFile(reply, path, .datagram, mode: isOurs ? 0o600 : 0o666)
            try Socket.askForCredentials(reply)
            return (reply, file)
        } catch {
            throw ExitError("cannot wait for an answer: \(error); USR2 upgrades too", exitStatus: 1)
        }
    }

    /// nil where none comes in time, or start_server ends.
    private func wait(for process: ProcessHandle, _ reply: Int32) -> String? {
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

    /// The pid file, and the process that holds its lock: never one that only has the pid by chance.
    private func find() throws(ExitError) -> (file: Int32, process: ProcessHandle) {
        let path = settings.pidFile ?? ""
        do throws(any Error) {
            let file = try FileDescriptor.open(path, [.readWrite, .nonBlocking]).release()
            guard try !Descriptor.tryLock(file, shared: true), let pid = PidFile.recordedPID(file) else {
                throw ExitError(
                    "no start_server is running: nobody holds pid file \(path)", exitStatus: Self.notRunning)
            }
            let process = try ProcessHandle(pid: pid)
            guard try !Descriptor.tryLock(file, shared: true), PidFile.recordedPID(file) == pid else {
                throw ExitError(
                    "no start_server is running: nobody holds pid file \(path)", exitStatus: Self.notRunning)
            }
            return (file, process)
        } catch let failure as ExitError {
            throw failure
        } catch let error as Errno {
            throw ExitError("cannot find the process of pid file \(path)", error)
        } catch {
            throw ExitError("\(error)", exitStatus: 1)
        }
    }

    private static let notRunning = Errno.noSuchProcess.rawValue

    private func send(_ signal: Signal, _ process: ProcessHandle) throws(ExitError) {
        do {
            try process.send(signal)
        } catch {
            throw ExitError("cannot send \(signal) to process \(process.pid)", error)
        }
    }

    private func say(_ text: String) { try? Descriptor.writeAll(2, "\(text)\n") }
}
