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

    /// One datagram into `buffer`, its length, and the pid that sent it (0 when the kernel does not say). Descriptors
    /// that came along are closed. Throws `.wouldBlock` when none waits.
    package static func receive(
        _ socket: Int32, into buffer: inout [UInt8]
    ) throws(Errno) -> (count: Int, sender: ProcessID) {
        let (count, sender, _) = try receive(socket, into: &buffer, mostDescriptors: 0)
        return (count, sender)
    }

    /// The same with the descriptors that came along, close-on-exec: the caller owns them. More than `mostDescriptors`
    /// are closed by the kernel.
    package static func receive(
        _ socket: Int32, into buffer: inout [UInt8], mostDescriptors: Int
    ) throws(Errno) -> (count: Int, sender: ProcessID, descriptors: [Int32]) {
        // Room for struct ucred (pid, uid, gid) and, where they are wanted, for descriptors, each behind a header and
        // aligned as a length.
        let header = MemoryLayout<cmsghdr>.size
        let room = header + 16 + (mostDescriptors > 0 ? header + (mostDescriptors * 4 + 7) / 8 * 8 : 0)
        var control = [Int](repeating: 0, count: room / MemoryLayout<Int>.size + 1)
        var (count, used) = (0, 0)
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_CMSG_CLOEXEC)
        unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe control.withUnsafeMutableBytes { control in
                var part = unsafe iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                unsafe withUnsafeMutablePointer(to: &part) { part in
                    var message = unsafe msghdr()
                    unsafe message.msg_iov = part
                    unsafe message.msg_iovlen = 1
                    unsafe message.msg_control = control.baseAddress
                    unsafe message.msg_controllen = .init(room)
                    repeat { count = unsafe recvmsg(socket, &message, flags) } while count == -1 && errno == EINTR
                    used = unsafe Int(message.msg_controllen)
                }
            }
        }
        guard count >= 0 else { throw .current }
        var sender: ProcessID = 0
        var descriptors: [Int32] = []
        unsafe control.withUnsafeBytes { control in
            var offset = 0
            while offset + header <= used {
                let kind = unsafe control.loadUnaligned(fromByteOffset: offset, as: cmsghdr.self)
                let length = Int(kind.cmsg_len)
                guard length >= header, offset + length <= used else { return }
                if kind.cmsg_level == SOL_SOCKET, kind.cmsg_type == credentials {
                    sender = unsafe control.loadUnaligned(fromByteOffset: offset + header, as: ProcessID.self)
                } else if kind.cmsg_level == SOL_SOCKET, kind.cmsg_type == rights {
                    for place in stride(from: offset + header, to: offset + length, by: 4) {
                        descriptors.append(unsafe control.loadUnaligned(fromByteOffset: place, as: Int32.self))
                    }
                }
                offset += (length + 7) / 8 * 8
            }
        }
        return (count, sender, descriptors)
    }

    /// SCM_CREDENTIALS and SCM_RIGHTS
    private static let (credentials, rights): (Int32, Int32) = (2, 1)

    /// Sends one datagram with a descriptor, which stays ours; neither waits nor raises SIGPIPE.
    package static func send(_ socket: Int32, _ bytes: [UInt8], descriptor: Int32) throws(Errno) {
        let header = MemoryLayout<cmsghdr>.size
        var control = [Int](repeating: 0, count: header / MemoryLayout<Int>.size + 1)
        var bytes = bytes
        var count = 0
        unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe control.withUnsafeMutableBytes { control in
                var kind = cmsghdr()
                kind.cmsg_len = .init(header + 4)
                kind.cmsg_level = SOL_SOCKET
                kind.cmsg_type = rights
                unsafe control.storeBytes(of: kind, as: cmsghdr.self)
                unsafe control.storeBytes(of: descriptor, toByteOffset: header, as: Int32.self)
                var part = unsafe iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                unsafe withUnsafeMutablePointer(to: &part) { part in
                    var message = unsafe msghdr()
                    unsafe message.msg_iov = part
                    unsafe message.msg_iovlen = 1
                    unsafe message.msg_control = control.baseAddress
                    unsafe message.msg_controllen = .init(header + 8)
                    repeat { count = unsafe sendmsg(socket, &message, flags) } while count == -1 && errno == EINTR
                }
            }
        }
        guard count >= 0 else { throw .current }
    }
}

extension CurrentProcess {
    /// The parent of a process; nil when it is gone.
    package static func parent(of pid: ProcessID) -> ProcessID? {
        ProcessFacts.words(of: pid).flatMap { $0.count > 1 ? ProcessID($0[1]) : nil }
    }

    /// Our children, those that ended and wait for us among them.
    package static var children: [ProcessID] {
        guard let file = try? FileDescriptor.open("/proc/thread-self/children", []) else { return [] }
        let bytes = Descriptor.contents(of: file.number, limit: 1 << 20)
        return String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { ProcessID($0) }
    }
}
#endif
