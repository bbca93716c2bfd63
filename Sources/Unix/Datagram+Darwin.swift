#if canImport(Darwin)
import Darwin

/// Darwin's datagrams do not tell their sender.
extension Socket {
    package static func askForCredentials(_ socket: Int32) throws(Errno) {}

    @discardableResult
    package static func refuseDescriptors(_ socket: Int32) -> Bool { false }

    package static let canRefuseDescriptors = false

    package static func read(_ socket: Int32, into buffer: inout [UInt8]) throws(Errno) -> Int {
        try Descriptor.read(socket, into: &buffer)
    }

    /// One datagram into `buffer`, its length, and 0. Throws `.wouldBlock` when none waits.
    package static func receive(
        _ socket: Int32, into buffer: inout [UInt8]
    ) throws(Errno) -> (count: Int, sender: ProcessID) {
        (try receive(socket, into: &buffer, flags: 0).count, 0)
    }

    package static func peek(_ socket: Int32, into buffer: inout [UInt8]) throws(Errno) -> Datagram {
        try receive(socket, into: &buffer, flags: MSG_PEEK)
    }

    /// Descriptors are not taken: what could not say who sent them could not be trusted with them.
    package static func receive(
        _ socket: Int32, into buffer: inout [UInt8], mostDescriptors: Int
    ) throws(Errno) -> Datagram {
        try receive(socket, into: &buffer, flags: 0)
    }

    package static let mostDescriptors = 253

    private static func receive(_ socket: Int32, into buffer: inout [UInt8], flags: Int32) throws(Errno) -> Datagram {
        var count = 0
        unsafe buffer.withUnsafeMutableBytes { bytes in
            repeat {
                count = unsafe recv(socket, bytes.baseAddress, bytes.count, MSG_DONTWAIT | flags)
            } while count == -1 && errno == EINTR
        }
        guard count >= 0 else { throw .current }
        return Datagram(count: count)
    }

    /// There is no service manager here that would take one.
    package static func send(_ socket: Int32, _ bytes: [UInt8], descriptor: Int32) throws(Errno) {
        throw .noSystemCall
    }
}
#endif
