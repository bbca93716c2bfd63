import Unix

#if os(Linux)
/// What /proc/self/status tells a spawned program of itself, by name. proc_pid_status(5)
func ownStatus(_ change: (inout Spawn) -> Void = { _ in }) throws -> [String: String] {
    var spawn = Spawn("/bin/cat", ["/proc/self/status"])
    change(&spawn)
    var fields: [String: String] = [:]
    for line in try output(of: spawn).split(separator: "\n") {
        let parts = line.split(separator: ":", maxSplits: 1)
        let words = parts.last?.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if parts.count == 2 { fields[String(parts[0])] = words }
    }
    return fields
}

/// The calling thread's signals: what waits, is blocked, ignored and caught.
func ownSignals() throws -> [Substring] {
    try TemporaryFolder.contents(of: "/proc/thread-self/status").split(separator: "\n").filter {
        ["SigPnd", "SigBlk", "SigIgn", "SigCgt"].contains($0.prefix(6))
    }
}

/// A set of signals as the kernel prints it.
func signalSet(_ signals: [Int32]) -> String {
    let mask = signals.reduce(UInt64(0)) { $0 | 1 << ($1 - 1) }
    let digits = String(mask, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
#endif
