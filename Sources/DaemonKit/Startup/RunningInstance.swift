import Unix

/// The running daemon as others find it: by the lock of its pid file, never by a pid alone.
struct RunningInstance {
    let daemon: String
    let path: String
    /// How long a stop may take before it is forced: at least 30 s, and not less than the daemon allows itself.
    let stopLimit: Duration

    /// LSB's codes for `status`.
    private enum Status: Int32 {
        case running = 0
        case deadWithPidFile = 1
        case notRunning = 3
        case unknown = 4
    }

    private enum Finding {
        case running(ProcessHandle)
        case starting
        case dead(stalePID: Bool)
        case notRunning
        case unknown(String)
    }

    private func look() -> Finding {
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
            if try Descriptor.tryLock(file.number) {
                let isEmpty = try FileStatus(descriptor: file.number).size == 0
                return isEmpty ? .notRunning : .dead(stalePID: true)
            }
            guard let pid = PidFile.recordedPID(file.number) else { return .starting }
            // The handle is ours before the lock is asked again: so the pid in the file was this process.
            let process = try ProcessHandle(pid: pid)
            if try Descriptor.tryLock(file.number) { return .dead(stalePID: true) }
            return .running(process)
        } catch .noSuchProcess {
            return .starting
        } catch {
            return .unknown("pid file \(path): \(error)")
        }
    }

    func status() -> Never {
        switch look() {
        case .running(let process): end("\(daemon) is running (pid \(process.pid))", .running)
        case .starting: end("\(daemon) is starting", .running)
        case .dead: end("\(daemon) is dead, but pid file \(path) exists", .deadWithPidFile)
        case .notRunning: end("\(daemon) is not running", .notRunning)
        case .unknown(let why): end("status of \(daemon) is unknown: \(why)", .unknown)
        }
    }

    /// TERM, the limit, then KILL; done when the lock is free.
    func stop() -> Never {
        switch look() {
        case .running(let process): stop(process)
        case .starting: fail("\(daemon) is just starting, its pid is not known yet; try again", 1)
        case .dead, .notRunning:
            removeLeftover()
            say("\(daemon) is not running")
            CurrentProcess.exit(0)
        case .unknown(let why): fail(why, 4)
        }
    }

    private func stop(_ process: ProcessHandle) -> Never {
        let pid = process.pid
        deliver { () throws(Errno) in try process.send(.terminate) }
        if process.waitForEnd(stopLimit) {
            removeLeftover()
            say("\(daemon) (pid \(pid)) stopped")
            CurrentProcess.exit(0)
        }
        deliver { () throws(Errno) in try process.send(.kill) }
        guard process.waitForEnd(.seconds(10)) else { fail("\(daemon) (pid \(pid)) does not end, not even killed", 1) }
        removeLeftover()
        say("\(daemon) (pid \(pid)) ignored SIGTERM for \(durationText(stopLimit)) and was killed")
        CurrentProcess.exit(0)
    }

    /// A killed daemon, or one without the right, leaves its file: gone unless somebody holds it again.
    private func removeLeftover() {
        guard let file = try? FileDescriptor.open(path, [.readWrite, .noFollow, .nonBlocking]),
            (try? Descriptor.tryLock(file.number)) == true, let held = try? FileStatus(descriptor: file.number)
        else { return }
        OwnedFile(path: path, directory: Descriptor.currentDirectory, identity: held.identity).remove()
    }

    /// HUP: the log and the reload handlers.
    func reload() -> Never {
        hangUp("reload", done: "told to reload") { process throws(Errno) in try process.send(.hangup) }
    }

    /// The log alone.
    func reopenLogs() -> Never {
        hangUp("reopen the logs of", done: "told to reopen its log") { process throws(Errno) in
            try process.queueReopen()
        }
    }

    private func hangUp(
        _ verb: String, done: String, _ send: (ProcessHandle) throws(Errno) -> Void
    ) -> Never {
        // LSB's "program is not running".
        let notRunning: Int32 = 7
        switch look() {
        case .running(let process):
            deliver { () throws(Errno) in try send(process) }
            say("\(daemon) (pid \(process.pid)) was \(done)")
            CurrentProcess.exit(0)
        case .starting: fail("cannot \(verb) \(daemon): it is just starting", 1)
        case .dead, .notRunning: fail("cannot \(verb) \(daemon): it is not running", notRunning)
        case .unknown(let why): fail(why, 4)
        }
    }

    private func deliver(_ send: () throws(Errno) -> Void) {
        do {
            try send()
        } catch .noSuchProcess {
            // It ended by itself meanwhile.
        } catch {
            fail("cannot signal \(daemon): \(error)", error == .notPermitted ? 4 : 1)
        }
    }

    private func say(_ text: String) { try? Descriptor.writeAll(1, text + "\n") }

    private func end(_ text: String, _ status: Status) -> Never {
        say(text)
        CurrentProcess.exit(status.rawValue)
    }

    private func fail(_ text: String, _ code: Int32) -> Never {
        try? Descriptor.writeAll(2, "\(daemon): \(text)\n")
        CurrentProcess.exit(code)
    }
}
