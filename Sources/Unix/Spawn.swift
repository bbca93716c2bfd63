import CUnix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Starts another program: posix_spawn(3), never a plain fork.
///
/// The child has an empty signal mask, default dispositions, descriptors 0 to 2 and those declared, and a process
/// group of its own.
package struct Spawn: Sendable {
    package var executable: String
    package var arguments: [String]
    /// The whole environment of the child; nil hands on our own.
    package var environment: [String]?
    /// Number in the child, and the open descriptor of ours behind it.
    package var descriptors: [(child: Int32, ours: Int32)] = []

    package init(_ executable: String, _ arguments: [String], environment: [String]? = nil) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
    }

    package func start() throws(Errno) -> ProcessID {
        #if canImport(Darwin)
        var attributes: posix_spawnattr_t?
        var actions: posix_spawn_file_actions_t?
        #else
        var attributes = posix_spawnattr_t()
        var actions = unsafe posix_spawn_file_actions_t()
        #endif
        unsafe posix_spawnattr_init(&attributes)
        unsafe posix_spawn_file_actions_init(&actions)
        defer {
            unsafe posix_spawnattr_destroy(&attributes)
            unsafe posix_spawn_file_actions_destroy(&actions)
        }
        var none = sigset_t()
        var all = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETPGROUP)
        #if canImport(Darwin)
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags | Int32(POSIX_SPAWN_CLOEXEC_DEFAULT)))
        for number: Int32 in 0...2 { unsafe posix_spawn_file_actions_addinherit_np(&actions, number) }
        #else
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        #endif
        // A descriptor of ours that has a number wanted in the child would be overwritten before its turn.
        let wanted = Set(descriptors.map(\.child))
        var moved: [Int32] = []
        defer { for number in moved { Descriptor.close(number) } }
        for (child, ours) in descriptors {
            var source = ours
            if ours != child && wanted.contains(ours) {
                source = try Descriptor.duplicate(ours, above: wanted)
                moved.append(source)
            }
            unsafe posix_spawn_file_actions_adddup2(&actions, source, child)
        }
        // Also what a library left open without close-on-exec stays ours.
        let last = max(2, wanted.max() ?? 2)
        for number in 3..<max(3, last) where !wanted.contains(number) {
            unsafe posix_spawn_file_actions_addclose(&actions, number)
        }
        #if canImport(Glibc)
        unsafe posix_spawn_file_actions_addclosefrom_np(&actions, last + 1)
        #elseif canImport(Musl)
        for number in Descriptor.openNumbers() where number > last {
            unsafe posix_spawn_file_actions_addclose(&actions, number)
        }
        #endif

        var pid: pid_t = 0
        let error = unsafe Self.withCStrings([executable] + arguments) { argv in
            if let environment {
                return unsafe Self.withCStrings(environment) { envp in
                    unsafe posix_spawn(&pid, executable, &actions, &attributes, argv, envp)
                }
            }
            return unsafe posix_spawn(&pid, executable, &actions, &attributes, argv, environ)
        }
        guard error == 0 else { throw Errno(rawValue: error) }
        return pid
    }

    private static func withCStrings(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32
    ) -> Int32 {
        var pointers = unsafe strings.map { unsafe strdup($0) } + [nil]
        defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
        return unsafe pointers.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return EINVAL }
            return unsafe body(base)
        }
    }
}
