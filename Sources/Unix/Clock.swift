#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// CLOCK_MONOTONIC, in nanoseconds: never set back.
package struct MonotonicTime: Comparable, Sendable {
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    private init(_ time: timespec) { nanoseconds = time.nanoseconds }

    package static var now: MonotonicTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(time)
    }

    #if os(Linux)
    /// CLOCK_BOOTTIME: what proc(5) counts in.
    static var sinceBoot: MonotonicTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return MonotonicTime(time)
    }
    #endif

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
    package static func - (left: Self, right: Self) -> Duration {
        .nanoseconds(left.nanoseconds.subtractingSaturated(right.nanoseconds))
    }
    package static func + (time: Self, duration: Duration) -> Self {
        MonotonicTime(nanoseconds: time.nanoseconds.addingSaturated(duration.inNanoseconds))
    }
}

/// CLOCK_REALTIME: seconds since 1970 and the microseconds within.
package struct WallTime: Sendable {
    package let seconds: Int64
    package let microseconds: Int32

    package init(seconds: Int64, microseconds: Int32) {
        self.seconds = seconds
        self.microseconds = microseconds
    }

    package static var now: WallTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(seconds: Int64(time.tv_sec), microseconds: Int32(clamping: time.tv_nsec / 1000))
    }

    package struct Calendar: Sendable {
        package let year, month, day, hour, minute, second: Int
        /// East of Greenwich, in seconds.
        package let offset: Int
        package let zone: String
    }

    /// tzset(3) for a zone whose file has changed. Where no file is within reach, as in a chroot, what is known stays.
    package static func rereadZone() {
        guard let zone = Environment["TZ"] else {
            if (try? FileStatus(following: "/etc/localtime")) != nil { tzset() }
            return
        }
        let name = zone.hasPrefix(":") ? String(zone.dropFirst()) : zone
        let directory = Environment["TZDIR"] ?? "/usr/share/zoneinfo"
        let isPath = name.hasPrefix("/")
        guard !name.isEmpty, (try? FileStatus(following: isPath ? name : "\(directory)/\(name)")) != nil else { return }
        // tzset does nothing for the text that it has seen last: another name of the same file lets it look again.
        Environment.set("TZ", isPath ? "/\(name)" : "./\(name)")
        tzset()
        Environment.set("TZ", zone)
        tzset()
    }

    /// In the local time zone, localtime_r(3).
    package var local: Calendar {
        var time = time_t(seconds)
        var fields = unsafe tm()
        unsafe localtime_r(&time, &fields)
        let zone = unsafe fields.tm_zone.map { unsafe String(cString: $0) } ?? "UTC"
        return unsafe Calendar(
            year: Int(fields.tm_year) + 1900, month: Int(fields.tm_mon) + 1, day: Int(fields.tm_mday),
            hour: Int(fields.tm_hour), minute: Int(fields.tm_min), second: Int(fields.tm_sec),
            offset: Int(fields.tm_gmtoff), zone: zone)
    }
}

extension timespec {
    /// Saturates: a file's time may be any number of seconds, as its owner likes.
    var nanoseconds: Int64 { Int64(tv_sec).multipliedSaturated(by: 1_000_000_000).addingSaturated(Int64(tv_nsec)) }
}

extension Duration {
    /// For poll(2) and epoll_wait(2): whole milliseconds, rounded up, at most what fits.
    package var pollMilliseconds: Int32 {
        let nanoseconds = inNanoseconds
        if nanoseconds <= 0 { return 0 }
        return Int32(clamping: (nanoseconds / 1_000_000).addingSaturated(nanoseconds % 1_000_000 == 0 ? 0 : 1))
    }
}
