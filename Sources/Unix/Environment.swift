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

    /// Takes the variable out: children of this process do not see it.
    package static func take(_ name: String) -> String? {
        guard let value = self[name] else { return nil }
        remove(name)
        return value
    }
}
