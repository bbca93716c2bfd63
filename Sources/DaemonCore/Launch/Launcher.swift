import Text
import Unix

/// The process that the caller started: it waits until the daemon says that it serves, and ends with the truth.
package struct Launcher: ~Copyable {
    package let daemon: String
    package let timeout: Duration
    /// What the caller may look at for more.
    package let logName: String
    package let pidFile: PidFile?
    package let pipe: FileDescriptor
    let intermediate: ProcessID
    /// Whether the daemon becomes our child when the process between us ends.
    let isSubreaper: Bool

    /// The daemon, held while it could be proven: it names itself before it runs anybody's code, and no later message
    /// changes who is meant.
    private var process: ProvenProcess?
    private var state = ReadinessState()

    /// For the end of a daemon that was told to end, or that has closed its report.
    private static let patience = Duration.seconds(5)
    /// For the end of one that has said why it fails.
    private static let longestEnd = Duration.seconds(10)
    /// What a pipe holds, pipe(7): more than this nobody has written before the daemon's end.
    private static let pipeSize = 1 << 16

    package init(
        daemon: String, timeout: Duration, logName: String, pidFile: PidFile?, pipe: consuming FileDescriptor,
        intermediate: ProcessID, isSubreaper: Bool
    ) {
        self.daemon = daemon
        self.timeout = timeout
        self.logName = logName
        self.pidFile = pidFile
        self.pipe = pipe
        self.intermediate = intermediate
        self.isSubreaper = isSubreaper
    }

    private static let prefix = "Error when starting the daemon process: "

    package consuming func wait() -> Never {
        pidFile?.close()
        let signals: SignalPipe
        do {
            signals = try SignalPipe()
        } catch {
            giveUp("the launcher cannot make a pipe: \(error)", code: 1)
        }
        StartAbort.disarm()
        Signal.unblockAll()
        let deadline = MonotonicTime.now + timeout
        while true {
            let left = deadline - .now
            guard left > .zero else { giveUp("it was not ready within \(DurationText.text(timeout))", code: 1) }
            let ready = Poll.readable([pipe.number, signals.descriptor, process?.descriptor ?? -1], timeout: left)
            if ready[1], let signal = [Signal.terminate, .interrupt].first(where: { signals.take($0) }) {
                giveUp("the start was ended by \(signal)", code: 128 &+ signal.rawValue)
            }
            // The process's end counts, though somebody else may hold the pipe open; what it wrote is read first.
            if ready[0] || ready[2] {
                let isOver: Bool
                do {
                    isOver = try read(untilEnd: ready[2])
                } catch {
                    giveUp("cannot read the daemon's report: \(error)", code: 1)
                }
                if state.isReady { CurrentProcess.exitNow(0) }
                if isOver || ready[2] { fail(until: deadline) }
            }
        }
    }

    /// Reads what is there; true at the end of the pipe.
    private mutating func read(untilEnd: Bool) throws(Errno) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var total = 0
        repeat {
            let count = try Descriptor.read(pipe.number, into: &buffer)
            guard count > 0 else { return true }
            state.append(buffer[..<count])
            total += count
        } while untilEnd && total < Self.pipeSize && Poll.readable(pipe.number, timeout: .zero)
        if process == nil, let pid = state.pid { hold(pid) }
        return false
    }

    /// Until the process between us is reaped, nobody else can have begun the session that it began for the daemon.
    private mutating func hold(_ pid: ProcessID) {
        process = try? ProvenProcess(pid, .session(of: intermediate))
        _ = try? Child.reap(intermediate, waiting: true)
    }

    /// The daemon ended before it was ready, or is about to: its reason given, it may still clean up.
    private mutating func fail(until deadline: MonotonicTime) -> Never {
        // Whoever waits is told at once. What it had started may need its time to end, and holds the pid file until then.
        if let failure = state.failure { say(failure.text) }
        let rest = state.failure == nil ? Self.patience : min(max(Self.patience, deadline - .now), Self.longestEnd)
        if let process, !process.waitForEnd(rest) {
            if let failure = state.failure {
                say("it (pid \(process.pid)) still ends what it had started; see \(logName)")
                CurrentProcess.exitNow(failure.exitStatus)
            }
            giveUp("it closed its report without being ready", code: 1)
        }
        // There may be no more than it, which has failed and ends: it has the lock until then.
        if process == nil { _ = try? Child.reap(intermediate, waiting: true) }
        let ended = state.pid.flatMap { isSubreaper ? try? Child.reap($0, waiting: false) : nil }
        pidFile?.removeIfUnlocked()
        if let failure = state.failure { CurrentProcess.exitNow(failure.exitStatus) }
        let how = ended.map { " (\($0))" } ?? ""
        end("it ended before it was ready\(how); see \(logName)", 1)
    }

    /// Nobody will wait for this daemon: it is told to end, then made to.
    private mutating func giveUp(_ reason: String, code: Int32) -> Never {
        // The daemon is there already, and names itself first of all.
        let deadline = MonotonicTime.now + Self.patience
        while state.pid == nil && state.failure == nil, case let left = deadline - .now, left > .zero,
            Poll.readable(pipe.number, timeout: left), (try? read(untilEnd: false)) == false
        {}
        if let process {
            try? process.send(.terminate)
            try? process.send(.continue)
            if !process.waitForEnd(Self.patience) {
                try? process.send(.kill)
                _ = process.waitForEnd(Self.patience)
            }
            if isSubreaper { _ = try? Child.reap(process.pid, waiting: false) }
        }
        pidFile?.removeIfUnlocked()
        end("\(reason); see \(logName)", code)
    }

    private func end(_ text: String, _ code: Int32) -> Never {
        say(text)
        CurrentProcess.exitNow(code)
    }

    private func say(_ text: String) {
        // The reason may be of a process that has given up its privileges.
        try? Descriptor.writeAll(2, "\(Self.prefix)\(VisibleText.lines(text))\n")
    }

    /// The same words for the log and for a start in the foreground.
    package static func message(_ error: DaemonError) -> String {
        prefix + (error.message.isEmpty ? "no reason given" : error.message)
    }
}
