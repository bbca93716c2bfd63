import CUnix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An open file, closed at the end of its life. Everything is opened close-on-exec.
package struct FileDescriptor: ~Copyable, Sendable {
    package let number: Int32

    /// Takes ownership of the descriptor.
    package init(owning number: Int32) { self.number = number }

    deinit { close(number) }

    /// Gives the number up without closing it: the caller owns it now.
    package consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }
}

package struct OpenOptions: OptionSet, Sendable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let readWrite = OpenOptions(rawValue: O_RDWR)
    package static let writeOnly = OpenOptions(rawValue: O_WRONLY)
    package static let create = OpenOptions(rawValue: O_CREAT)
    package static let truncate = OpenOptions(rawValue: O_TRUNC)
    package static let exclusive = OpenOptions(rawValue: O_EXCL)
    package static let append = OpenOptions(rawValue: O_APPEND)
    package static let noFollow = OpenOptions(rawValue: O_NOFOLLOW)
    package static let nonBlocking = OpenOptions(rawValue: O_NONBLOCK)
    package static let directory = OpenOptions(rawValue: O_DIRECTORY)
    package static let noControllingTerminal = OpenOptions(rawValue: O_NOCTTY)
    /// A directory to find names in, which need not be readable.
    static let onlyNames = OpenOptions(rawValue: SystemCall.onlyNames)
}

extension FileDescriptor {
    /// open(2), always with O_CLOEXEC, in `directory` where the path is relative.
    package static func open(
        _ path: String, in directory: Int32 = AT_FDCWD, _ options: OpenOptions, mode: mode_t = 0o600
    ) throws(Errno) -> FileDescriptor {
        FileDescriptor(
            owning: try checked { unsafe openat(directory, path, options.rawValue | O_CLOEXEC, mode) })
    }

    /// pipe2(2), both ends close-on-exec.
    package static func pipe() throws(Errno) -> Pipe {
        var ends: [Int32] = [-1, -1]
        _ = try checked { SystemCall.pipe(&ends) }
        return Pipe(read: FileDescriptor(owning: ends[0]), write: FileDescriptor(owning: ends[1]))
    }
}

/// Both ends of a pipe(7).
package struct Pipe: ~Copyable, Sendable {
    package let read: FileDescriptor
    package let write: FileDescriptor

    /// Gives both numbers up without closing them.
    package consuming func release() -> (read: Int32, write: Int32) { (read.release(), write.release()) }
}

