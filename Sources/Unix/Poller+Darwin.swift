#if canImport(Darwin)
import Darwin

/// Which descriptors are ready, at a cost that does not depend on how many are watched: kqueue(2).
@safe package struct Poller: ~Copyable {
    private let queue: FileDescriptor
    private var events: [kevent]

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
        try filter(EVFILT_READ, descriptor, interest.contains(.read))
        try filter(EVFILT_WRITE, descriptor, interest.contains(.write))
    }

    package func remove(_ descriptor: Int32) { try? change(descriptor, []) }

    private func filter(_ filter: Int32, _ descriptor: Int32, _ on: Bool) throws(Errno) {
        var event = unsafe kevent()
        unsafe event.ident = UInt(descriptor)
        unsafe event.filter = Int16(filter)
        unsafe event.flags = UInt16(on ? EV_ADD : EV_DELETE)
        do {
            _ = try checked { unsafe kevent(queue.number, &event, 1, nil, 0, nil) }
        } catch .noSuchFile where !on {
            return
        }
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
