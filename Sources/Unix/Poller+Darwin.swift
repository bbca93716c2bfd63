#if canImport(Darwin)
import Darwin

/// Which descriptors are ready, at a cost that does not depend on how many are watched: kqueue(2).
@safe package struct Poller: ~Copyable {
    private let queue: FileDescriptor
    private var events: [kevent]

    /// With none of them only a hang-up is told, and at first that one could write.
    package struct Interest: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let read = Interest(rawValue: 1)
        package static let write = Interest(rawValue: 2)
    }

    package init(batch: Int = 256) throws(Errno) {
        queue = FileDescriptor(owning: try checked { kqueue() })
        try Descriptor.setCloseOnExec(queue.number, true)
        events = unsafe Array(repeating: kevent(), count: batch)
    }

    package func add(_ descriptor: Int32, _ interest: Interest) throws(Errno) { try change(descriptor, interest) }

    package func change(_ descriptor: Int32, _ interest: Interest) throws(Errno) {
        remove(descriptor)
        if interest.contains(.read) { try filter(EVFILT_READ, descriptor, EV_ADD) }
        if interest.contains(.write) { try filter(EVFILT_WRITE, descriptor, EV_ADD) }
        // The write filter tells the end of the reader; once, and not as long as one could write.
        if interest.isEmpty { try filter(EVFILT_WRITE, descriptor, EV_ADD | EV_CLEAR) }
    }

    package func remove(_ descriptor: Int32) {
        for number in [EVFILT_READ, EVFILT_WRITE] { try? filter(number, descriptor, EV_DELETE) }
    }

    private func filter(_ filter: Int32, _ descriptor: Int32, _ flags: Int32) throws(Errno) {
        var event = unsafe kevent()
        unsafe event.ident = UInt(descriptor)
        unsafe event.filter = Int16(filter)
        unsafe event.flags = UInt16(flags)
        _ = try checked { unsafe kevent(queue.number, &event, 1, nil, 0, nil) }
    }

    /// Waits (for ever where there is no time-out): how many events there are to look at; 0 after a signal.
    package mutating func wait(_ timeout: Duration?) throws(Errno) -> Int {
        var limit = timespec()
        if let timeout {
            let nanoseconds = max(0, timeout.inNanoseconds)
            limit = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        }
        do {
            return Int(
                try checked(retrying: false) {
                    unsafe kevent(queue.number, nil, 0, &events, Int32(events.count), timeout == nil ? nil : &limit)
                })
        } catch .interrupted {
            return 0
        }
    }

    /// One of the last wait's events; an end of file counts as readable.
    package func event(_ index: Int) -> (descriptor: Int32, readable: Bool, writable: Bool) {
        let event = unsafe events[index]
        return unsafe (Int32(event.ident), event.filter == EVFILT_READ, event.filter == EVFILT_WRITE)
    }
}
#endif
