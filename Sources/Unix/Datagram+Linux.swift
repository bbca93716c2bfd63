#if os(Linux)
#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Datagrams whose sender the kernel vouches for: SCM_CREDENTIALS, unix(7).
extension Socket {
    /// From now on every datagram tells who sent it.
    package static func askForCredentials(_ socket: Int32) throws(Errno) {
        var on: Int32 = 1
        _ = try checked { unsafe setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, socklen_t(MemoryLayout<Int32>.size)) }
    }

    /// Nobody can send descriptors to this Unix socket, nor to the connections of this listener: their senders get
    /// EPERM. False before Linux 6.16. SO_PASSRIGHTS
    @discardableResult
    package static func refuseDescriptors(_ socket: Int32) -> Bool {
        var off: Int32 = 0
        return unsafe setsockopt(socket, SOL_SOCKET, passRights, &off, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    private static let passRights: Int32 = 83

    /// Whether the system has that.
    package static let canRefuseDescriptors: Bool = {
        guard let (one, other) = try? pair() else { return false }
        defer { for end in [one, other] { Descriptor.close(end) } }
        return refuseDescriptors(one)
    }()

    /// read(2) of a Unix stream that comes from somebody who is trusted with nothing. Throws `.notPermitted` where he has
    /// sent descriptors and nothing has refused them: the kernel would close them here, and that may take its time.
    package static func read(
        _ socket: Int32, into buffer: inout [UInt8], looksFirst: Bool = !canRefuseDescriptors
    ) throws(Errno) -> Int {
        guard looksFirst else { return try Descriptor.read(socket, into: &buffer) }
        let first = try receive(socket, into: &buffer, hasRoom: false, mostDescriptors: 0, flags: Int32(MSG_PEEK))
        guard !first.leavesDescriptors else { throw .notPermitted }
        // No more than what was seen: what came behind it may have brought some.
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(socket, $0.baseAddress, first.count, dontWait) }
        guard count >= 0 else { throw .current }
        return count
    }

    /// One datagram into `buffer`, its length, and the pid that sent it (0 when the kernel does not say). Descriptors
    /// that came along are closed by the kernel, which may take its time: not for a master. Throws `.wouldBlock` when
    /// none waits.
    package static func receive(
        _ socket: Int32, into buffer: inout [UInt8]
    ) throws(Errno) -> (count: Int, sender: ProcessID) {
        let message = try receive(socket, into: &buffer, mostDescriptors: 0, flags: 0)
        return (message.count, message.sender)
    }

    /// Looks at the first datagram that waits, which stays. Nothing is closed by that, whatever came along: the queue
    /// has it too. Throws `.wouldBlock` when none waits.
    package static func peek(_ socket: Int32, into buffer: inout [UInt8]) throws(Errno) -> Datagram {
        try receive(socket, into: &buffer, mostDescriptors: 0, flags: Int32(MSG_PEEK))
    }

    /// Receives with the descriptors that came along, close-on-exec: the caller owns them. The kernel closes more than
    /// `mostDescriptors`.
    package static func receive(
        _ socket: Int32, into buffer: inout [UInt8], mostDescriptors: Int
    ) throws(Errno) -> Datagram {
        try receive(socket, into: &buffer, mostDescriptors: mostDescriptors, flags: 0)
    }

    /// As many as one datagram can bring. SCM_MAX_FD
    package static let mostDescriptors = 253

    private static func receive(
        _ socket: Int32, into buffer: inout [UInt8], hasRoom: Bool = true, mostDescriptors: Int, flags: Int32
    ) throws(Errno) -> Datagram {
        // Room for struct ucred (pid, uid, gid) and, where they are wanted, for descriptors, each behind a header and
        // aligned as a length. Without credentials that room would be one for descriptors.
        let header = MemoryLayout<cmsghdr>.size
        // bounded: lengths of one message, which the kernel writes
        let descriptors = mostDescriptors > 0 ? header + (mostDescriptors * 4 + 7) / 8 * 8 : 0
        let room = hasRoom ? header + 16 + descriptors : 0
        // bounded: lengths of one message, which the kernel writes
        var control = [Int](repeating: 0, count: room / MemoryLayout<Int>.size + 1)
        var (count, used, told) = (0, 0, Int32(0))
        let flags = flags | dontWait | closeOnExec
        unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe control.withUnsafeMutableBytes { control in
                var part = unsafe iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                unsafe withUnsafeMutablePointer(to: &part) { part in
                    var message = unsafe msghdr()
                    unsafe message.msg_iov = part
                    unsafe message.msg_iovlen = 1
                    unsafe message.msg_control = control.baseAddress
                    // bounded: lengths of one message, which the kernel writes
                    unsafe message.msg_controllen = .init(room)
                    repeat { count = unsafe recvmsg(socket, &message, flags) } while count == -1 && errno == EINTR
                    used = unsafe Int(message.msg_controllen)
                    told = unsafe message.msg_flags
                }
            }
        }
        guard count >= 0 else { throw .current }
        var datagram = Datagram(count: count)
        datagram.isCut = told & Int32(MSG_TRUNC) != 0
        datagram.leavesDescriptors = told & Int32(MSG_CTRUNC) != 0
        unsafe control.withUnsafeBytes { control in
            var offset = 0
            while offset + header <= used {
                // bounded: lengths of one message, which the kernel writes
                let kind = unsafe control.loadUnaligned(fromByteOffset: offset, as: cmsghdr.self)
                let length = Int(kind.cmsg_len)
                guard length >= header, offset + length <= used else { return }
                if kind.cmsg_level == SOL_SOCKET, kind.cmsg_type == credentials, length >= header + 8 {
                    let (first, second) = (offset + header, offset + header + 4)
                    // bounded: lengths of one message, which the kernel writes
                    datagram.sender = unsafe control.loadUnaligned(fromByteOffset: first, as: ProcessID.self)
                    // bounded: lengths of one message, which the kernel writes
                    datagram.user = unsafe control.loadUnaligned(fromByteOffset: second, as: UserID.self)
                } else if kind.cmsg_level == SOL_SOCKET, kind.cmsg_type == rights {
                    for place in stride(from: offset + header, through: offset + length - 4, by: 4) {
                        datagram.descriptors.append(
                            // bounded: lengths of one message, which the kernel writes
                            unsafe control.loadUnaligned(fromByteOffset: place, as: Int32.self))
                    }
                }
                offset += (length + 7) / 8 * 8
            }
        }
        return datagram
    }

    private static let closeOnExec = Int32(MSG_CMSG_CLOEXEC)

    /// SCM_CREDENTIALS and SCM_RIGHTS
    private static let (credentials, rights): (Int32, Int32) = (2, 1)

    /// Sends one datagram with a descriptor, which stays ours; neither waits nor raises SIGPIPE.
    package static func send(_ socket: Int32, _ bytes: [UInt8], descriptor: Int32) throws(Errno) {
        let header = MemoryLayout<cmsghdr>.size
        // bounded: lengths of one message, which the kernel writes
        var control = [Int](repeating: 0, count: header / MemoryLayout<Int>.size + 1)
        var bytes = bytes
        var count = 0
        unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe control.withUnsafeMutableBytes { control in
                var kind = cmsghdr()
                kind.cmsg_len = .init(header + 4)  // bounded: lengths of one message, which the kernel writes
                kind.cmsg_level = SOL_SOCKET
                kind.cmsg_type = rights
                // bounded: lengths of one message, which the kernel writes
                unsafe control.storeBytes(of: kind, as: cmsghdr.self)
                // bounded: lengths of one message, which the kernel writes
                unsafe control.storeBytes(of: descriptor, toByteOffset: header, as: Int32.self)
                var part = unsafe iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                unsafe withUnsafeMutablePointer(to: &part) { part in
                    var message = unsafe msghdr()
                    unsafe message.msg_iov = part
                    unsafe message.msg_iovlen = 1
                    unsafe message.msg_control = control.baseAddress
                    // bounded: lengths of one message, which the kernel writes
                    unsafe message.msg_controllen = .init(header + 8)
                    repeat { count = unsafe sendmsg(socket, &message, flags) } while count == -1 && errno == EINTR
                }
            }
        }
        guard count >= 0 else { throw .current }
    }
}
#endif
