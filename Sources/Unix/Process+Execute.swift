#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension CurrentProcess {
    /// Replaces this process's image; returns the reason when that fails. `check` is asked at the last moment: false
    /// leaves everything as it is, with ESTALE. execve(2)
    package static func execute(
        _ path: String, _ arguments: [String], environment: [[UInt8]], if check: () -> Bool = { true }
    ) -> Errno {
        unsafe Spawn.withCStrings(arguments) { argv in
            unsafe Spawn.withCStrings(environment) { envp in
                guard check() else { return .stale }
                unsafe execve(path, argv, envp)
                return .current
            }
        }
    }
}
