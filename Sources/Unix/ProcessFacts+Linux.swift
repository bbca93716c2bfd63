#if os(Linux)
#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// What the kernel tells of another process, proc(5).
package struct ProcessFacts: Sendable {
    /// Memory that lies in RAM, in bytes.
    package let residentSize: Int
    /// User and system time together.
    package let processorTime: Duration
    /// How long it has been running.
    package let age: Duration

    /// nil when the process is gone.
    package init?(of pid: ProcessID) {
        guard let words = Self.words(of: pid), words.count > 21, let user = Int(words[11]), let system = Int(words[12]),
            let pages = Int(words[21]), let start = Int(words[19])
        else { return nil }
        let second = max(1, Int(sysconf(Int32(_SC_CLK_TCK))))
        residentSize = pages * Int(getpagesize())
        processorTime = .nanoseconds((user + system) * 1_000_000_000 / second)
        let started = MonotonicTime(nanoseconds: Int64(start) * 1_000_000_000 / Int64(second))
        age = max(.zero, MonotonicTime.sinceBoot - started)
    }

    /// /proc/PID/stat from the state on: the name before it may hold anything, also blanks and parentheses.
    static func words(of pid: ProcessID) -> [Substring]? {
        guard let file = try? FileDescriptor.open("/proc/\(pid)/stat", []) else { return nil }
        let text = String(decoding: Descriptor.contents(of: file.number, limit: 1024), as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        return text[text.index(after: end)...].split(separator: " ")
    }

    /// Whether the process has a handler for the signal; false where that cannot be told.
    package static func catches(_ signal: Signal, _ pid: ProcessID) -> Bool {
        guard let file = try? FileDescriptor.open("/proc/\(pid)/status", []) else { return false }
        let text = String(decoding: Descriptor.contents(of: file.number, limit: 4096), as: UTF8.self)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("SigCgt:") }),
            let mask = line.split(whereSeparator: { $0 == "\t" || $0 == " " }).last.flatMap({ UInt64($0, radix: 16) })
        else { return false }
        return mask & (1 << UInt64(signal.rawValue - 1)) != 0
    }
}
#endif
