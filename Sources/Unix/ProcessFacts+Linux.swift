#if os(Linux)
#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// What the kernel tells of another process, proc(5).
package struct ProcessFacts: Equatable, Sendable {
    /// Memory that lies in RAM, in bytes.
    package let residentSize: Int
    /// User and system time together.
    package let processorTime: Duration
    /// How long it has been running.
    package let age: Duration

    /// nil when the process is gone.
    package init?(of pid: ProcessID) {
        guard let stat = ProcessText.read(pid, "stat").flatMap(ProcessText.Stat.init) else { return nil }
        let rate = sysconf(Int32(truncatingIfNeeded: _SC_CLK_TCK))
        self.init(stat, ticksPerSecond: rate, pageSize: Int(getpagesize()), at: .sinceBoot)
    }

    /// A pure function, which no number makes trap: a year of one processor is more than 2^63 when ticks are taken for
    /// nanoseconds too early.
    package init(_ stat: ProcessText.Stat, ticksPerSecond: Int, pageSize: Int, at now: MonotonicTime) {
        let rate = Int64(ticksPerSecond)
        residentSize = Int(clamping: stat.residentPages).multipliedSaturated(by: pageSize)
        processorTime = Duration(ticks: stat.userTime.addingSaturated(stat.systemTime), perSecond: rate)
        let started = MonotonicTime(nanoseconds: Duration(ticks: stat.startTime, perSecond: rate).inNanoseconds)
        age = max(.zero, now - started)
    }

    /// Whether the process has a handler for the signal; false where that cannot be told.
    package static func catches(_ signal: Signal, _ pid: ProcessID) -> Bool {
        ProcessText.read(pid, "status").map { ProcessText.catches(signal.rawValue, status: $0) } ?? false
    }
}
#endif
