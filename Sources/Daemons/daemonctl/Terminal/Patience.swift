import DaemonKit
import Unix

/// Waits, and says what for once that takes longer than a second.
struct Patience {
    /// A person looks at standard error, or asked for it.
    let isTold: Bool

    private static let silence = Duration.seconds(1)

    func tell(_ what: String) {
        if isTold { try? Output.write("waiting for \(what) ...\n", to: 2) }
    }

    /// False when the limit was over before the process ended.
    func wait(for process: ProvenProcess, _ limit: Duration, _ what: String) -> Bool {
        if process.waitForEnd(min(limit, Self.silence)) { return true }
        guard limit > Self.silence else { return false }
        tell(what)
        return process.waitForEnd(limit - Self.silence)  // bounded: a Duration counts 5 000 000 000 000 years
    }

    /// Asks again and again, where nothing tells of the change; nil when the limit was over first.
    func wait<Value>(_ limit: Duration, _ what: String, until found: () -> Value?) -> Value? {
        let start = MonotonicTime.now
        var isSilent = true
        while true {
            if let value = found() { return value }
            let waited = MonotonicTime.now - start
            guard waited < limit else { return nil }
            if isSilent && waited >= Self.silence {
                tell(what)
                isSilent = false
            }
            Poll.pause(.milliseconds(20))
        }
    }

    /// Runs a program to its end; nil when the limit was over, and it was ended. The limit's end and Ctrl-C reach it
    /// alike: it is in our process group, and a daemon's launcher takes the daemon with it.
    func run(_ program: Spawn, _ limit: Duration, _ what: String) throws(Errno) -> ExitStatus? {
        var program = program
        program.leadsGroup = false
        if program.descriptors.isEmpty { program.descriptors = [(0, 0), (1, 1), (2, 2)] }
        let pid = try program.start()
        // One that has ended already cannot be held, and needs no wait.
        guard let process = try? ProvenProcess(pid, .child), !wait(for: process, limit, what) else {
            return try Child.reap(pid, waiting: true)
        }
        try? process.send(.terminate)
        if !process.waitForEnd(.seconds(15)) { try? process.send(.kill) }
        _ = try Child.reap(pid, waiting: true)
        return nil
    }
}
