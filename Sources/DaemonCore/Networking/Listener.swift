import Unix

/// A bound socket that waits for clients: bound by us or handed down, open until the process ends.
public final class Listener: Sendable {
    /// What kind of socket it is. More kinds may be added.
    public struct Kind: Hashable, Sendable, CustomStringConvertible {
        package let socketKind: SocketKind
        public let description: String

        /// TCP or a Unix stream socket; it listens.
        public static let stream = Kind(socketKind: .stream, description: "stream")
        /// UDP.
        public static let datagram = Kind(socketKind: .datagram, description: "datagram")

        /// As it stands in a record.
        package var rawValue: String { description }

        package init?(rawValue: String) {
            guard let kind = [Kind.stream, .datagram].first(where: { $0.rawValue == rawValue }) else { return nil }
            self = kind
        }

        private init(socketKind: SocketKind, description: String) {
            self.socketKind = socketKind
            self.description = description
        }
    }

    public let kind: Kind
    /// Where it is bound.
    public let address: BindAddress
    /// What its giver calls it (LISTEN_FDNAMES, the key of SERVER_STARTER_PORT), or else its address.
    public let name: String
    /// Borrowed: the listener closes it. Non-blocking and close-on-exec.
    public let fileDescriptor: Int32

    /// The socket file that we made, and remove.
    package let file: OwnedFile?
    package let isInherited: Bool

    package var location: SocketAddress { address.address }
    package var port: UInt16? { location.port }

    /// Takes ownership of the socket.
    package init(
        _ socket: consuming FileDescriptor, kind: Kind, location: SocketAddress, name: String?, file: OwnedFile?,
        isInherited: Bool = false
    ) {
        self.isInherited = isInherited
        fileDescriptor = socket.release()
        self.kind = kind
        address = BindAddress(location)
        self.name = name ?? location.description
        self.file = file
    }

    deinit { Descriptor.close(fileDescriptor) }

    /// The client that has waited longest; nil where none waits.
    /// - Throws: ``DaemonError/Code/descriptors`` where the process or the system has no descriptor left for it: the
    ///   client waits on, and so a poll loop would be told of it at once again. ``PollSet/pause(_:for:)`` gives it a rest.
    public func accept() throws(DaemonError) -> Connection? {
        while true {
            do {
                return Connection(try Socket.accept(fileDescriptor))
            } catch .wouldBlock {
                return nil
            } catch .connectionAborted {
                // It went away between its call and ours.
            } catch {
                let lacks: [Errno] = [.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .outOfMemory]
                let code = lacks.contains(error) ? DaemonError.Code.descriptors : .listener
                throw DaemonError(code, "cannot accept a client at \(address)", error)
            }
        }
    }

    /// One datagram that has come, cut where the buffer is shorter, and its sender, where that has an address; nil where
    /// none waits.
    public func receive(into buffer: inout [UInt8]) throws(DaemonError) -> (count: Int, sender: BindAddress?)? {
        do {
            let (count, sender) = try Socket.receiveDatagram(fileDescriptor, into: &buffer)
            return (count, sender.map { BindAddress($0) })
        } catch .wouldBlock {
            return nil
        } catch {
            throw DaemonError(.listener, "cannot receive at \(address)", error)
        }
    }

    /// Sends one datagram from the listener's address, without waiting: what finds no room is lost, as datagrams are.
    public func send(_ bytes: borrowing Span<UInt8>, to receiver: BindAddress) {
        try? Socket.sendDatagram(fileDescriptor, bytes, to: receiver.address)
    }

    /// The same socket once more, for a framework that takes ownership of a descriptor and closes it. Close-on-exec; the
    /// caller owns it. Whether it blocks is one setting of both, as are all options of the socket. dup(2)
    public func duplicate() throws(DaemonError) -> Int32 {
        try attempt(.descriptors, "cannot duplicate the socket of \(address)") { () throws(Errno) in
            try Descriptor.duplicate(fileDescriptor, above: [2])
        }
    }

    /// Makes the queue of clients as long as that, or as the system allows. listen(2) may be called again.
    package func restoreBacklog(_ length: Int32? = nil) {
        if kind == .stream { try? Socket.listen(fileDescriptor, backlog: length ?? Socket.longestBacklog) }
    }

    /// Refuses new connections from now on, where the socket is our own; one that was handed down may have other
    /// processes behind it, and stays as it is.
    public func stopListening() {
        guard !isInherited else { return }
        removeFile()
        if kind == .stream { Socket.stopListening(fileDescriptor) }
    }

    package func removeFile() { file?.remove() }
}
