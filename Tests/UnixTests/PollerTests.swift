import TestSupport
import Testing
import Unix

@Suite("Poller", .timeLimit(.minutes(20)))
struct PollerTests {
    @Test("tells what is readable")
    func read() throws {
        var poller = try Poller()
        let ends = try FileDescriptor.pipe()
        try poller.add(ends.read.number, .read)
        #expect(try poller.wait(.zero) == 0)
        try Descriptor.writeAll(ends.write.number, "x")
        #expect(try poller.wait(.seconds(20)) == 1)
        let event = poller.event(0)
        #expect(event.descriptor == ends.read.number && event.readable && !event.writable)
    }

    @Test("tells what is writable")
    func write() throws {
        var poller = try Poller()
        let ends = try FileDescriptor.pipe()
        try poller.add(ends.write.number, .write)
        #expect(try poller.wait(nil) == 1)
        let event = poller.event(0)
        #expect(event.descriptor == ends.write.number && event.writable && !event.readable)
    }

    @Test("a hang-up counts as both, so that whoever waits finds out")
    func hangUp() throws {
        var poller = try Poller()
        let (read, write) = try FileDescriptor.pipe().release()
        defer { Descriptor.close(read) }
        try poller.add(read, .read)
        Descriptor.close(write)
        #expect(try poller.wait(.seconds(20)) == 1)
        #expect(poller.event(0).readable && poller.event(0).writable)
    }

    @Test("without an interest neither bytes nor the end of one side are told, but the hang-up of both is")
    func hangUpOnly() throws {
        var poller = try Poller()
        let folder = TemporaryFolder()
        let listener = try Socket.open(AF_UNIX, .stream)
        try Socket.bind(listener.number, to: .unix(folder["s"]))
        try Socket.listen(listener.number)
        let client = try Socket.open(AF_UNIX, .stream).release()
        try Socket.connect(client, to: .unix(folder["s"]))
        let connection = try Socket.accept(listener.number)
        try poller.add(connection.number, .read)
        try poller.change(connection.number, [])
        try Descriptor.writeAll(client, "x")
        Socket.shutdownWriting(client)
        #if os(Linux)
        #expect(try poller.wait(.zero) == 0)
        #endif
        #expect(!Poll.isHungUp(connection.number))
        Descriptor.close(client)
        #expect(try poller.wait(.seconds(20)) == 1)
        #expect(poller.event(0).descriptor == connection.number && Poll.isHungUp(connection.number))
    }

    @Test("an interest can be changed, and one that is removed tells nothing more")
    func change() throws {
        var poller = try Poller()
        let socket = try Socket.open(AF_INET, .datagram)
        try Socket.bind(socket.number, to: .ipv4(0x7F00_0001, port: 0))
        try poller.add(socket.number, .read)
        #expect(try poller.wait(.zero) == 0)
        try poller.change(socket.number, [.read, .write])
        #expect(try poller.wait(.seconds(20)) == 1)
        poller.remove(socket.number)
        #expect(try poller.wait(.zero) == 0)
    }

    @Test("adding what is not open, or twice, is an error; removing what was never added is none")
    func mistakes() throws {
        let poller = try Poller()
        let ends = try FileDescriptor.pipe()
        #expect(throws: Errno.badDescriptor) { try poller.add(-1, .read) }
        #expect(throws: Errno.noSuchFile) { try poller.change(ends.read.number, .read) }
        poller.remove(ends.read.number)
        #if os(Linux)
        try poller.add(ends.read.number, .read)
        #expect(throws: Errno.fileExists) { try poller.add(ends.read.number, .read) }
        #endif
    }

    @Test("a wait returns when its time is over")
    func timeout() throws {
        var poller = try Poller()
        let start = MonotonicTime.now
        #expect(try poller.wait(.milliseconds(15)) == 0)
        #expect(MonotonicTime.now - start >= .milliseconds(15))
    }

    @Test("a signal ends a wait without an event")
    func interrupted() async {
        await #expect(processExitsWith: .success) {
            catchInterrupting(SIGALRM) { _ in }
            var poller = try Poller()
            Signal.unblockAll()
            let waiter = pthread_self()
            let ends = try FileDescriptor.pipe().release()
            try Thread.start {
                // Until the wait has returned: a signal that comes before it is none for it.
                while !Poll.readable(ends.read, timeout: .milliseconds(1)) { pthread_kill(waiter, SIGALRM) }
            }
            #expect(try poller.wait(.seconds(60)) == 0)
            try Descriptor.writeAll(ends.write, ".")
        }
    }

    @Test("of 2,000 descriptors each is told, in batches")
    func many() throws {
        #expect(Limits.raiseOpenFiles(to: 8192) >= 4096)
        var poller = try Poller(batch: 256)
        var ends: [(read: Int32, write: Int32)] = []
        defer { for end in ends { for number in [end.read, end.write] { Descriptor.close(number) } } }
        for _ in 0..<1000 {
            ends.append(try FileDescriptor.pipe().release())
            try poller.add(ends[ends.count - 1].read, .read)
            try poller.add(ends[ends.count - 1].write, .write)
        }
        for end in ends { try Descriptor.writeAll(end.write, "x") }
        var (readable, writable): (Set<Int32>, Set<Int32>) = ([], [])
        while case let count = try poller.wait(.zero), count > 0 {
            #expect(count <= 256)
            for index in 0..<count {
                let event = poller.event(index)
                if event.readable { readable.insert(event.descriptor) }
                if event.writable { writable.insert(event.descriptor) }
                poller.remove(event.descriptor)
            }
        }
        #expect(readable == Set(ends.map(\.read)))
        #expect(writable == Set(ends.map(\.write)))
    }
}
