#if canImport(Glibc)
@unsafe @preconcurrency import Glibc
#elseif canImport(Musl)
@unsafe @preconcurrency import Musl
#else
@unsafe @preconcurrency import Darwin
#endif

/// The C library's buffers of standard output, where `print` writes.
package enum StandardStreams {
    /// From now on each line goes out when it is whole, also into a file or a pipe: otherwise it would come kilobytes
    /// later, and be lost at a crash. setvbuf(3)
    package static func bufferLines() {
        flush()
        unsafe setvbuf(stdout, nil, _IOLBF, 0)
    }

    /// What is buffered goes out now: before a fork, which would copy it, and before the descriptor becomes another file.
    package static func flush() { fflush(nil) }
}
