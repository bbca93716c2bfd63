import Unix

/// The descriptors that a main with a loop of its own waits for, and what the daemon is told meanwhile: a wait also ends
/// when a phase of the stop begins, or when accepting is to pause or to go on. epoll(7), kqueue(2)
///
/// It costs the same whatever number of descriptors it has, and wakes up for nothing else.
public struct PollSet: ~Copyable {
    /// What is waited for. With nothing of it only a broken connection is told.
    public struct Interest: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }

        public static let read = Interest(rawValue: 1)
        public static let write = Interest(rawValue: 2)

        fileprivate var interest: Poller.Interest {
            var interest: Poller.Interest = []
            if contains(.read) { interest.insert(.read) }
            if contains(.write) { interest.insert(.write) }
            return interest
        }
    }

    /// A descriptor that is ready; a broken connection is ready for both.
    public struct Event: Sendable {
        public let descriptor: Int32
        public let isReadable: Bool
        public let isWritable: Bool
    }

    private struct Pause {
        let interest: Interest
        let end: MonotonicTime
    }

    private var poller: Poller
    private let news: WakePipe
    private let runtime: Runtime
    private var watched: [Int32: Interest] = [:]
    private var paused: [Int32: Pause] = [:]

    public init(for context: Context) throws(DaemonError) {
        runtime = context.runtime
        let pipe = try attempt(.descriptors, "cannot make a pipe") { () throws(Errno) in try WakePipe() }
        poller = try attempt(.descriptors, "cannot make a poll set") { () throws(Errno) in
            let poller = try Poller()
            try poller.add(pipe.descriptor, .read)
            return poller
        }
        news = pipe
        runtime.wakers.add(pipe)
    }

    /// Waits for the descriptor from now on, or for something else of it than before.
    public mutating func watch(_ descriptor: Int32, for interest: Interest = .read) throws(DaemonError) {
        paused[descriptor] = nil
        let isKnown = watched.updateValue(interest, forKey: descriptor) != nil
        try attempt(.descriptors, "cannot watch descriptor \(descriptor)") { () throws(Errno) in
            do throws(Errno) {
                try isKnown
                    ? poller.change(descriptor, interest.interest) : poller.add(descriptor, interest.interest)
            } catch .noSuchFile {
                // It was closed and opened again meanwhile.
                try poller.add(descriptor, interest.interest)
            } catch .fileExists {
                try poller.change(descriptor, interest.interest)
            }
        }
    }

    /// Does not wait for it any more. Call it before the descriptor is closed.
    public mutating func forget(_ descriptor: Int32) {
        paused[descriptor] = nil
        if watched.removeValue(forKey: descriptor) != nil { poller.remove(descriptor) }
    }

    /// Does not wait for it for so long: for a listener whose clients cannot be taken now, which is ready all the time.
    public mutating func pause(_ descriptor: Int32, for duration: Duration) {
        guard let interest = watched[descriptor] ?? paused[descriptor]?.interest else { return }
        forget(descriptor)
        paused[descriptor] = Pause(interest: interest, end: .now + duration)
    }

    /// Waits until something is ready, something new is to be known of the daemon, or the time is over; nil waits for
    /// ever. What the daemon is told, its ``Context`` says.
    public mutating func wait(_ timeout: Duration? = nil) throws(DaemonError) -> [Event] {
        if runtime.isStarting { runtime.mainWaits() }
        let next = paused.values.map(\.end).min().map { $0 - .now }
        let limit = [timeout, next].compactMap(\.self).min().map { max(.zero, $0) }
        let count = try attempt(.process, "cannot wait") { () throws(Errno) in try poller.wait(limit) }
        if !paused.isEmpty { try endPauses() }
        var events: [Event] = []
        events.reserveCapacity(count)
        for index in 0..<count {  // bounded: as many events as were counted
            let event = poller.event(index)
            if event.descriptor == news.descriptor {
                news.clear()
            } else {
                events.append(
                    Event(descriptor: event.descriptor, isReadable: event.readable, isWritable: event.writable))
            }
        }
        return events
    }

    /// Ends a wait from any thread.
    public var wake: @Sendable () -> Void {
        let news = news
        return { news.wake() }
    }

    private mutating func endPauses() throws(DaemonError) {
        let now = MonotonicTime.now
        for (descriptor, pause) in paused where pause.end <= now { try watch(descriptor, for: pause.interest) }
    }
}
