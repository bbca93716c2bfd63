import Text
import Unix

/// What is asked of the running daemon, or told to it.
extension RunningInstance {
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

    /// LSB's codes for `status`.
    private enum Status: Int32 {
        case running = 0
        case deadWithPidFile = 1
        case notRunning = 3
        case unknown = 4
    }

    package func status() -> Answer { status(of: look()) }

    package func status(of finding: Finding) -> Answer {
        func answer(_ text: String, _ status: Status) -> Answer { Answer(text, exitStatus: status.rawValue) }
        return switch finding {
        case .running(let process): answer("\(daemon) is running (pid \(process.pid))", .running)
        case .unseen(let pid, let why):
            answer("\(daemon) is running (pid \(pid) by its pid file; no right to prove it: \(why))", .running)
        case .starting: answer("\(daemon) is starting", .running)
        case .dead: answer("\(daemon) is dead, but pid file \(path) exists", .deadWithPidFile)
        case .notRunning: answer("\(daemon) is not running", .notRunning)
        case .unknown(let why): answer("status of \(daemon) is unknown: \(why)", .unknown)
        }
    }

    /// TERM, the limit, then KILL; done when the process has ended. `wait` is how its end is waited for.
    package func stop(
        wait: (ProvenProcess, Duration) -> Bool = { process, limit in process.waitForEnd(limit) }
    ) -> Answer {
        switch look() {
        case .running(let process): return stop(process, wait)
        case .unseen(let pid, let why): return unseen("stop", pid, why)
        case .starting: return failed("\(daemon) is just starting, its pid is not known yet; try again", 1)
        case .dead, .notRunning:
            removeLeftover()
            return Answer("\(daemon) is not running")
        case .unknown(let why): return failed("cannot stop \(daemon): \(why)", 4)
        }
    }

    private func stop(_ process: ProvenProcess, _ wait: (ProvenProcess, Duration) -> Bool) -> Answer {
        let pid = process.pid
        if let failure = deliver({ () throws(Errno) in try process.queueStop() }) { return failure }
        // One that is suspended takes no other signal.
        try? process.send(.continue)
        // Work may take long to end; one that hangs does not even begin to.
        var limit = min(stopLimit, Self.longestSilence)
        var hasEnded = wait(process, limit)
        if !hasEnded, stopLimit > limit, isStopping {
            hasEnded = wait(process, stopLimit - limit)  // bounded: a Duration counts 5 000 000 000 000 years
            limit = stopLimit
        }
        if hasEnded {
            removeLeftover()
            return Answer("\(daemon) (pid \(pid)) stopped")
        }
        if let failure = deliver({ () throws(Errno) in try process.send(.kill) }) { return failure }
        guard wait(process, .seconds(10)) else {
            return failed("\(daemon) (pid \(pid)) does not end, not even killed", 1)
        }
        removeLeftover()
        return Answer("\(daemon) (pid \(pid)) ignored SIGTERM for \(DurationText.text(limit)) and was killed")
    }

    /// HUP: the log and the reload handlers.
    package func reload() -> Answer {
        tell("reload", "told to reload") { process throws(Errno) in try process.send(.hangup) }
    }

    /// The log alone.
    package func reopenLogs() -> Answer {
        tell("reopen the logs of", "told to reopen its log") { process throws(Errno) in try process.queueReopen() }
    }

    /// For scripts: none has to read the pid file.
    package func signal(_ signal: Signal) -> Answer {
        tell("signal", "sent \(signal)") { process throws(Errno) in try process.send(signal) }
    }

    private func tell(_ verb: String, _ done: String, _ send: (ProvenProcess) throws(Errno) -> Void) -> Answer {
        // LSB's "program is not running".
        let notRunning: Int32 = 7
        switch look() {
        case .running(let process):
            if let failure = deliver({ () throws(Errno) in try send(process) }) { return failure }
            return Answer("\(daemon) (pid \(process.pid)) was \(done)")
        case .unseen(let pid, let why): return unseen(verb, pid, why)
        case .starting: return failed("cannot \(verb) \(daemon): it is just starting", 1)
        case .dead, .notRunning: return failed("cannot \(verb) \(daemon): it is not running", notRunning)
        case .unknown(let why): return failed("cannot \(verb) \(daemon): \(why)", 4)
        }
    }

    private func unseen(_ verb: String, _ pid: ProcessID, _ why: Errno) -> Answer {
        failed("cannot \(verb) \(daemon): no right to see whether process \(pid) holds pid file \(path): \(why)", 4)
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
    package func end(_ daemon: String) -> Never {
        try? Descriptor.writeAll(isFailure ? 2 : 1, isFailure ? "\(daemon): \(text)\n" : "\(text)\n")
        CurrentProcess.exit(exitStatus)
    }
}
