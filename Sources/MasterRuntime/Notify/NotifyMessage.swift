import DaemonCore
import Supervision
import Text

/// What a child says over NOTIFY_SOCKET: `NAME=value` lines. sd_notify(3)
package struct NotifyMessage: Equatable, Sendable {
    package private(set) var isReady = false
    package private(set) var isReloading = false
    /// MONOTONIC_USEC: when that was, in microseconds of CLOCK_MONOTONIC.
    package private(set) var reloadMoment: UInt64?
    package private(set) var isStopping = false
    /// One line of what it is doing.
    package private(set) var status: String?
    /// WATCHDOG=1
    package private(set) var beats = false
    /// WATCHDOG=trigger: it asks to be treated as if it had missed a beat.
    package private(set) var triggersWatchdog = false
    /// WATCHDOG_USEC: how often it beats at least from now on.
    package private(set) var watchdog: WatchdogTime?
    package private(set) var mainProcess: Int32?
    package private(set) var extendedTimeout: Duration?
    package private(set) var storesDescriptors = false
    package private(set) var removesDescriptors = false
    /// FDPOLL=0: what is stored stays also when nobody is behind it any more.
    package private(set) var keepsDeadDescriptors = false
    /// FDNAME, where it is a name that LISTEN_FDNAMES can hold.
    package private(set) var descriptorName: String?
    /// What a daemon of ours says besides.
    package private(set) var version: String?

    /// A message of more bytes is none, as systemd has it: what is cut off may be the end of a number.
    package static let longest = 4096

    package init(_ bytes: ArraySlice<UInt8>) {
        // Nor is one with a zero byte, but for the one that ends a C string.
        let bytes = bytes.last == 0 ? bytes.dropLast() : bytes
        guard bytes.count <= Self.longest, !bytes.contains(0) else { return }
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let value = String(decoding: line[(equals + 1)...], as: UTF8.self)
            take(String(decoding: line[..<equals], as: UTF8.self), value)
        }
    }

    private mutating func take(_ name: String, _ value: String) {
        switch name {
        case "READY": isReady = isReady || value == "1"
        case "RELOADING": isReloading = isReloading || value == "1"
        case "MONOTONIC_USEC": reloadMoment = Self.number(value)
        case "STOPPING": isStopping = isStopping || value == "1"
        case "STATUS": status = Self.printable(value)
        case "WATCHDOG":
            beats = beats || value == "1"
            triggersWatchdog = triggersWatchdog || value == "trigger"
        case "WATCHDOG_USEC": watchdog = Self.watchdog(value) ?? watchdog
        case "MAINPID": mainProcess = Self.number(value).flatMap(Int32.init(exactly:)).flatMap { $0 > 1 ? $0 : nil }
        case "EXTEND_TIMEOUT_USEC": extendedTimeout = Self.microseconds(value)
        case "FDSTORE": storesDescriptors = storesDescriptors || value == "1"
        case "FDSTOREREMOVE": removesDescriptors = removesDescriptors || value == "1"
        case "FDPOLL": keepsDeadDescriptors = keepsDeadDescriptors || value == "0"
        case "FDNAME": descriptorName = Self.isName(value) ? value : nil
        case ManagerMessage.versionField: version = Self.printable(value)
        default: break
        }
    }

    /// At most a day: what a child asks for must not keep a stop waiting for ever.
    private static func microseconds(_ text: String) -> Duration? {
        number(text).flatMap { $0 > 0 ? .microseconds(Int64(min($0, 86_400_000_000))) : nil }
    }

    /// 0 and what is longer than thirty years are none.
    private static func watchdog(_ text: String) -> WatchdogTime? {
        number(text).map { (1...1_000_000_000_000_000).contains($0) ? .every(.microseconds(Int64($0))) : .none }
    }

    /// Digits and nothing else; as large as sd_notify(3) may send it, UINT64_MAX for "no limit".
    private static func number(_ text: String) -> UInt64? {
        // bounded: the next thing is a day at the most
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? UInt64(text) : nil
    }

    /// One line of bounded length.
    private static func printable(_ text: String) -> String {
        VisibleText.blanked(String(decoding: text.utf8.prefix(512), as: UTF8.self))
    }

    /// Up to 255 printable ASCII characters without a colon. sd_pid_notify_with_fds(3)
    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 255
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
    }
}
