import Unix

/// Process 1 of a container: the daemon runs as its only child, so that it can reap every stranger's orphan without
/// taking a child away from the daemon's own libraries.
enum ContainerInit {
    private static let forwarded: [Signal] = [
        .terminate, .interrupt, .hangup, .quit, .user1, .user2, .terminalOutput, .terminalInput,
    ]

    /// Returns in the daemon. Process 1 forwards signals, reaps, and ends with the daemon's exit code.
    static func splitIfFirstProcess() throws(DaemonError) {
        guard CurrentProcess.id == 1 else { return }
        Signal.blockAll()
        let fork = try attempt(.process, "cannot fork", CurrentProcess.fork)
        guard case .parent(let daemon) = fork else {
            // What a terminal sends to the foreground's group reaches process 1, which forwards it: twice is no insisting.
            CurrentProcess.leadGroup()
            return Signal.unblockAll()
        }
        do {
            try serve(daemon)
        } catch {
            try? Descriptor.writeAll(2, "cannot make a pipe: \(error)\n")
            CurrentProcess.exitNow(1)
        }
    }

    private static func serve(_ daemon: ProcessID) throws(Errno) -> Never {
        let signals = try SignalPipe()
        for signal in forwarded + [.child] { signals.catches(signal) }
        StartAbort.disarm()
        Signal.unblockAll()
        while true {
            while let (pid, status, _) = Child.reapAny() {
                if pid == daemon { CurrentProcess.exitNow(status.shellCode) }
            }
            for signal in forwarded where signals.take(signal) { try? Child.send(signal, to: daemon) }
            _ = Poll.readable(signals.descriptor, timeout: nil)
            signals.drain()
            _ = signals.take(.child)
        }
    }
}
