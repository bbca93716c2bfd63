import Unix

/// A bound socket that waits for clients: bound by us or handed down, open until the process ends.
public final class Listener: Sendable {
    public enum Kind: String, Sendable {
        /// TCP or a Unix stream socket; it listens.
        case stream
        /// UDP.
        case datagram

        var socketKind: SocketKind { self == .stream ? .stream : .datagram }
    }

    public let kind: Kind
    /// `127.0.0.1:80`, `[::1]:80` or the path of a Unix socket.
    public var address: String { location.description }
    /// The port, where there is one.
    public var port: UInt16? { location.port }
    /// What its giver calls it (LISTEN_FDNAMES, the key of SERVER_STARTER_PORT), or else its address.
    public let name: String
    /// Borrowed: the listener closes it. Non-blocking and close-on-exec.
    public let fileDescriptor: Int32

    let location: SocketAddress
    /// The socket file that we made, and remove.
    package let file: OwnedFile?
    let isInherited: Bool

    /// Takes ownership of the socket.
    init(
        _ socket: consuming FileDescriptor, kind: Kind, location: SocketAddress, name: String?, file: OwnedFile?,
        isInherited: Bool = false
    ) {
        self.isInherited = isInherited
        fileDescriptor = socket.release()
        self.kind = kind
        self.location = location
        self.name = name ?? location.description
        self.file = file
    }

    deinit { Descriptor.close(fileDescriptor) }

    /// Refuses new connections from now on, where the socket is our own; one that was handed down may have other
    /// processes behind it, and stays as it is.
    public func stopListening() {
        guard !isInherited else { return }
        removeFile()
        if kind == .stream { Socket.stopListening(fileDescriptor) }
    }

    package func removeFile() { file?.remove() }
}
