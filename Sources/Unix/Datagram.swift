#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What one recvmsg(2) told of a message besides its bytes.
package struct Datagram: Equatable, Sendable {
    package var count: Int
    /// 0 where the system does not say, or the sender is not of our pid namespace.
    package var sender: ProcessID = 0
    /// Whom it runs as; nil where the system does not say.
    package var user: UserID?
    /// It was longer than the buffer.
    package var isCut = false
    /// More descriptors came along than there was room for.
    package var leavesDescriptors = false
    /// Ours to close.
    package var descriptors: [Int32] = []

    package init(count: Int) { self.count = count }
}

extension Socket {
    /// Takes the first datagram away, after a look at it that found no descriptors.
    package static func discard(_ socket: Int32) {
        while recv(socket, nil, 0, dontWait) == -1 && errno == EINTR {}
    }

    /// Nothing more can be sent to a datagram socket; what waits in it stays.
    package static func shutdownReading(_ socket: Int32) {
        #if os(Linux)
        _ = shutdown(socket, Int32(SHUT_RD))
        #else
        _ = shutdown(socket, SHUT_RD)
        #endif
    }
}
