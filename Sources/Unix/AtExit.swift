import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// exit(3)'s handlers, for one closure of this process: a child that was forked and exits does not run it.
package enum AtExit {
    private static let action = Mutex<(@Sendable () -> Void)?>(nil)
    private static let owner = Atomic<pid_t>(0)

    package static func run(_ body: @escaping @Sendable () -> Void) {
        action.withLock { $0 = body }
        owner.store(getpid(), ordering: .relaxed)
        atexit {
            guard AtExit.owner.load(ordering: .relaxed) == getpid() else { return }
            AtExit.action.withLock { $0 }?()
        }
    }
}
