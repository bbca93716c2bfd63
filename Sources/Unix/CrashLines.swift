#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Lines that a crash of this process leaves in its log, in whichever way it crashes: a trap of a release build says
/// nothing, and what the Swift runtime says has neither a time nor a pid.
///
/// The handler goes before the one that was there, such as the runtime's with SWIFT_BACKTRACE, which it then calls.
package enum CrashLines {
    package struct Line {
        let signal: Signal
        let descriptor: Int32
        let bytes: [UInt8]
        let time: Int?

        /// `time`: where in `bytes` a `YYYY-MM-DD hh:mm:ss,uuuuuu` is, whatever its punctuation, which is to be the
        /// crash's; nil for none.
        package init(_ signal: Signal, descriptor: Int32, _ bytes: [UInt8], time: Int?) {
            self.signal = signal
            self.descriptor = descriptor
            self.bytes = bytes
            self.time = time
        }
    }

    package static let signals = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS].map(Signal.init)

    /// Once in a process, before it has a second thread.
    package static func install(_ lines: [Line], secondsFromUTC: Int) {
        unsafe state.initialize(to: State(owner: getpid(), secondsFromUTC: secondsFromUTC))
        // bounded: constants
        unsafe entries.initialize(repeating: Entry(), count: signalCount * linesOfSignal)
        for signal in signals {
            // bounded: a constant
            for (index, line) in lines.filter({ $0.signal == signal }).prefix(linesOfSignal).enumerated() {
                let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: line.bytes.count)
                _ = unsafe copy.initialize(fromContentsOf: line.bytes)
                // bounded: a signal's number is below 65
                unsafe entries[Int(signal.rawValue) * linesOfSignal + index] = Entry(
                    descriptor: line.descriptor, bytes: copy.baseAddress, count: copy.count, time: line.time ?? -1)
            }
            catchFirst(signal.rawValue)
        }
    }

    private static func catchFirst(_ number: Int32) {
        let old = unsafe previous + Int(number)
        unsafe old.initialize(to: sigaction())
        guard unsafe sigaction(number, nil, old) == 0 else { return }
        var action = unsafe old.pointee
        unsafe action.setHandler(leaveLines)
        action.sa_flags |= Int32(bitPattern: UInt32(SA_SIGINFO)) | Int32(SA_ONSTACK)
        _ = unsafe sigaction(number, &action, nil)
    }
}

// What the handler needs lies outside of Swift's objects: it may neither allocate nor lock anything.

private let linesOfSignal = 2
private let signalCount = 65

private struct State {
    /// A forked child that crashes has no line: it is another process.
    let owner: pid_t
    let secondsFromUTC: Int
}

@unsafe private struct Entry {
    var descriptor: Int32 = -1
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    var time = -1
}

nonisolated(unsafe) private let state = UnsafeMutablePointer<State>.allocate(capacity: 1)
// bounded: constants
nonisolated(unsafe) private let entries = UnsafeMutablePointer<Entry>.allocate(capacity: signalCount * linesOfSignal)
nonisolated(unsafe) private let previous = UnsafeMutablePointer<sigaction>.allocate(capacity: signalCount)

private func leaveLines(
    _ number: Int32, _ info: UnsafeMutablePointer<siginfo_t>?, _ context: UnsafeMutableRawPointer?
) {
    let saved = errno
    if unsafe state.pointee.owner == getpid() {
        var index = 0
        while index < linesOfSignal {
            let entry = unsafe entries[Int(number) &* linesOfSignal &+ index]
            if let bytes = unsafe entry.bytes {
                if unsafe entry.time >= 0 { unsafe stamp(bytes + entry.time, state.pointee.secondsFromUTC) }
                _ = unsafe write(entry.descriptor, bytes, entry.count)
            }
            index &+= 1
        }
    }
    errno = saved
    let old = unsafe previous + Int(number)
    if unsafe old.pointee.hasHandler {
        unsafe old.pointee.call(number, info, context)
        // A fault comes again. What somebody has sent does not, and the runtime's handler returns from it.
        guard let info = unsafe info, unsafe info.pointee.si_code <= 0 else { return }
    }
    var standard = sigaction()
    unsafe sigaction(number, &standard, nil)
    // It waits until this handler returns.
    raise(number)
}

/// The time now, in the digits' places. The days are those of http://howardhinnant.github.io/date_algorithms.html
private func stamp(_ text: UnsafeMutablePointer<UInt8>, _ secondsFromUTC: Int) {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    let seconds = now.tv_sec &+ secondsFromUTC
    let day = seconds / 86_400 &+ 719_468
    let second = seconds % 86_400
    let era = day / 146_097
    let ofEra = day % 146_097
    let yearOfEra = (ofEra &- ofEra / 1460 &+ ofEra / 36_524 &- ofEra / 146_096) / 365
    let ofYear = ofEra &- (365 &* yearOfEra &+ yearOfEra / 4 &- yearOfEra / 100)
    let shifted = (5 &* ofYear &+ 2) / 153
    let month = shifted < 10 ? shifted &+ 3 : shifted &- 9
    unsafe digits(text, yearOfEra &+ era &* 400 &+ (month <= 2 ? 1 : 0), 4)
    unsafe digits(text + 5, month, 2)
    unsafe digits(text + 8, ofYear &- (153 &* shifted &+ 2) / 5 &+ 1, 2)
    unsafe digits(text + 11, second / 3600, 2)
    unsafe digits(text + 14, second / 60 % 60, 2)
    unsafe digits(text + 17, second % 60, 2)
    unsafe digits(text + 20, Int(now.tv_nsec) / 1000, 6)
}

private func digits(_ text: UnsafeMutablePointer<UInt8>, _ number: Int, _ width: Int) {
    var (rest, place) = (number, width)
    while place > 0 {
        place &-= 1
        unsafe text[place] = UInt8(truncatingIfNeeded: 48 &+ rest % 10)
        rest /= 10
    }
}

extension sigaction {
    fileprivate typealias Handler =
        @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void

    #if os(Linux)
    fileprivate mutating func setHandler(_ handler: Handler) { unsafe __sigaction_handler.sa_sigaction = handler }
    private var handler: Handler? { unsafe __sigaction_handler.sa_sigaction }
    #else
    fileprivate mutating func setHandler(_ handler: Handler) { unsafe __sigaction_u.__sa_sigaction = handler }
    private var handler: Handler? { unsafe __sigaction_u.__sa_sigaction }
    #endif

    /// Neither SIG_DFL nor SIG_IGN.
    fileprivate var hasHandler: Bool { unsafe unsafeBitCast(handler, to: Int.self) > 1 }

    /// One that takes the number alone does not look at the others.
    fileprivate func call(
        _ number: Int32, _ info: UnsafeMutablePointer<siginfo_t>?, _ context: UnsafeMutableRawPointer?
    ) {
        unsafe handler?(number, info, context)
    }
}
