#if os(Linux)
import CUnix

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Which descriptors are ready, at a cost that does not depend on how many are watched: epoll(7).
@safe package struct Poller: ~Copyable {
    private let epoll: FileDescriptor
    private var events: [epoll_event]

    /// With none of them only a hang-up is told.
    package struct Interest: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let read = Interest(rawValue: EPOLLIN.rawValue)
        package static let write = Interest(rawValue: EPOLLOUT.rawValue)
    }

    package init(batch: Int = 256) throws(Errno) {
        epoll = FileDescriptor(owning: try checked { epoll_create1(Int32(EPOLL_CLOEXEC)) })
        unsafe events = Array(repeating: epoll_event(), count: batch)
    }

    package func add(_ descriptor: Int32, _ interest: Interest) throws(Errno) {
        try control(EPOLL_CTL_ADD, descriptor, interest)
    }

    package func change(_ descriptor: Int32, _ interest: Interest) throws(Errno) {
        try control(EPOLL_CTL_MOD, descriptor, interest)
    }

    package func remove(_ descriptor: Int32) { try? control(EPOLL_CTL_DEL, descriptor, []) }

    private func control(_ operation: Int32, _ descriptor: Int32, _ interest: Interest) throws(Errno) {
        var event = unsafe epoll_event()
        unsafe event.events = interest.rawValue
        unsafe event.data.fd = descriptor
        _ = try checked { unsafe epoll_ctl(epoll.number, operation, descriptor, &event) }
    }

    /// Waits (for ever where there is no time-out): how many events there are to look at; 0 after a signal.
    package mutating func wait(_ timeout: Duration?) throws(Errno) -> Int {
        let limit = timeout?.pollMilliseconds ?? -1
        do {
            return Int(
                try checked(retrying: false) {
                    unsafe epoll_wait(epoll.number, &events, Int32(events.count), limit)
                })
        } catch .interrupted {
            return 0
        }
    }

    /// One of the last wait's events; a hang-up counts as both.
    package func event(_ index: Int) -> (descriptor: Int32, readable: Bool, writable: Bool) {
        let event = unsafe events[index]  // bounded: as many events as were counted
        let broken = EPOLLERR.rawValue | EPOLLHUP.rawValue
        let flags = unsafe event.events
        return unsafe (
            event.data.fd, flags & (EPOLLIN.rawValue | broken) != 0, flags & (EPOLLOUT.rawValue | broken) != 0
        )
    }
}
#endif
