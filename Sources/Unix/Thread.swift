#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

#if canImport(Dispatch)
import Dispatch
#endif

/// Threads of our own, and the hand-over of the first one to Dispatch.
package enum Thread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a detached thread with a small stack. pthread_create(3).
    package static func start(stackSize: Int = 256 * 1024, _ run: @escaping @Sendable () -> Void) throws(Errno) {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setstacksize(&attributes, stackSize)
        unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let body = unsafe Unmanaged.passRetained(Body(run))
        #if os(Linux)
        var thread = pthread_t()
        #else
        var thread: pthread_t?
        #endif
        let error = unsafe pthread_create(
            &thread, &attributes,
            { argument in
                #if os(Linux)
                guard let argument = unsafe argument else { return nil }
                #endif
                unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        guard error == 0 else {
            unsafe body.release()
            throw Errno(rawValue: error)
        }
    }

    /// Runs the main queue, and with it the main actor, on the calling (first) thread.
    package static func runMainQueue() -> Never {
        dispatchMain()
    }
}
