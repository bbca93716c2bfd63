import Testing
import Unix

@Suite("FileDescriptor", .timeLimit(.minutes(20)))
struct FileDescriptorTests {
    @Test("is closed at the end of its life")
    func closes() throws {
        let (read, write) = try FileDescriptor.pipe().release()
        let reader = FileDescriptor(owning: read)
        do {
            let writer = FileDescriptor(owning: write)
            try Descriptor.writeAll(writer.number, "last words")
        }
        #expect(try readAll(reader.number) == "last words")
    }

    @Test("stays open when its number is released")
    func releases() throws {
        let (read, write) = try FileDescriptor.pipe().release()
        defer { for number in [read, write] { Descriptor.close(number) } }
        try Descriptor.writeAll(write, "x")
        #expect(Poll.readable(read, timeout: .zero))
    }

    @Test("is close-on-exec, however it was made")
    func closeOnExec() throws {
        let file = try FileDescriptor.open("/dev/null", .readWrite)
        let ends = try FileDescriptor.pipe()
        let socket = try Socket.open(AF_UNIX, .stream)
        for number in [file.number, ends.read.number, ends.write.number, socket.number] {
            #expect(fcntl(number, F_GETFD) == FD_CLOEXEC)
        }
    }

    @Test("a duplicate takes another's place in one step, and is close-on-exec")
    func duplicate() throws {
        let ends = try FileDescriptor.pipe()
        let place = try FileDescriptor.open("/dev/null", .readWrite)
        try Descriptor.duplicate(ends.write.number, onto: place.number)
        try Descriptor.writeAll(place.number, "x")
        #expect(Poll.readable(ends.read.number, timeout: .zero))
        #expect(fcntl(place.number, F_GETFD) == FD_CLOEXEC)
    }

    @Test("a duplicate for a standard descriptor is left to children")
    func duplicateOntoStandard() throws {
        let source = try FileDescriptor.open("/dev/null", .readWrite)
        let place = try FileDescriptor.open("/dev/null", .readWrite)
        try Descriptor.duplicate(source.number, ontoStandard: place.number)
        #expect(fcntl(place.number, F_GETFD) == 0)
    }

    @Test("a duplicate onto itself changes nothing")
    func duplicateOntoItself() throws {
        let file = try FileDescriptor.open("/dev/null", .readWrite)
        try Descriptor.duplicate(file.number, onto: file.number)
        try Descriptor.duplicate(file.number, ontoStandard: file.number)
        #expect(fcntl(file.number, F_GETFD) == FD_CLOEXEC)
    }

    @Test("a duplicate above some numbers is above all of them, and close-on-exec")
    func duplicateAbove() throws {
        let source = try FileDescriptor.open("/dev/null", .readWrite)
        let copy = FileDescriptor(owning: try Descriptor.duplicate(source.number, above: [3, 500, 7]))
        #expect(copy.number > 500 && fcntl(copy.number, F_GETFD) == FD_CLOEXEC)
        let any = FileDescriptor(owning: try Descriptor.duplicate(source.number, above: []))
        #expect(any.number > 0)
    }

    @Test("a duplicate of what is not open is refused, and the place stays as it was")
    func duplicateOfNothing() throws {
        let place = try FileDescriptor.open("/dev/null", .readWrite)
        #expect(throws: Errno.badDescriptor) { try Descriptor.duplicate(Int32.max, onto: place.number) }
        #expect(Descriptor.isOpen(place.number))
    }

    @Test("close-on-exec can be taken away and given back")
    func setCloseOnExec() throws {
        let file = try FileDescriptor.open("/dev/null", .readWrite)
        try Descriptor.setCloseOnExec(file.number, false)
        #expect(fcntl(file.number, F_GETFD) == 0)
        try Descriptor.setCloseOnExec(file.number, true)
        #expect(fcntl(file.number, F_GETFD) == FD_CLOEXEC)
    }

    @Test("non-blocking can be set without losing the other flags")
    func nonBlocking() throws {
        let ends = try FileDescriptor.pipe()
        try Descriptor.setNonBlocking(ends.read.number, true)
        var buffer: [UInt8] = [0]
        #expect(throws: Errno.wouldBlock) { try Descriptor.read(ends.read.number, into: &buffer) }

        let folder = TemporaryFolder()
        let log = try FileDescriptor.open(folder["log"], [.writeOnly, .create, .append])
        try Descriptor.setNonBlocking(log.number, true)
        #expect(fcntl(log.number, F_GETFL) & O_APPEND != 0)
        try Descriptor.setNonBlocking(log.number, false)
        #expect(fcntl(log.number, F_GETFL) & (O_APPEND | O_NONBLOCK) == O_APPEND)
    }

    @Test("writeAll writes more than a pipe holds")
    func writesAll() throws {
        let (read, write) = try FileDescriptor.pipe().release()
        defer { Descriptor.close(read) }
        let text = String(repeating: "0123456789", count: 100_000)
        try Thread.start {
            try? Descriptor.writeAll(write, text)
            Descriptor.close(write)
        }
        #expect(try readAll(read) == text)
    }

    @Test("a full disk is an error of write, and of writeAll")
    func fullDisk() throws {
        let full = try FileDescriptor.open("/dev/full", .writeOnly)
        #expect(throws: Errno.noSpace) { try Descriptor.write(full.number, [1].span) }
        #expect(throws: Errno.noSpace) { try Descriptor.writeAll(full.number, "x") }
    }

    @Test("contents are read from the start, and the offset stays")
    func contents() throws {
        let folder = TemporaryFolder()
        let file = try FileDescriptor.open(try folder.write("0123456789", to: "file"), .readWrite)
        #expect(Descriptor.contents(of: file.number, limit: 4) == Array("0123".utf8))
        #expect(Descriptor.contents(of: file.number, limit: 100) == Array("0123456789".utf8))
        #expect(try readAll(file.number) == "0123456789")
    }

    @Test("contents of what cannot be read from the start are empty")
    func contentsOfPipe() throws {
        let ends = try FileDescriptor.pipe()
        #expect(Descriptor.contents(of: ends.read.number, limit: 4).isEmpty)
    }

    @Test("truncate empties a file")
    func truncate() throws {
        let folder = TemporaryFolder()
        let file = try FileDescriptor.open(try folder.write("old", to: "file"), .readWrite)
        try Descriptor.truncate(file.number)
        #expect(try FileStatus(descriptor: file.number).size == 0)
    }

    @Test("the mode of an open file can be changed")
    func mode() throws {
        let folder = TemporaryFolder()
        let file = try FileDescriptor.open(folder["file"], [.readWrite, .create], mode: 0o600)
        try Descriptor.setMode(file.number, 0o640)
        #expect(try FileStatus(descriptor: file.number).mode == 0o640)
    }
}
