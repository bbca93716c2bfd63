#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A sign on a file that others can look for, and that goes with the process: a read lock on the last byte that a file
/// can have. It needs no right to write, and has nothing to do with flock(2). F_OFD_SETLK, fcntl(2)
package enum FileMark {
    /// F_OFD_GETLK and F_OFD_SETLK, which glibc shows to programs for GNU only.
    private static let (getLock, setLock): (Int32, Int32) = (36, 37)

    private static func lock(_ type: Int32) -> flock {
        var lock = flock()
        lock.l_type = Int16(clamping: type)
        lock.l_whence = Int16(clamping: SEEK_SET)
        lock.l_start = .max - 1
        lock.l_len = 1
        return lock
    }

    /// Stays until every copy of the descriptor is closed. False where the system has no such locks.
    @discardableResult
    package static func set(_ descriptor: Int32) -> Bool {
        #if os(Linux)
        var lock = lock(F_RDLCK)
        return unsafe fcntl(descriptor, setLock, &lock) == 0
        #else
        return false
        #endif
    }

    /// Whether somebody has set it; nil where that cannot be told.
    package static func isSet(_ descriptor: Int32) -> Bool? {
        #if os(Linux)
        var lock = lock(F_WRLCK)
        guard unsafe fcntl(descriptor, getLock, &lock) == 0 else { return nil }
        return lock.l_type != Int16(clamping: F_UNLCK)
        #else
        return nil
        #endif
    }
}
