/// A copy of this process for calls that may wait for ever. fork(2), by the only thread of a master.
package enum HelperProcess {
    /// The copy has descriptors 0 to 2 and those in `kept`, does `body` and ends. It is in a group of its own, dies with
    /// this process (Linux only), and of all signals only KILL reaches it.
    package static func start(keeping kept: [Int32], _ body: () -> Void) throws(Errno) -> ProcessID {
        try Signal.withAllBlocked { () throws(Errno) in
            switch try CurrentProcess.fork() {
            case .parent(let pid): return pid
            case .child:
                dieWithParent()
                CurrentProcess.leadGroup()
                Descriptor.closeAll(except: kept)
                body()
                CurrentProcess.exitNow(0)
            }
        }
    }

    private static func dieWithParent() {
        #if os(Linux)
        _ = SystemCall.setDeathSignal(Signal.kill.rawValue)
        #endif
    }
}
