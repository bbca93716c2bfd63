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
        // struct cmsghdr (a length, level and type), then struct ucred (pid, uid, gid), aligned as a length.
        let header = MemoryLayout<cmsghdr>.size
        var control = [Int](repeating: 0, count: 16)
        var count = 0
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_CMSG_CLOEXEC)
        unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe control.withUnsafeMutableBytes { control in
                var part = unsafe iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                unsafe withUnsafeMutablePointer(to: &part) { part in
                    var message = unsafe msghdr()
                    unsafe message.msg_iov = part
                    unsafe message.msg_iovlen = 1
                    unsafe message.msg_control = control.baseAddress
                    // Room for the credentials alone: descriptors do not fit, and the kernel closes them.
                    unsafe message.msg_controllen = .init(header + 16)
                    repeat { count = unsafe recvmsg(socket, &message, flags) } while count == -1 && errno == EINTR
                }
            }
        }
        guard count >= 0 else { throw .current }
        return unsafe control.withUnsafeBytes { control in
            let kind = unsafe control.loadUnaligned(as: cmsghdr.self)
            let credentials: Int32 = 2  // SCM_CREDENTIALS
            guard kind.cmsg_level == SOL_SOCKET, kind.cmsg_type == credentials else { return (count, 0) }
            return unsafe (count, control.loadUnaligned(fromByteOffset: header, as: ProcessID.self))
        }
    }
}

extension CurrentProcess {
    /// The parent of a process; nil when it is gone.
    package static func parent(of pid: ProcessID) -> ProcessID? {
        guard let file = try? FileDescriptor.open("/proc/\(pid)/stat", []) else { return nil }
        let text = String(decoding: Descriptor.contents(of: file.number, limit: 512), as: UTF8.self)
        // The name in parentheses may hold anything, also parentheses.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let words = text[text.index(after: end)...].split(separator: " ")
        return words.count > 1 ? ProcessID(words[1]) : nil
    }

    /// Our children, those that ended and wait for us among them.
    package static var children: [ProcessID] {
        guard let file = try? FileDescriptor.open("/proc/thread-self/children", []) else { return [] }
        let bytes = Descriptor.contents(of: file.number, limit: 1 << 20)
        return String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { ProcessID($0) }
    }
}
#endif
