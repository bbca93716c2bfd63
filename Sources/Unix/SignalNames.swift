#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Signals by the names of signal(7), which differ from system to system.
extension Signal {
    /// `TERM`, `SIGTERM`, `sigterm`, `15`, and on Linux `RTMIN+1`, `RTMAX-1`; nil for what is no signal here.
    package init?(parsing text: String) {
        // lowercased() would take U+017F for an s.
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        var name = text.uppercased()
        if name.hasPrefix("SIG") { name.removeFirst(3) }  // bounded: numbers of signals
        if let number = Self.numbers[name] ?? Self.realTime(name) {
            self.init(rawValue: number)
        } else if Self.isDecimal(text), let number = Int32(text), (1...Self.highest).contains(number) {
            self.init(rawValue: number)
        } else {
            return nil
        }
    }

    /// As kill(1) lists it: `TERM`, `RTMIN+1`; the number of one without a name.
    package var shortName: String {
        if let usual = Self.numbers.first(where: { $0.value == rawValue && !Self.olderNames.contains($0.key) }) {
            return usual.key
        }
        #if os(Linux)
        let first = __libc_current_sigrtmin()
        if rawValue == first { return "RTMIN" }
        // bounded: numbers of signals
        if rawValue > first && rawValue <= Self.highest { return "RTMIN+\(rawValue - first)" }
        #endif
        return String(rawValue)
    }

    /// Second names of signals.
    private static let olderNames: Set<String> = ["IOT", "CLD", "POLL"]

    private static func isDecimal(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static let common: [String: Int32] = [
        "HUP": SIGHUP, "INT": SIGINT, "QUIT": SIGQUIT, "ILL": SIGILL, "TRAP": SIGTRAP, "ABRT": SIGABRT, "IOT": SIGABRT,
        "BUS": SIGBUS, "FPE": SIGFPE, "KILL": SIGKILL, "USR1": SIGUSR1, "SEGV": SIGSEGV, "USR2": SIGUSR2,
        "PIPE": SIGPIPE, "ALRM": SIGALRM, "TERM": SIGTERM, "CHLD": SIGCHLD, "CONT": SIGCONT, "STOP": SIGSTOP,
        "TSTP": SIGTSTP, "TTIN": SIGTTIN, "TTOU": SIGTTOU, "URG": SIGURG, "XCPU": SIGXCPU, "XFSZ": SIGXFSZ,
        "VTALRM": SIGVTALRM, "PROF": SIGPROF, "WINCH": SIGWINCH, "IO": SIGIO, "SYS": SIGSYS,
    ]

    #if os(Linux)
    private static let numbers = common.merging(
        ["CLD": SIGCHLD, "POLL": SIGIO, "PWR": SIGPWR, "STKFLT": SIGSTKFLT], uniquingKeysWith: { old, _ in old })

    private static var highest: Int32 { __libc_current_sigrtmax() }

    /// `RTMIN`, `RTMIN+n`, `RTMAX`, `RTMAX-n`: libc keeps the lowest ones for itself, so only it knows the numbers.
    private static func realTime(_ name: String) -> Int32? {
        let (first, last) = (__libc_current_sigrtmin(), __libc_current_sigrtmax())
        switch name {
        case "RTMIN": return first
        case "RTMAX": return last
        default:
            let isFromStart = name.hasPrefix("RTMIN+")
            let digits = String(name.dropFirst(6))
            guard isFromStart || name.hasPrefix("RTMAX-"), isDecimal(digits), let offset = Int32(digits),
                offset <= last - first  // bounded: numbers of signals
            else { return nil }
            return isFromStart ? first + offset : last - offset  // bounded: numbers of signals
        }
    }
    #else
    private static let numbers = common.merging(["EMT": SIGEMT, "INFO": SIGINFO], uniquingKeysWith: { old, _ in old })

    private static var highest: Int32 { 31 }

    private static func realTime(_ name: String) -> Int32? { nil }
    #endif
}
