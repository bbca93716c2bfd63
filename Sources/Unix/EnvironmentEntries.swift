import CUnix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Environment {
    /// Every variable as the bytes of `NAME=value`, unchanged: a String would repair what is not UTF-8. environ(7)
    package static var entries: [[UInt8]] {
        // clearenv(3) leaves no list at all.
        #if os(Linux)
        let list = unsafe cunix_environ()
        #else
        let list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe environ
        #endif
        guard var next = unsafe list else { return [] }
        var entries: [[UInt8]] = []
        while let text = unsafe next.pointee {
            unsafe entries.append(Array(UnsafeRawBufferPointer(start: text, count: strlen(text))))
            unsafe next += 1
        }
        return entries
    }
}