/// Calls on a descriptor that somebody else owns.
package enum Descriptor {
    package static let currentDirectory = AT_FDCWD

    /// Makes `target` a close-on-exec copy of `source` in one step; what `target` was is closed. dup3(2).
    package static func duplicate(_ source: Int32, onto target: Int32) throws(Errno) {
        guard source != target else { return }
        _ = try checked { SystemCall.duplicate(source, onto: target) }
    }

    /// A close-on-exec copy with a number above all of these; the caller owns it.
    package static func duplicate(_ source: Int32, above numbers: Set<Int32>) throws(Errno) -> Int32 {
        let lowest = (numbers.max() ?? 0).addingSaturated(1)
        return try checked { fcntl(source, F_DUPFD_CLOEXEC, lowest) }
    }

    /// The same for one of the standard descriptors, which children inherit.
    package static func duplicate(_ source: Int32, ontoStandard target: Int32) throws(Errno) {
        guard source != target else { return }
        _ = try checked { dup2(source, target) }
    }

    package static func setCloseOnExec(_ number: Int32, _ on: Bool) throws(Errno) {
        _ = try checked { fcntl(number, F_SETFD, on ? FD_CLOEXEC : 0) }
    }

    package static func isCloseOnExec(_ number: Int32) throws(Errno) -> Bool {
        try checked { fcntl(number, F_GETFD) } & FD_CLOEXEC != 0
    }

    /// What is behind the descriptor, as the system names it: a path, `socket:[12345]`; nil where it names nothing.
    package static func target(_ number: Int32) -> String? {
        #if os(Linux)
        Files.linkTarget("/proc/self/fd/\(number)")
        #else
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let isFile = unsafe buffer.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return false }
            return unsafe fcntl(number, F_GETPATH, base) != -1
        }
        guard isFile else { return (try? FileStatus(descriptor: number))?.kind.rawValue }
        return String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
        #endif
    }

    package static func setNonBlocking(_ number: Int32, _ on: Bool) throws(Errno) {
        let flags = try checked { fcntl(number, F_GETFL) }
        _ = try checked { fcntl(number, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) }
    }

    /// Gives a pipe room for so many bytes, where the system lets us; a larger one stays. F_SETPIPE_SZ
    package static func enlargePipe(_ number: Int32, to size: Int32) {
        let now = SystemCall.pipeSize(number)
        if now > 0, now < size { _ = SystemCall.setPipeSize(number, size) }
    }

    package static func isOpen(_ number: Int32) -> Bool { fcntl(number, F_GETFD) != -1 }

    /// One write(2), again only when interrupted: the count may be short.
    package static func write(_ number: Int32, _ bytes: borrowing Span<UInt8>) throws(Errno) -> Int {
        while true {
            let count = unsafe bytes.withUnsafeBufferPointer { unsafe Self.writeOnce(number, $0) }
            if count >= 0 { return count }
            let error = Errno.current
            if error != .interrupted { throw error }
        }
    }

    private static func writeOnce(_ number: Int32, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        #if canImport(Glibc)
        unsafe Glibc.write(number, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
        unsafe Musl.write(number, bytes.baseAddress, bytes.count)
        #else
        unsafe Darwin.write(number, bytes.baseAddress, bytes.count)
        #endif
    }

    /// Writes all of it, or throws.
    package static func writeAll(_ number: Int32, _ text: String) throws(Errno) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            // bounded: a call takes no more than it is given
            sent += try write(number, bytes.span.extracting(sent..<bytes.count))
        }
    }

    /// read(2) into `buffer`: the count, 0 at the end of the file.
    package static func read(_ number: Int32, into buffer: inout [UInt8]) throws(Errno) -> Int {
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                #if canImport(Glibc)
                unsafe Glibc.read(number, bytes.baseAddress, bytes.count)
                #elseif canImport(Musl)
                unsafe Musl.read(number, bytes.baseAddress, bytes.count)
                #else
                unsafe Darwin.read(number, bytes.baseAddress, bytes.count)
                #endif
            }
            if count >= 0 { return count }
            let error = Errno.current
            if error != .interrupted { throw error }
        }
    }

    /// Reads from `start` on to the end, at most `limit` bytes, without moving the file's offset: proc(5) gives no more
    /// than a page at a time, other file systems less than was asked for.
    package static func contents(of number: Int32, from start: Int64 = 0, limit: Int) -> [UInt8] {
        let limit = max(0, limit)
        // bounded: `limit` is not negative
        // bounded: not negative, as the line above says
        return unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            while count < limit, let base = buffer.baseAddress {
                let offset = start.addingSaturated(Int64(count))
                let more = unsafe pread(number, base + count, limit - count, off_t(offset))
                if more == -1 && errno == EINTR { continue }
                guard more > 0 else { return }
                count += more
            }
        }
    }

    package static func truncate(_ number: Int32) throws(Errno) { _ = try checked { ftruncate(number, 0) } }

    package static func setMode(_ number: Int32, _ mode: mode_t) throws(Errno) {
        _ = try checked { fchmod(number, mode) }
    }

    package static func setOwner(_ number: Int32, _ user: UserID, _ group: GroupID) throws(Errno) {
        _ = try checked { fchown(number, user, group) }
    }

    package static func close(_ number: Int32) {
        #if canImport(Glibc)
        _ = Glibc.close(number)
        #elseif canImport(Musl)
        _ = Musl.close(number)
        #else
        _ = Darwin.close(number)
        #endif
    }

    /// Opens /dev/null on each of 0, 1 and 2 that is closed, so that no later open gets such a number.
    package static func fillStandard() throws(Errno) {
        for number: Int32 in 0...2 where !isOpen(number) {
            let null = try FileDescriptor.open("/dev/null", .readWrite).release()
            if null != number {
                try duplicate(null, ontoStandard: number)
                close(null)
            } else {
                try setCloseOnExec(null, false)
            }
        }
    }

    /// Closes every descriptor from 3 on that this process had when its program was loaded, but `kept`: what was opened
    /// since then, before main even, is somebody's.
    package static func closeInherited(except kept: [Int32]) {
        let kept = Set(kept)
        var next = cunix_inherited(3)
        while next >= 0 {
            let first = next
            next = cunix_inherited(first.addingSaturated(1))
            if kept.contains(first) { continue }
            var last = first
            while next == last.addingSaturated(1), !kept.contains(next) {
                last = next
                next = cunix_inherited(last.addingSaturated(1))
            }
            closeRange(UInt32(first), UInt32(last))  // bounded: descriptors are not negative
        }
    }

    /// Closes every descriptor from 3 on but `kept`; the cost does not depend on RLIMIT_NOFILE. close_range(2).
    package static func closeAll(except kept: [Int32]) {
        var first: UInt32 = 3
        for number in kept.sorted() where number >= 3 {
            let number = UInt32(number)  // bounded: descriptors are not negative
            if number > first { closeRange(first, number - 1) }  // bounded: descriptors are not negative
            first = max(first, number + 1)  // bounded: descriptors are not negative
        }
        closeRange(first, .max)
    }

    private static func closeRange(_ first: UInt32, _ last: UInt32) {
        guard SystemCall.closeRange(first, last) == -1 else { return }
        // bounded: descriptors are not negative
        for number in openNumbers() where UInt32(number) >= first && UInt32(number) <= last { close(number) }
    }

    /// What is open now, from the system's own list.
    package static func openNumbers() -> [Int32] {
        #if os(Linux)
        let directory = "/proc/self/fd"
        #else
        let directory = "/dev/fd"
        #endif
        return Files.names(in: directory).compactMap { Int32($0) }
    }

    /// A flock(2), without waiting: false when another open file holds it. Forked children share it. A shared one is for
    /// who only asks: it keeps off nobody who asks too.
    package static func tryLock(_ number: Int32, shared: Bool = false) throws(Errno) -> Bool {
        do {
            _ = try checked { flock(number, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) }
            return true
        } catch .wouldBlock {
            return false
        }
    }
}
