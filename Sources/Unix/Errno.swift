#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The reason that the system gave for a failed call, errno(3).
package struct Errno: Error, Hashable, RawRepresentable, Sendable, CustomStringConvertible {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    /// The calling thread's errno.
    package static var current: Errno { Errno(rawValue: errno) }

    package static let notPermitted = Errno(rawValue: EPERM)
    package static let noSuchFile = Errno(rawValue: ENOENT)
    package static let noSuchProcess = Errno(rawValue: ESRCH)
    package static let interrupted = Errno(rawValue: EINTR)
    package static let badDescriptor = Errno(rawValue: EBADF)
    package static let wouldBlock = Errno(rawValue: EAGAIN)
    package static let permissionDenied = Errno(rawValue: EACCES)
    package static let busy = Errno(rawValue: EBUSY)
    package static let fileExists = Errno(rawValue: EEXIST)
    package static let notADirectory = Errno(rawValue: ENOTDIR)
    package static let isDirectory = Errno(rawValue: EISDIR)
    package static let invalidArgument = Errno(rawValue: EINVAL)
    package static let noSpace = Errno(rawValue: ENOSPC)
    package static let readOnly = Errno(rawValue: EROFS)
    package static let timedOut = Errno(rawValue: ETIMEDOUT)
    package static let brokenPipe = Errno(rawValue: EPIPE)
    package static let symbolicLinkLoop = Errno(rawValue: ELOOP)
    package static let nameTooLong = Errno(rawValue: ENAMETOOLONG)
    package static let noSystemCall = Errno(rawValue: ENOSYS)
    package static let addressInUse = Errno(rawValue: EADDRINUSE)
    package static let connectionRefused = Errno(rawValue: ECONNREFUSED)
    package static let addressFamilyNotSupported = Errno(rawValue: EAFNOSUPPORT)
    package static let addressNotAvailable = Errno(rawValue: EADDRNOTAVAIL)
    package static let wrongProtocol = Errno(rawValue: EPROTOTYPE)
    package static let connectionAborted = Errno(rawValue: ECONNABORTED)
    package static let tooManyOpenFiles = Errno(rawValue: EMFILE)
    package static let tooManyOpenFilesInSystem = Errno(rawValue: ENFILE)
    package static let notExecutable = Errno(rawValue: ENOEXEC)
    package static let stale = Errno(rawValue: ESTALE)
    package static let noBufferSpace = Errno(rawValue: ENOBUFS)
    package static let outOfMemory = Errno(rawValue: ENOMEM)
    package static let messageTooLong = Errno(rawValue: EMSGSIZE)
    package static let notADevice = Errno(rawValue: ENXIO)
    package static let notSupported = Errno(rawValue: EOPNOTSUPP)

    package var description: String {
        guard let text = unsafe strerror(rawValue) else { return "errno \(rawValue)" }
        return unsafe String(cString: text)
    }
}

/// Calls again while a signal interrupts; -1 becomes the thread's errno.
@inline(__always)
func checked(retrying: Bool = true, _ call: () -> Int32) throws(Errno) -> Int32 {
    while true {
        let result = call()
        if result != -1 { return result }
        let error = Errno.current
        if error != .interrupted || !retrying { throw error }
    }
}
