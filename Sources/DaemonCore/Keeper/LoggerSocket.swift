import Unix

/// The socket of the system's logger, for a log and for the process outside of a chroot. syslog(3)
package enum LoggerSocket {
    package static let path = "/dev/log"

    /// Connected, without waiting for a logger that does not accept.
    static func open(_ path: String = path) throws(Errno) -> FileDescriptor {
        let address = SocketAddress.unix(path)
        do {
            return try open(address, .datagram)
        } catch .wrongProtocol {
            return try open(address, .stream)
        }
    }

    private static func open(_ address: SocketAddress, _ kind: SocketKind) throws(Errno) -> FileDescriptor {
        let socket = try Socket.open(address.family, kind)
        try Descriptor.setNonBlocking(socket.number, true)
        try Socket.connect(socket.number, to: address)
        return socket
    }
}
