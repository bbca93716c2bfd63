public import DaemonKit
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension Context {
    /// How many event loops suit this process: the processors, shared out among the workers.
    public var eventLoopCount: Int { max(1, System.coreCount / max(1, workerCount)) }

    /// Gives SwiftNIO's shared event loops (`MultiThreadedEventLoopGroup.singleton`) that number, where
    /// `NIO_SINGLETON_GROUP_LOOP_COUNT` is not in the environment already. Call it before anything uses them; later it
    /// has no effect.
    public func sizeEventLoops() {
        // NIOSingletons.groupLoopCountSuggestion ends the process where they are in use; the variable does not.
        setenv("NIO_SINGLETON_GROUP_LOOP_COUNT", "\(eventLoopCount)", 0)
    }
}
