import Unix

/// The process that the caller started: it waits until the daemon says that it serves, and ends with the truth.
struct Launcher: ~Copyable {
    let daemon: String
    let timeout: Duration
    /// What the caller may look at for more.
    let logName: String
    let pidFile: PidFile?
    let pipe: FileDescriptor
    let intermediate: ProcessID
    /// Whether the daemon becomes our child when the process between us ends.
    let isSubreaper: Bool

    private static let prefix = "Error when starting the daemon process: "

    consuming func wait() -> Never {
        pidFile?.close()
        let signals: SignalPipe
        do {
            signals = try SignalPipe()
        } catch {
            giveUp(ReadinessState(), "the launcher cannot make a pipe: \(error)", code: 1)
        }
        StartAbort.disarm()
        Signal.unblockAll()
        _ = try? Child.reap(intermediate, waiting: true)
        var state = ReadinessState()
        let deadline = MonotonicTime.now + timeout
        var processHandle: Int32 = -1
        while true {
            let left = deadline - .now
            guard left > .zero else { giveUp(state, "it was not ready within \(durationText(timeout))", code: 1) }
            let ready = Poll.readable([pipe.number, signals.descriptor, processHandle], timeout: left)
            if ready[1], let signal = [Signal.terminate, .interrupt].first(where: { signals.take($0) }) {
                giveUp(state, "the start was ended by \(signal)", code: 128 &+ signal.rawValue)
            }
            // The process's end counts, though somebody else may hold the pipe open; what it wrote is read first.
            if ready[0] || ready[2] {
                let isOver: Bool
                do {
                    isOver = try read(into: &state, untilEnd: ready[2])
                } catch {
                    giveUp(state, "cannot read the daemon's report: \(error)", code: 1)
                }
                if state.isReady { CurrentProcess.exitNow(0) }
                if isOver || ready[2] { fail(state) }
                if processHandle < 0, let pid = state.pid { processHandle = ProcessHandle.descriptor(of: pid) }
            }
        }
    }

    /// Reads what is there; true at the end of the pipe.
    private func read(into state: inout ReadinessState, untilEnd: Bool) throws(Errno) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        repeat {
            let count = try Descriptor.read(pipe.number, into: &buffer)
            guard count > 0 else { return true }
            state.append(buffer[..<count])
        } while untilEnd && Poll.readable(pipe.number, timeout: .zero)
        return false
    }

    /// The daemon ended before it was ready.
    private func fail(_ state: ReadinessState) -> Never {
        let ended = state.pid.flatMap { isSubreaper ? try? Child.reap($0, waiting: true) : nil }
        pidFile?.removeIfUnlocked()
        if let failure = state.failure { end(failure.text, failure.exitStatus) }
        let how = ended.map { " (\($0))" } ?? ""
        end("it ended before it was ready\(how); see \(logName)", 1)
    }

    /// Nobody will wait for this daemon: it is told to end, then made to.
    private func giveUp(_ state: ReadinessState, _ reason: String, code: Int32) -> Never {
        var state = state
        _ = try? Child.reap(intermediate, waiting: true)
        // The daemon is there already, and names itself first of all.
        while state.pid == nil && state.failure == nil, (try? read(into: &state, untilEnd: false)) == false {}
        if let pid = state.pid, let process = try? ProcessHandle(pid: pid) {
            try? process.send(.terminate)
            if !process.waitForEnd(.seconds(5)) {
                try? process.send(.kill)
                _ = process.waitForEnd(.seconds(5))
            }
            if isSubreaper { _ = try? Child.reap(pid, waiting: true) }
        }
        pidFile?.removeIfUnlocked()
        end("\(reason); see \(logName)", code)
    }

    private func end(_ text: String, _ code: Int32) -> Never {
        // The reason may be of a process that has given up its privileges.
        try? Descriptor.writeAll(2, "\(Self.prefix)\(VisibleText.lines(text))\n")
        CurrentProcess.exitNow(code)
    }

    /// The same words for the log and for a start in the foreground.
    static func message(_ error: DaemonError) -> String {
        prefix + (error.message.isEmpty ? "no reason given" : error.message)
    }
}
