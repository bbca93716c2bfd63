import Hummingbird

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The address that Hummingbird binds to instead of the daemon's: a Unix socket in a directory for our eyes only, whose
/// name is removed as soon as it is bound.
///
/// Where no directory can be made, for instance in a read-only root, it is a name without a file, on Linux. Others on the
/// machine may then connect to it, and wait in its queue for good: it is never read.
struct Seat: Sendable {
    private let directory: String?
    let address: Hummingbird.BindAddress

    init() {
        var template = Array("/tmp/daemonkit-XXXXXX".utf8CString)
        let isMade = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) } != nil
        }
        if isMade {
            let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            directory = path
            address = .unixDomainSocket(path: "\(path)/seat")
        } else {
            directory = nil
            address = .unixDomainSocket(path: "\0daemonkit-\(getpid())-\(UInt64.random(in: 0 ... .max))")
        }
    }

    /// Removes the name.
    func vacate() {
        guard let directory else { return }
        unlink("\(directory)/seat")
        rmdir(directory)
    }
}
