import Synchronization
import Unix

/// The one way for lines into a log: the daemon's own, a superdaemon's, and the files of children's output.
///
/// It never ends its process and never waits for a reader, or no longer than it was told to. What the log cannot take is
/// counted, and reported in the log itself once it takes lines again. A line that was cut (a full disk, a limit, a pipe
/// without room) is completed first of all; where it cannot be, its end is marked, so that no later line is glued to it.
package final class LogWriter: Sendable {
    /// Borrowed.
    package let descriptor: Int32
    private let channel: LogChannel
    private let patience: Duration
    /// How much may wait for room, where somebody calls `flush` now and then.
    private let queueLimit: Int
    private let isShared: Bool
    private let state = Mutex(State())
    /// Nothing waits, was lost, or was cut: lines go out without a lock.
    private let isClear = Atomic<Bool>(true)

    private struct State {
        /// The rest of a line that was cut, and lines that wait for room.
        var waiting: [UInt8] = []
        /// The first of them has begun in the log.
        var isCut = false
        /// The log, with what waits, ends within a line.
        var isMidLine = false
        /// Who may go on with that line.
        var source: Int32?
        /// Not reported yet.
        var loss = LogLoss()
        var total = LogLoss()
        var cause: Errno?
        /// Its reader did not read for as long as we wait.
        var isStuck = false
        var credit = WaitCredit()
        var isEnlarged = false
        /// A file's, after our last attempt: whether others have written since.
        var size: Int64?
    }

    /// Of a line that was cut, the longest rest that is kept.
    private static let longestRest = 1 << 20
    /// At the end, for a reader that takes nothing.
    private static let lastPatience = Duration.milliseconds(100)

    /// `isShared`: other processes hold the same open file, whose flags are not ours to change. Otherwise the descriptor
    /// is made non-blocking where it is no file. `patience`: how long a line may wait for room.
    package init(_ descriptor: Int32, isShared: Bool = false, patience: Duration = .zero, queueLimit: Int = 0) {
        self.descriptor = descriptor
        self.patience = patience
        self.queueLimit = queueLimit
        self.isShared = isShared
        channel = LogChannel(descriptor, isShared: isShared)
    }

    /// A line to standard error, by a process that ends behind it: it waits a moment for a slow reader, and not for one
    /// that never reads.
    package static func say(_ line: String) {
        LogWriter(2, isShared: true, patience: .seconds(1)).write(Array("\(line)\n".utf8)) { _ in [] }
    }

    // MARK: Writing

    /// Whole lines. `report` makes the line that tells of what was lost.
    package func write(_ lines: [UInt8], report: (LogLoss) -> [UInt8]) {
        guard isClear.load(ordering: .relaxed) else {
            return state.withLock { deliver(lines[...], from: nil, &$0, report) }
        }
        let (count, failure) = channel.put(lines[...])
        guard let failure else { return }
        state.withLock { state in
            if count == 0 { return deliver(lines[...], from: nil, &state, report) }
            goOn(lines, from: count, failure, &state)
        }
    }

    /// A part of a stream as it is: a line that one source has begun is its own to go on with.
    package func write(_ bytes: ArraySlice<UInt8>, from source: Int32, report: (LogLoss) -> [UInt8]) {
        guard !bytes.isEmpty else { return }
        state.withLock { deliver(bytes, from: source, &$0, report) }
    }

    /// Nothing comes from it any more: whoever comes next starts a line.
    package func ended(_ source: Int32) {
        state.withLock { if $0.source == source { $0.source = nil } }
    }

    /// Tries once more what waits, and to tell of what was lost.
    package func flush(report: (LogLoss) -> [UInt8]) {
        guard isWaiting else { return }
        state.withLock { state in
            _ = clear(&state, report)
            isClear.store(isClear(state), ordering: .relaxed)
        }
    }

    /// The process ends. What waits goes on as long as its reader takes some of it now and then; then a pipe is given
    /// the room for it.
    package func finish(report: (LogLoss) -> [UInt8]) {
        let end = MonotonicTime.now + .seconds(10)
        var (deadline, left) = (MonotonicTime.now + Self.lastPatience, Int.max)
        while isWaiting, failure == .wouldBlock {
            flush(report: report)
            let rest = state.withLock { $0.waiting.count }
            if rest < left { (deadline, left) = (min(end, .now + Self.lastPatience), rest) }
            guard .now < deadline else { break }
            Poll.pause(.milliseconds(5))
        }
        guard isWaiting else { return }
        channel.enlarge(isLast: true)
        flush(report: report)
    }

    private func deliver(
        _ bytes: ArraySlice<UInt8>, from source: Int32?, _ state: inout State, _ report: (LogLoss) -> [UInt8]
    ) {
        defer { isClear.store(isClear(state), ordering: .relaxed) }
        let isReady = clear(&state, report)
        // The line before has no end, and is none of this source's.
        let needsEnd = state.isMidLine && (source == nil || state.source != source)
        state.source = source
        guard isReady else { return keep(bytes, needsEnd: needsEnd, state.cause ?? .wouldBlock, &state) }
        let whole = needsEnd ? [UInt8(ascii: "\n")] + bytes : bytes
        let (count, failure) = put(whole, &state)
        // bounded: places within the lines; more than none went out
        if count > 0 { state.isMidLine = whole[whole.startIndex + count - 1] != UInt8(ascii: "\n") }
        guard let failure else { return }
        let hasEnded = needsEnd && count > 0
        // bounded: places within the lines; more than none went out
        keep(bytes.dropFirst(hasEnded ? count - 1 : count), needsEnd: needsEnd && !hasEnded, failure, &state)
    }

    /// A part went out without the lock.
    private func goOn(_ lines: [UInt8], from start: Int, _ failure: Errno, _ state: inout State) {
        var (start, failure) = (start, failure)
        if failure == .wouldBlock, patience > .zero || !state.isEnlarged, state.waiting.isEmpty {
            // bounded: places within the lines; more than none went out
            let (count, reason) = put(lines[start...], &state)
            guard let reason else { return }
            (start, failure) = (start + count, reason)
        }
        // bounded: places within the lines; more than none went out
        state.isMidLine = lines[start - 1] != UInt8(ascii: "\n")
        // bounded: places within the lines; more than none went out
        keep(lines[start...], needsEnd: false, failure, &state)
        isClear.store(isClear(state), ordering: .relaxed)
    }

    private func put(_ bytes: ArraySlice<UInt8>, _ state: inout State) -> (count: Int, failure: Errno?) {
        var (count, failure) = channel.put(bytes)
        if failure == .wouldBlock, !state.isEnlarged {
            channel.enlarge()
            state.isEnlarged = true
            goOn()
        }
        if failure == .wouldBlock, patience > .zero, !state.isStuck {
            state.credit.spend(patience) { limit in
                let deadline = MonotonicTime.now + limit
                while failure == .wouldBlock, case let left = deadline - .now, left > .zero,
                    channel.hasRoom(within: left)
                { goOn() }
            }
            state.isStuck = failure == .wouldBlock
        }
        if failure == nil { state.isStuck = false }
        state.credit.earn(count)
        return (count, failure)

        func goOn() {
            let more = channel.put(bytes.dropFirst(count))
            (count, failure) = (count + more.count, more.failure)
        }
    }

    /// Keeps the rest of a line that was cut, and what may wait; the others are lost.
    private func keep(_ bytes: ArraySlice<UInt8>, needsEnd: Bool, _ failure: Errno, _ state: inout State) {
        state.cause = failure
        state.size = fileSize
        var rest = bytes
        if state.isMidLine, !needsEnd, state.waiting.isEmpty, state.loss.isEmpty {
            let line = rest[..<Self.endOfFirstLine(rest)]  // bounded: places within the lines; more than none went out
            if line.count <= Self.longestRest {
                state.waiting = Array(line)
                state.isCut = !line.isEmpty
                rest = rest[line.endIndex...]
            }
        }
        if failure == .wouldBlock, state.loss.isEmpty, state.waiting.count < queueLimit {
            let fitting = Self.wholeLines(rest, most: queueLimit - state.waiting.count)
            if needsEnd, !fitting.isEmpty { state.waiting.append(UInt8(ascii: "\n")) }
            state.waiting += fitting
            rest = rest[fitting.endIndex...]
        }
        if let last = state.waiting.last { state.isMidLine = last != UInt8(ascii: "\n") }
        if !rest.isEmpty { lose(rest, failure, &state) }
    }

    private static func endOfFirstLine(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.firstPlace(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? bytes.endIndex
    }

    private static func wholeLines(_ bytes: ArraySlice<UInt8>, most: Int) -> ArraySlice<UInt8> {
        guard bytes.count > most else { return bytes }
        let fitting = bytes.prefix(most)
        // bounded: places within the lines; more than none went out
        return fitting[..<(fitting.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? fitting.startIndex)]
    }

    private func lose(_ bytes: ArraySlice<UInt8>, _ cause: Errno, _ state: inout State) {
        var loss = LogLoss()
        loss.add(bytes, cause)
        state.loss.add(loss)
        state.total.add(loss)
        // Nobody goes on with a line that has a hole.
        state.source = nil
    }

    /// True when all that waited has gone out and every loss was told.
    private func clear(_ state: inout State, _ report: (LogLoss) -> [UInt8]) -> Bool {
        guard !state.waiting.isEmpty || !state.loss.isEmpty else { return true }
        lookForOthers(&state)
        if !state.waiting.isEmpty {
            let (count, failure) = put(state.waiting[...], &state)
            if count > 0 { state.isCut = state.waiting[count - 1] != UInt8(ascii: "\n") }
            state.waiting.removeFirst(count)
            if let failure { return failed(failure, &state) }
            state.isCut = false
        }
        guard !state.loss.isEmpty else { return true }
        let line = (state.isMidLine ? [UInt8(ascii: "\n")] : []) + report(state.loss)
        let (count, failure) = put(line[...], &state)
        if failure == nil || count > 0 {
            state.loss = LogLoss()
            state.source = nil
            state.isMidLine = false
        }
        guard let failure else { return true }
        if count > 0 {
            state.waiting = Array(line[count...])  // bounded: places within the lines; more than none went out
            state.isCut = true
        }
        return failed(failure, &state)
    }

    private func failed(_ failure: Errno, _ state: inout State) -> Bool {
        state.cause = failure
        state.size = fileSize
        return false
    }

    private func isClear(_ state: borrowing State) -> Bool {
        state.waiting.isEmpty && state.loss.isEmpty && !state.isMidLine
    }

    // MARK: Files

    private var fileSize: Int64? {
        guard let status = try? FileStatus(descriptor: descriptor), status.kind == .regular else { return nil }
        return status.size
    }

    /// Others may have written to the file since it failed, or emptied it: then a line that was cut has no end any more,
    /// and what stands at the file's end decides how ours begins.
    private func lookForOthers(_ state: inout State) {
        guard let size = fileSize, !state.isCut || size != state.size else { return }
        if state.isCut {
            let end = Self.endOfFirstLine(state.waiting[...])
            // bounded: places within the lines; more than none went out
            lose(state.waiting[..<end], state.cause ?? .noSpace, &state)
            state.waiting.removeFirst(end)  // bounded: places within the lines; more than none went out
            state.isCut = false
        }
        guard state.waiting.isEmpty, let isMidLine = Self.endsWithinLine(descriptor) else { return }
        state.isMidLine = isMidLine
    }

    /// nil where that cannot be seen.
    private static func endsWithinLine(_ number: Int32) -> Bool? {
        guard let status = try? FileStatus(descriptor: number), status.kind == .regular else { return false }
        guard status.size > 0 else { return false }
        // Ours is open for writing only.
        guard let file = try? FileDescriptor.open("/proc/self/fd/\(number)", .nonBlocking) else { return nil }
        // bounded: the file is not empty
        return Descriptor.contents(of: file.number, from: status.size - 1, limit: 1).first
            .map { $0 != UInt8(ascii: "\n") }
    }

    /// A file may end with a line that somebody was not able to finish: ours then begins another.
    package func lookAtEnd() {
        state.withLock { state in
            state.isMidLine = Self.endsWithinLine(descriptor) ?? false
            isClear.store(isClear(state), ordering: .relaxed)
        }
    }

    /// Puts another file in the place of the descriptor's, which keeps its number, in one step. `line` is the first that
    /// the new one gets. What waited for the old one is lost, unless it takes it now.
    package func replace(by fresh: Int32, first line: [UInt8] = [], report: (LogLoss) -> [UInt8]) throws(Errno) {
        try state.withLock { state throws(Errno) in
            defer { isClear.store(isClear(state), ordering: .relaxed) }
            _ = clear(&state, report)
            // Before anybody else can write to the new file.
            let isMidLine = Self.endsWithinLine(fresh) ?? false
            let first = (isMidLine && !line.isEmpty ? [UInt8(ascii: "\n")] : []) + line
            let count = first.isEmpty ? 0 : (try? Descriptor.write(fresh, first.span)) ?? 0
            try Descriptor.duplicate(fresh, onto: descriptor)
            if !isShared, fileSize == nil { try? Descriptor.setNonBlocking(descriptor, true) }
            if !state.waiting.isEmpty { lose(state.waiting[...], state.cause ?? .noSpace, &state) }
            state.waiting = []
            state.isCut = false
            state.isMidLine = count == 0 ? isMidLine : first[count - 1] != UInt8(ascii: "\n")
            if count < first.count { keep(first[count...], needsEnd: false, .noSpace, &state) }
        }
    }

    // MARK: What became of it

    /// Why the log does not take lines now.
    package var failure: Errno? {
        state.withLock { $0.waiting.isEmpty && $0.loss.isEmpty ? nil : $0.cause }
    }

    /// Something waits, or is not told yet.
    package var isWaiting: Bool { !isClear.load(ordering: .relaxed) && failure != nil }

    /// All that was ever lost.
    package var lost: LogLoss { state.withLock(\.total) }

    /// What a writer of the same log before this one left.
    package func takeOver(_ old: LogWriter) {
        let (waiting, loss, total) = old.state.withLock { ($0.waiting, $0.loss, $0.total) }
        state.withLock { state in
            state.loss = loss
            state.total = total
            state.cause = loss.cause
            if !waiting.isEmpty { lose(waiting[...], .wouldBlock, &state) }
            isClear.store(isClear(state), ordering: .relaxed)
        }
    }

    // MARK: Over an exec

    /// What the writer of the next image goes on with.
    package struct Saved {
        /// Bytes that no log has taken yet.
        package var waiting: [UInt8] = []
        /// The last line in the log lacks its end.
        package var isCut = false
        /// Whoever writes bytes of its own has begun a line.
        package var isMidLine = false
        package var source: Int32?
        package var size: Int64?
        /// What the log has not been told of.
        package var loss = LogLoss()
        /// All that was ever lost.
        package var total = LogLoss()

        package init() {}
    }

    package var saved: Saved {
        state.withLock { state in
            var saved = Saved()
            saved.waiting = state.waiting
            saved.isCut = state.isCut
            saved.isMidLine = state.isMidLine
            saved.source = state.source
            saved.size = state.size
            saved.loss = state.loss
            saved.total = state.total
            return saved
        }
    }

    package func restore(_ saved: Saved) {
        state.withLock { state in
            state.waiting = saved.waiting
            state.isCut = saved.isCut
            state.isMidLine = saved.isMidLine
            state.source = saved.source
            state.size = saved.size
            state.loss = saved.loss
            state.total = saved.total
            state.cause = state.loss.isEmpty ? .wouldBlock : state.loss.cause
            isClear.store(isClear(state), ordering: .relaxed)
        }
    }
}
