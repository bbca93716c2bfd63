import CUnix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A signal, signal(7).
package struct Signal: Hashable, RawRepresentable, Sendable, CustomStringConvertible {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let hangup = Signal(rawValue: SIGHUP)
    package static let interrupt = Signal(rawValue: SIGINT)
    package static let quit = Signal(rawValue: SIGQUIT)
    package static let kill = Signal(rawValue: SIGKILL)
    package static let user1 = Signal(rawValue: SIGUSR1)
    package static let user2 = Signal(rawValue: SIGUSR2)
    package static let pipe = Signal(rawValue: SIGPIPE)
    package static let terminate = Signal(rawValue: SIGTERM)
    package static let child = Signal(rawValue: SIGCHLD)
    package static let `continue` = Signal(rawValue: SIGCONT)
    /// The process has reached its RLIMIT_FSIZE.
    package static let fileSizeLimit = Signal(rawValue: SIGXFSZ)
    package static let windowChange = Signal(rawValue: SIGWINCH)

    package static let terminalInput = Signal(rawValue: SIGTTIN)
    package static let terminalOutput = Signal(rawValue: SIGTTOU)

    private static let names: [Int32: String] = [
        SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
        SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1",
        SIGSEGV: "SIGSEGV", SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM",
        SIGSYS: "SIGSYS", SIGXFSZ: "SIGXFSZ", SIGXCPU: "SIGXCPU",
    ]

    package var description: String { Self.names[rawValue] ?? "signal \(rawValue)" }

    /// What happened to a process that it ended: `Killed`, `Segmentation fault`. strsignal(3)
    package var effect: String {
        guard let text = unsafe strsignal(rawValue) else { return description }
        return unsafe String(cString: text)
    }

    /// Nothing is blocked or ignored, whatever the caller had: a daemon started with SIGTERM blocked could not be stopped.
    /// Handlers stay, such as the Swift runtime's for crashes: an exec has left none of the caller's.
    package static func resetInherited() {
        resetIgnored()
        unblockAll()
    }

    /// The same, but what is blocked stays blocked, and waits.
    package static func resetIgnored() { cunix_signals_reset(true) }

    package static func unblockAll() {
        var empty = sigset_t()
        unsafe sigemptyset(&empty)
        unsafe pthread_sigmask(SIG_SETMASK, &empty, nil)
    }

    /// Blocks every signal in the calling thread, until `unblockAll`.
    package static func blockAll() {
        var full = sigset_t()
        unsafe sigfillset(&full)
        unsafe pthread_sigmask(SIG_SETMASK, &full, nil)
    }

    /// Runs `body` with every signal blocked in the calling thread, whose mask is as before afterwards.
    package static func withAllBlocked<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var full = sigset_t()
        var old = sigset_t()
        unsafe sigfillset(&full)
        unsafe pthread_sigmask(SIG_SETMASK, &full, &old)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &old, nil) }
        return try body()
    }

    /// A handler that does nothing. Unlike an ignored signal, exec(3) resets it, so no child inherits it.
    package func discard() { _ = signal(rawValue) { _ in } }

    package func restoreDefault() { _ = signal(rawValue, SIG_DFL) }

    /// kill(2). Only this module may: a number alone is no proof of whose it is. `Child.send`, `ProvenProcess`
    func deliver(to process: ProcessID) throws(Errno) {
        _ = try checked { Self.kill(process, rawValue) }
    }

    private static func kill(_ process: ProcessID, _ signal: Int32) -> Int32 {
        #if canImport(Glibc)
        Glibc.kill(process, signal)
        #elseif canImport(Musl)
        Musl.kill(process, signal)
        #else
        Darwin.kill(process, signal)
        #endif
    }
}
