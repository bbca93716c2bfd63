#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Socket {
    /// One datagram that has come, and its sender, where that has an address. Throws `.wouldBlock` where none waits.
    package static func receiveDatagram(
        _ socket: Int32, into buffer: inout [UInt8]
    ) throws(Errno) -> (count: Int, sender: SocketAddress?) {
        var peer = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let count = unsafe withUnsafeMutablePointer(to: &peer) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe buffer.withUnsafeMutableBytes {
                    unsafe recvfrom(socket, $0.baseAddress, $0.count, dontWait, pointer, &length)
                }
            }
        }
        guard count >= 0 else { throw Errno.current }
        return (count, length == 0 ? nil : SocketAddress(peer, length: length))
    }

    /// Sends one datagram, without waiting.
    package static func sendDatagram(
        _ socket: Int32, _ bytes: borrowing Span<UInt8>, to address: SocketAddress
    ) throws(Errno) {
        try address.checkLength()
        let count = unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe address.withSockaddr { pointer, length in
                unsafe sendto(socket, bytes.baseAddress, bytes.count, flags, pointer, length)
            }
        }
        guard count >= 0 else { throw Errno.current }
    }
}
