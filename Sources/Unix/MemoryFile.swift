#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file without a name that hands bytes over an exec(3): sealed against changes where the system can.
package enum MemoryFile {
    /// Close-on-exec.
    package static func make(_ name: String, _ bytes: [UInt8]) throws(Errno) -> FileDescriptor {
        let file = FileDescriptor(owning: try checked { SystemCall.memoryFile(name) })
        var written = 0
        while written < bytes.count {
            // bounded: a call takes no more than it is given
            written += try Descriptor.write(file.number, bytes.span.extracting(written..<bytes.count))
        }
        _ = try checked { SystemCall.seal(file.number) }
        return file
    }

    /// Whether the descriptor is such a file, made by a process of our user: nobody has changed it since, nobody can.
    package static func isOurs(_ number: Int32) -> Bool {
        guard let status = try? FileStatus(descriptor: number) else { return false }
        return status.kind == .regular && status.links == 0 && status.owner == CurrentProcess.userID
            && SystemCall.isSealed(number)
    }
}
