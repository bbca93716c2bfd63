#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Descriptor {
    /// As many bytes as a pipe takes whole, so that no other writer's bytes come between them. pipe(7)
    package static let wholeInPipe = Int(PIPE_BUF)

    /// Writes what there is room for, and does not wait for more, whatever the flags of the open file are: others may
    /// share them, so that they are not ours to change. Throws `.wouldBlock` where there is no room.
    package static func writeNow(_ number: Int32, _ bytes: borrowing Span<UInt8>) throws(Errno) -> Int {
        let bytes = bytes.extracting(first: wholeInPipe)
        let count = unsafe bytes.withUnsafeBufferPointer { unsafe SystemCall.writeNow(number, $0) }
        if count >= 0 { return Int(count) }
        let error = Errno.current
        guard [.notSupported, .noSystemCall, .invalidArgument].contains(error) else { throw error }
        // A terminal, or an old kernel: what is asked for room says yes when a whole page fits into a pipe.
        guard Poll.writable(number, timeout: .zero) else { throw .wouldBlock }
        return try write(number, bytes)
    }
}

extension ArraySlice<UInt8> {
    /// Where the first of these bytes is. memchr(3)
    package func firstPlace(of byte: UInt8) -> Int? {
        unsafe withUnsafeBytes { bytes in
            // bounded: of the same width
            guard let base = bytes.baseAddress, let found = unsafe memchr(base, Int32(byte), bytes.count) else {
                return nil
            }
            return unsafe startIndex + UnsafeRawPointer(found).distance(from: base)
        }
    }
}

extension UnsafeRawPointer {
    fileprivate func distance(from base: UnsafeRawPointer) -> Int { unsafe self - base }
}
