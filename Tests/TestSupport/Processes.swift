import Unix

// Tests signal and watch any process by its number, which the product cannot.

extension Signal {
    package func send(to process: ProcessID) throws(Errno) {
        if signalProcess(process, rawValue) == -1 { throw .current }
    }
}

private func signalProcess(_ process: ProcessID, _ signal: Int32) -> Int32 { kill(process, signal) }

/// Any process.
package struct ProcessHandle: Sendable {
    package let pid: ProcessID

    package init(pid: ProcessID) throws(Errno) {
        self.pid = pid
        try Signal(rawValue: 0).send(to: pid)
    }

    package func send(_ signal: Signal) throws(Errno) { try signal.send(to: pid) }

    /// Whether it ends before the time is over; a zombie has ended.
    package func waitForEnd(_ limit: Duration) -> Bool {
        let deadline = MonotonicTime.now + limit
        while true {
            if kill(pid, 0) == -1 && errno == ESRCH || state == "Z" { return true }
            guard MonotonicTime.now < deadline else { return false }
            Poll.pause(.milliseconds(2))
        }
    }

    private var state: Substring? {
        guard let file = try? FileDescriptor.open("/proc/\(pid)/stat", []) else { return nil }
        let text = String(decoding: Descriptor.contents(of: file.number, limit: 1024), as: UTF8.self)
        return text.lastIndex(of: ")").flatMap { text[text.index(after: $0)...].split(separator: " ").first }
    }
}
