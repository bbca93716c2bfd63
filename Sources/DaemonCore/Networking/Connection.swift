import Unix

/// A client of a stream listener: a socket that does not block, closed with this value.
public struct Connection: ~Copyable, Sendable {
    private let socket: FileDescriptor

    package init(_ socket: consuming FileDescriptor) { self.socket = socket }

    /// Borrowed: the connection closes it. Non-blocking and close-on-exec.
    public var fileDescriptor: Int32 { socket.number }

    /// Reads what has come: how many bytes, 0 at the end of the stream, nil where nothing has come yet.
    public func read(into buffer: inout [UInt8]) throws(DaemonError) -> Int? {
        do {
            return try Descriptor.read(socket.number, into: &buffer)
        } catch .wouldBlock {
            return nil
        } catch {
            throw DaemonError(.connection, "cannot read from a client", error)
        }
    }

    /// Sends as much as there is room for, and says how many bytes that were.
    public func write(_ bytes: borrowing Span<UInt8>) throws(DaemonError) -> Int {
        do {
            return try Socket.send(socket.number, bytes)
        } catch .wouldBlock {
            return 0
        } catch {
            throw DaemonError(.connection, "cannot write to a client", error)
        }
    }

    /// Tells the client that no more will come; what it still sends can be read.
    public func endWriting() { Socket.shutdownWriting(socket.number) }

    /// Gives the descriptor away: the caller closes it.
    public consuming func release() -> Int32 { socket.release() }
}
