#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Within which pids and start times mean the same: a boot of this machine, and a pid namespace of it.
package struct ProcessEpoch: Hashable, Sendable {
    /// Words of the system's, without a blank.
    package let boot: String
    package let namespace: UInt64

    package init(boot: String, namespace: UInt64) { (self.boot, self.namespace) = (boot, namespace) }

    /// nil where the system does not tell.
    package static var current: ProcessEpoch? {
        #if os(Linux)
        guard Files.linkTarget("/proc/self") == "\(getpid())",
            let file = try? FileDescriptor.open("/proc/sys/kernel/random/boot_id", []),
            let status = try? FileStatus(following: "/proc/self/ns/pid")
        else { return nil }
        let boot = String(decoding: Descriptor.contents(of: file.number, limit: 64), as: UTF8.self)
        // bounded: the same number
        return ProcessEpoch(boot: String(boot.prefix { $0 != "\n" }), namespace: UInt64(status.identity.inode))
        #else
        var bytes = [UInt8](repeating: 0, count: 64)
        var size = bytes.count
        guard unsafe sysctlbyname("kern.bootsessionuuid", &bytes, &size, nil, 0) == 0 else { return nil }
        return ProcessEpoch(boot: String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self), namespace: 0)
        #endif
    }

    /// Now, in what `ProvenProcess.started` counts in.
    package static var now: Int64 {
        #if os(Linux)
        let rate = min(max(1, sysconf(Int32(truncatingIfNeeded: _SC_CLK_TCK))), 1_000_000)
        // bounded: the rate is a hundred or a thousand
        return MonotonicTime.sinceBoot.nanoseconds / Int64(1_000_000_000 / rate)
        #else
        let now = WallTime.now
        return now.seconds.multipliedSaturated(by: 1_000_000).addingSaturated(Int64(now.microseconds))
        #endif
    }
}

extension CurrentProcess {
    /// The session of a process; nil when it is gone.
    package static func session(of pid: ProcessID) -> ProcessID? {
        let session = getsid(pid)
        return session > 0 ? session : nil
    }

    /// All processes that this one may know of.
    package static var all: [ProcessID] {
        #if os(Linux)
        return Files.names(in: "/proc").compactMap { ProcessID($0) }.filter { $0 > 0 }
        #else
        let count = unsafe proc_listallpids(nil, 0)
        var pids = [ProcessID](repeating: 0, count: Int(max(0, count)) + 64)
        let filled = unsafe proc_listallpids(&pids, Int32(clamping: pids.count * MemoryLayout<ProcessID>.stride))
        return pids.prefix(Int(max(0, filled))).filter { $0 > 0 }
        #endif
    }
}
