#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The environment of the calling process. Changed only while there is one thread.
package enum Environment {
    package static subscript(name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    package static func set(_ name: String, _ value: String) { unsafe setenv(name, value, 1) }

    package static func remove(_ name: String) { unsafe unsetenv(name) }

    /// Of bytes without a zero.
    package static func set(_ name: some Sequence<UInt8>, _ value: some Sequence<UInt8>) {
        unsafe withText(name) { name in unsafe withText(value) { value in unsafe setenv(name, value, 1) } }
    }

    package static func remove(_ name: some Sequence<UInt8>) { unsafe withText(name) { unsafe unsetenv($0) } }

    @discardableResult
    private static func withText(_ bytes: some Sequence<UInt8>, _ body: (UnsafePointer<CChar>) -> Int32) -> Int32 {
        let text = bytes.map { CChar(bitPattern: $0) } + [0]
        return unsafe text.withUnsafeBufferPointer { text in unsafe text.baseAddress.map { unsafe body($0) } ?? -1 }
    }

    /// Takes the variable out: children of this process do not see it.
    package static func take(_ name: String) -> String? {
        guard let value = self[name] else { return nil }
        remove(name)
        return value
    }
}
