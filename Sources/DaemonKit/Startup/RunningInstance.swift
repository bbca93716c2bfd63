import Unix

/// The running daemon as others find it: by the lock of its pid file, never by a pid alone.
package struct RunningInstance: Sendable {
    private let daemon: String
    private let path: String
    /// How long a stop may take before it is forced.
    private let stopLimit: Duration

    package init(daemon: String, path: String, stopLimit: Duration) {
        self.daemon = daemon
        self.path = path
        self.stopLimit = stopLimit
    }

    /// What was found or done, in one line, and the exit status that says the same.
    package struct Answer: Sendable {
        package var text: String
        package var exitStatus: Int32
        /// It goes to standard error.
        package var isFailure: Bool

        package init(_ text: String, exitStatus: Int32 = 0, isFailure: Bool = false) {
            self.text = text
            self.exitStatus = exitStatus
            self.isFailure = isFailure
        }
    }

    package enum Finding: Sendable {
        case running(ProcessHandle)
        case starting
        /// Its pid file is there still.
        case dead
        case notRunning
        case unknown(String)
    }

    /// LSB's codes for `status`.
    private enum Status: Int32 {
        case running = 0
        case deadWithPidFile = 1
        case notRunning = 3
        case unknown = 4
    }

    package func look() -> Finding {
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(path, [.readWrite, .noFollow, .nonBlocking, .noControllingTerminal])
        } catch .noSuchFile {
            return .notRunning
        } catch {
            return .unknown("pid file \(path): \(error)")
        }
        do {
            let kind = try FileStatus(descriptor: file.number).kind
            guard kind == .regular else { return .unknown("pid file \(path): is \(kind.rawValue)") }
            if try Descriptor.tryLock(file.number, shared: true) {
                let isEmpty = try FileStatus(descriptor: file.number).size == 0
                return isEmpty ? .notRunning : .dead
            }
            guard let pid = PidFile.recordedPID(file.number) else { return .starting }
            // The handle is ours before the lock is asked again: so the pid in the file was this process.
            let process = try ProcessHandle(pid: pid)
            if try Descriptor.tryLock(file.number, shared: true) { return .dead }
            return .running(process)
        } catch .noSuchProcess {
            return .starting
        } catch {
            return .unknown("pid file \(path): \(error)")
        }
    }

    package func status() -> Answer { status(of: look()) }

    package func status(of finding: Finding) -> Answer {
        func answer(_ text: String, _ status: Status) -> Answer { Answer(text, exitStatus: status.rawValue) }
        return switch finding {
        case .running(let process): answer("\(daemon) is running (pid \(process.pid))", .running)
        case .starting: answer("\(daemon) is starting", .running)
        case .dead: answer("\(daemon) is dead, but pid file \(path) exists", .deadWithPidFile)
        case .notRunning: answer("\(daemon) is not running", .notRunning)
        case .unknown(let why): answer("status of \(daemon) is unknown: \(why)", .unknown)
        }
    }

    /// TERM, the limit, then KILL; done when the process has ended. `wait` is how its end is waited for.
    package func stop(
        wait: (ProcessHandle, Duration) -> Bool = { process, limit in process.waitForEnd(limit) }
    ) -> Answer {
        switch look() {
        case .running(let process): return stop(process, wait)
        case .starting: return failed("\(daemon) is just starting, its pid is not known yet; try again", 1)
        case .dead, .notRunning:
            removeLeftover()
            return Answer("\(daemon) is not running")
        case .unknown(let why): return failed(why, 4)
        }
    }

    private func stop(_ process: ProcessHandle, _ wait: (ProcessHandle, Duration) -> Bool) -> Answer {
        let pid = process.pid
        if let failure = deliver({ () throws(Errno) in try process.send(.terminate) }) { return failure }
        if wait(process, stopLimit) {
            removeLeftover()
            return Answer("\(daemon) (pid \(pid)) stopped")
        }
        if let failure = deliver({ () throws(Errno) in try process.send(.kill) }) { return failure }
        guard wait(process, .seconds(10)) else {
            return failed("\(daemon) (pid \(pid)) does not end, not even killed", 1)
        }
        removeLeftover()
        return Answer("\(daemon) (pid \(pid)) ignored SIGTERM for \(durationText(stopLimit)) and was killed")
    }

    /// A killed daemon, or one without the right, leaves its file: gone unless somebody holds it again.
    private func removeLeftover() {
        guard let file = try? FileDescriptor.open(path, [.readWrite, .noFollow, .nonBlocking]),
            (try? Descriptor.tryLock(file.number)) == true, let held = try? FileStatus(descriptor: file.number)
        else { return }
        OwnedFile(path: path, directory: Descriptor.currentDirectory, identity: held.identity).remove()
    }

    /// HUP: the log and the reload handlers.
    package func reload() -> Answer {
        hangUp("reload", done: "told to reload") { process throws(Errno) in try process.send(.hangup) }
    }

    /// The log alone.
    package func reopenLogs() -> Answer {
        hangUp("reopen the logs of", done: "told to reopen its log") { process throws(Errno) in
            try process.queueReopen()
        }
    }

    private func hangUp(_ verb: String, done: String, _ send: (ProcessHandle) throws(Errno) -> Void) -> Answer {
        // LSB's "program is not running".
        let notRunning: Int32 = 7
        switch look() {
        case .running(let process):
            if let failure = deliver({ () throws(Errno) in try send(process) }) { return failure }
            return Answer("\(daemon) (pid \(process.pid)) was \(done)")
        case .starting: return failed("cannot \(verb) \(daemon): it is just starting", 1)
        case .dead, .notRunning: return failed("cannot \(verb) \(daemon): it is not running", notRunning)
        case .unknown(let why): return failed(why, 4)
        }
    }

    /// nil where the signal was sent, or the process has ended by itself meanwhile.
    private func deliver(_ send: () throws(Errno) -> Void) -> Answer? {
        do {
            try send()
            return nil
        } catch .noSuchProcess {
            return nil
        } catch {
            return failed("cannot signal \(daemon): \(error)", error == .notPermitted ? 4 : 1)
        }
    }

    private func failed(_ text: String, _ exitStatus: Int32) -> Answer {
        Answer(text, exitStatus: exitStatus, isFailure: true)
    }
}

extension RunningInstance.Answer {
    /// Says it, and ends the process.
    func end(_ daemon: String) -> Never {
        try? Descriptor.writeAll(isFailure ? 2 : 1, isFailure ? "\(daemon): \(text)\n" : "\(text)\n")
        CurrentProcess.exit(exitStatus)
    }
}
