import Testing
import Unix

@Suite("Poll", .timeLimit(.minutes(20)))
struct PollTests {
    @Test("readable when there are bytes, and at the end")
    func readable() throws {
        let (read, write) = try FileDescriptor.pipe().release()
        defer { Descriptor.close(read) }
        #expect(!Poll.readable(read, timeout: .zero))
        try Descriptor.writeAll(write, "x")
        #expect(Poll.readable(read, timeout: nil))
        var buffer: [UInt8] = [0]
        _ = try Descriptor.read(read, into: &buffer)
        Descriptor.close(write)
        #expect(Poll.readable(read, timeout: .seconds(20)))
    }

    @Test("writable until the pipe is full")
    func writable() throws {
        let ends = try FileDescriptor.pipe()
        try Descriptor.setNonBlocking(ends.write.number, true)
        #expect(Poll.writable(ends.write.number, timeout: .zero))
        #expect(throws: Errno.wouldBlock) {
            while true { try Descriptor.writeAll(ends.write.number, String(repeating: "x", count: 4096)) }
        }
        #expect(!Poll.writable(ends.write.number, timeout: .zero))
    }

    @Test("the time-out is waited for, and not cut short")
    func timeout() throws {
        let ends = try FileDescriptor.pipe()
        let start = MonotonicTime.now
        #expect(!Poll.readable(ends.read.number, timeout: .microseconds(20_500)))
        #expect(MonotonicTime.now - start >= .microseconds(20_500))
    }

    @Test("signals do not cut a wait short")
    func signals() async {
        await #expect(processExitsWith: .success) {
            catchInterrupting(SIGALRM) { _ in }
            Signal.unblockAll()
            let waiter = pthread_self()
            let (quiet, end) = (try FileDescriptor.pipe().release(), try FileDescriptor.pipe().release())
            try Thread.start {
                while !Poll.readable(end.read, timeout: .milliseconds(2)) { pthread_kill(waiter, SIGALRM) }
            }
            let start = MonotonicTime.now
            #expect(!Poll.readable(quiet.read, timeout: .milliseconds(50)))
            Poll.pause(.milliseconds(50))
            try Descriptor.writeAll(end.write, ".")
            #expect(MonotonicTime.now - start >= .milliseconds(100))
        }
    }

    @Test("a pause lasts as long as it should, and none at all when its time is over")
    func pause() {
        let start = MonotonicTime.now
        Poll.pause(.milliseconds(15))
        #expect(MonotonicTime.now - start >= .milliseconds(15))
        Poll.pause(.zero)
        Poll.pause(.seconds(-1))
    }

    @Test("of several, those are told that are readable; negative numbers are skipped")
    func several() throws {
        let quiet = try FileDescriptor.pipe()
        let loud = try FileDescriptor.pipe()
        try Descriptor.writeAll(loud.write.number, "x")
        #expect(
            Poll.readable([quiet.read.number, -1, loud.read.number], timeout: .seconds(20)) == [false, false, true])
        #expect(Poll.readable([quiet.read.number, -1], timeout: .zero) == [false, false])
        #expect(Poll.readable([], timeout: .zero).isEmpty)
    }

    @Test("a closed number is ready: the read that follows tells what is wrong")
    func closedNumber() { #expect(Poll.readable(Int32.max - 1, timeout: .seconds(20))) }
}
