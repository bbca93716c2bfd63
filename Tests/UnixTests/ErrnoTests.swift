import Synchronization
import Testing
import Unix

@Suite("Errno", .timeLimit(.minutes(20)))
struct ErrnoTests {
    @Test("the text is the system's own")
    func text() { #expect(Errno.noSuchFile.description == "No such file or directory") }

    @Test("a number that the system does not know still has a text", arguments: [-1, 0, 4095, Int32.max])
    func unknownNumber(number: Int32) { #expect(!Errno(rawValue: number).description.isEmpty) }

    @Test("the current one is the calling thread's")
    func current() {
        errno = ENOTDIR
        #expect(Errno.current == Errno(rawValue: ENOTDIR))
    }

    @Test("a failed call throws its reason")
    func thrown() {
        #expect(throws: Errno.noSuchFile) { _ = try FileDescriptor.open("/nonexistent/file", []) }
        #expect(throws: Errno.badDescriptor) { try Descriptor.setCloseOnExec(-1, true) }
    }

    @Test("a call that a signal interrupts is made again")
    func interrupted() async {
        await #expect(processExitsWith: .success) {
            #expect(interruptions.load(ordering: .relaxed) == 0)
            catchInterrupting(SIGUSR1) { _ in interruptions.add(1, ordering: .relaxed) }
            let ends = try FileDescriptor.pipe()
            let input = ends.read.number
            let reader = Mutex<pthread_t?>(nil)
            let result = Mutex<Int?>(nil)
            Signal.unblockAll()  // threads inherit the mask, and this one is Dispatch's
            try Thread.start {
                reader.withLock { $0 = pthread_self() }
                var buffer: [UInt8] = [0]
                let count = try? Descriptor.read(input, into: &buffer)
                result.withLock { $0 = count ?? -1 }
            }
            #expect(eventually { reader.withLock { $0 != nil } })
            for round in 1...50 {
                reader.withLock { if let thread = $0 { _ = pthread_kill(thread, SIGUSR1) } }
                #expect(eventually { interruptions.load(ordering: .relaxed) >= round })
            }
            #expect(result.withLock { $0 } == nil)
            try Descriptor.writeAll(ends.write.number, ".")
            #expect(eventually { result.withLock { $0 } == 1 })
        }
    }
}

private let interruptions = Atomic(0)
