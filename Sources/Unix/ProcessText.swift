#if os(Linux)
/// What proc(5) says of processes: pure functions of the bytes, which may be any, cut off, or none.
package enum ProcessText {
    /// /proc/PID/NAME; nil when the process is gone, or hidden from us. `status` names every group of the process, of
    /// which there may be 65,536.
    static func read(_ pid: ProcessID, _ name: String) -> [UInt8]? {
        guard let file = try? FileDescriptor.open("/proc/\(pid)/\(name)", []) else { return nil }
        return Descriptor.contents(of: file.number, limit: 1 << 20)
    }

    /// /proc/PID/stat, proc_pid_stat(5)
    package struct Stat: Equatable, Sendable {
        package let parent: ProcessID
        /// In ticks of the clock.
        package let userTime: Int64
        package let systemTime: Int64
        package let startTime: Int64
        package let residentPages: Int64

        package init?(_ bytes: [UInt8]) {
            // The name before it may hold anything, also blanks and parentheses.
            guard let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
            let words = bytes[end...].dropFirst().split(separator: UInt8(ascii: " "))
            guard words.count > 21, let parent = ProcessID(String(decoding: words[1], as: UTF8.self)),
                let user = ticks(words[11]), let system = ticks(words[12]), let start = ticks(words[19]),
                let pages = ticks(words[21])
            else { return nil }
            (self.parent, userTime, systemTime, startTime, residentPages) = (parent, user, system, start, pages)
        }
    }

    /// The kernel counts with 64 bits and without a sign.
    private static func ticks(_ word: ArraySlice<UInt8>) -> Int64? {
        // bounded: clamped
        UInt64(String(decoding: word, as: UTF8.self)).map { Int64(clamping: $0) }
    }

    /// Whether the signal is in `SigCgt` of /proc/PID/status: the process has a handler for it.
    package static func catches(_ signal: Int32, status: [UInt8]) -> Bool {
        let name = Array("SigCgt:".utf8)
        guard (1...64).contains(signal),
            let line = status.split(separator: UInt8(ascii: "\n")).first(where: { $0.starts(with: name) }),
            let digits = line.split(whereSeparator: { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }).last,
            // bounded: a set of bits, no number
            let mask = UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
        else { return false }
        return mask >> (signal - 1) & 1 == 1  // bounded: 1 to 64
    }

    /// Numbers with blanks between; what is no pid is passed over.
    package static func pids(_ bytes: [UInt8]) -> [ProcessID] {
        bytes.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }.compactMap { word in
            ProcessID(String(decoding: word, as: UTF8.self)).flatMap { $0 > 0 ? $0 : nil }
        }
    }
}
#endif
