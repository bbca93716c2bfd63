#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Signal {
    /// The address of what handles the signal now: tells one handler from another. sigaction(2)
    package var handler: Int {
        var action = sigaction()
        guard unsafe sigaction(rawValue, nil, &action) == 0 else { return 0 }
        // Everywhere the handler stands first in the structure, whichever of its two types it has.
        return unsafe withUnsafeBytes(of: action) { unsafe $0.loadUnaligned(as: Int.self) }
    }
}
