#if canImport(Darwin)
import Darwin

/// Darwin's datagrams do not tell their sender.
extension Socket {
    package static func askForCredentials(_ socket: Int32) throws(Errno) {}

    /// One datagram into `buffer`, its length, and 0. Throws `.wouldBlock` when none waits.
    package static func receive(
        _ socket: Int32, into buffer: inout [UInt8]
    ) throws(Errno) -> (count: Int, sender: ProcessID) {
        var count = 0
        unsafe buffer.withUnsafeMutableBytes { bytes in
            repeat {
                count = unsafe recv(socket, bytes.baseAddress, bytes.count, MSG_DONTWAIT)
            } while count == -1 && errno == EINTR
        }
        guard count >= 0 else { throw .current }
        return (count, 0)
    }
}

extension CurrentProcess {
    package static func parent(of pid: ProcessID) -> ProcessID? { nil }
    package static var children: [ProcessID] { [] }
}
#endif
