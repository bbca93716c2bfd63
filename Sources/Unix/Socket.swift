import CUnix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

package enum SocketKind: Hashable, Sendable {
    case stream, datagram

    var raw: Int32 {
        #if canImport(Glibc)
        Int32(self == .stream ? SOCK_STREAM.rawValue : SOCK_DGRAM.rawValue)  // bounded: a constant
        #else
        self == .stream ? SOCK_STREAM : SOCK_DGRAM
        #endif
    }
}

/// Calls of socket(7). Everything is opened close-on-exec.
package enum Socket {
    package static func open(_ family: Int32, _ kind: SocketKind) throws(Errno) -> FileDescriptor {
        #if os(Linux)
        let socket = FileDescriptor(owning: try checked { newSocket(family, kind.raw | Int32(O_CLOEXEC)) })
        #else
        let socket = FileDescriptor(owning: try checked { newSocket(family, kind.raw) })
        try Descriptor.setCloseOnExec(socket.number, true)
        #endif
        return socket
    }

    private static func newSocket(_ family: Int32, _ type: Int32) -> Int32 { socket(family, type, 0) }

    /// Two connected stream sockets, both close-on-exec: the caller owns them. socketpair(2)
    package static func pair() throws(Errno) -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        #if os(Linux)
        _ = try checked { unsafe socketpair(AF_UNIX, SocketKind.stream.raw | Int32(O_CLOEXEC), 0, &ends) }
        #else
        _ = try checked { unsafe socketpair(AF_UNIX, SocketKind.stream.raw, 0, &ends) }
        for end in ends { try Descriptor.setCloseOnExec(end, true) }
        #endif
        return (ends[0], ends[1])
    }

    package enum Option: Sendable {
        case reuseAddress, reusePort, ipv6Only
        #if os(Linux)
        /// Of IPv4 and of IPv6. ip(7)
        case freebind, freebindIPv6
        #endif

        var raw: (level: Int32, name: Int32) {
            switch self {
            case .reuseAddress: (SOL_SOCKET, SO_REUSEADDR)
            case .reusePort: (SOL_SOCKET, SO_REUSEPORT)
            case .ipv6Only: (Int32(IPPROTO_IPV6), IPV6_V6ONLY)
            #if os(Linux)
            case .freebind: (Int32(IPPROTO_IP), IP_FREEBIND)
            case .freebindIPv6: (Int32(IPPROTO_IPV6), IPV6_FREEBIND)
            #endif
            }
        }
    }

    package static func set(_ option: Option, _ on: Bool, of socket: Int32) throws(Errno) {
        var value: Int32 = on ? 1 : 0
        let (level, name) = option.raw
        _ = try checked { unsafe setsockopt(socket, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) }
    }

    package static func isSet(_ option: Option, of socket: Int32) throws(Errno) -> Bool {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let (level, name) = option.raw
        _ = try checked { unsafe getsockopt(socket, level, name, &value, &length) }
        return value != 0
    }

    package static func bind(_ socket: Int32, to address: SocketAddress) throws(Errno) {
        try address.checkLength()
        _ = try checked {
            unsafe address.withSockaddr { pointer, length in
                #if canImport(Glibc)
                unsafe Glibc.bind(socket, pointer, length)
                #elseif canImport(Musl)
                unsafe Musl.bind(socket, pointer, length)
                #else
                unsafe Darwin.bind(socket, pointer, length)
                #endif
            }
        }
    }

    /// The longest backlog that any system takes, as nginx and systemd ask for.
    package static let longestBacklog: Int32 = 4096

    package static func listen(_ socket: Int32, backlog: Int32 = longestBacklog) throws(Errno) {
        _ = try checked {
            #if canImport(Glibc)
            Glibc.listen(socket, backlog)
            #elseif canImport(Musl)
            Musl.listen(socket, backlog)
            #else
            Darwin.listen(socket, backlog)
            #endif
        }
    }

    package static func connect(_ socket: Int32, to address: SocketAddress) throws(Errno) {
        try address.checkLength()
        _ = try checked {
            unsafe address.withSockaddr { pointer, length in
                #if canImport(Glibc)
                unsafe Glibc.connect(socket, pointer, length)
                #elseif canImport(Musl)
                unsafe Musl.connect(socket, pointer, length)
                #else
                unsafe Darwin.connect(socket, pointer, length)
                #endif
            }
        }
    }

    /// A connection: close-on-exec and non-blocking. Throws `.wouldBlock` when none waits.
    package static func accept(_ listener: Int32) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: try checked { SystemCall.accept(listener) })
    }

    package static func localAddress(_ socket: Int32) throws(Errno) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = try checked {
            unsafe withUnsafeMutablePointer(to: &storage) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe getsockname(socket, $0, &length)
                }
            }
        }
        return SocketAddress(storage, length: length)
    }

    /// nil for a kind that we know nothing of; throws ENOTSOCK for what is no socket.
    package static func kind(_ socket: Int32) throws(Errno) -> SocketKind? {
        let raw = try value(SO_TYPE, of: socket)
        return [SocketKind.stream, .datagram].first { $0.raw == raw }
    }

    /// The user at the other end of a Unix socket's connection. SO_PEERCRED, unix(7)
    package static func peerUser(_ socket: Int32) throws(Errno) -> UserID {
        #if os(Linux)
        // struct ucred: pid, uid, gid
        var credentials: (ProcessID, UserID, GroupID) = (0, 0, 0)
        var length = socklen_t(MemoryLayout.size(ofValue: credentials))
        _ = try checked { unsafe getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) }
        return credentials.1
        #else
        var (user, group): (UserID, GroupID) = (0, 0)
        _ = try checked { unsafe getpeereid(socket, &user, &group) }
        return user
        #endif
    }

    package static func isListening(_ socket: Int32) -> Bool { (try? value(SO_ACCEPTCONN, of: socket)) == 1 }

    private static func value(_ name: Int32, of socket: Int32) throws(Errno) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        _ = try checked { unsafe getsockopt(socket, SOL_SOCKET, name, &value, &length) }
        return value
    }

    /// One send(2) that neither waits nor raises SIGPIPE.
    package static func send(_ socket: Int32, _ bytes: borrowing Span<UInt8>) throws(Errno) -> Int {
        while true {
            let count = unsafe bytes.withUnsafeBufferPointer { bytes in
                unsafe Self.sendOnce(socket, bytes.baseAddress, bytes.count)
            }
            if count >= 0 { return count }
            let error = Errno.current
            if error != .interrupted { throw error }
        }
    }

    #if os(Linux)
    static let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
    #else
    static let flags = MSG_DONTWAIT
    #endif

    private static func sendOnce(_ socket: Int32, _ base: UnsafePointer<UInt8>?, _ count: Int) -> Int {
        #if canImport(Glibc)
        unsafe Glibc.send(socket, base, count, flags)
        #elseif canImport(Musl)
        unsafe Musl.send(socket, base, count, flags)
        #else
        unsafe Darwin.send(socket, base, count, flags)
        #endif
    }

    #if os(Linux)
    static let dontWait = Int32(MSG_DONTWAIT)
    #else
    static let dontWait = MSG_DONTWAIT
    #endif

    /// A listening socket that is ours alone refuses connections from now on.
    package static func stopListening(_ socket: Int32) {
        #if os(Linux)
        _ = shutdown(socket, Int32(SHUT_RD))
        #else
        _ = shutdown(socket, SHUT_RD)
        #endif
    }

    /// Sends the end of the stream; reading goes on.
    package static func shutdownWriting(_ socket: Int32) {
        #if os(Linux)
        _ = shutdown(socket, Int32(SHUT_WR))
        #else
        _ = shutdown(socket, SHUT_WR)
        #endif
    }
}
