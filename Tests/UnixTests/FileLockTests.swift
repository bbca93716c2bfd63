import Testing
import Unix

@Suite("File locks", .timeLimit(.minutes(20)))
struct FileLockTests {
    private let folder = TemporaryFolder()

    private func open() throws -> Int32 {
        try FileDescriptor.open(folder["lock"], [.readWrite, .create]).release()
    }

    @Test("a second open of the file does not get the lock, in the same process either")
    func excludes() throws {
        let (first, second) = (try open(), try open())
        defer { for number in [first, second] { Descriptor.close(number) } }
        #expect(try Descriptor.tryLock(first))
        #expect(try !Descriptor.tryLock(second))
    }

    @Test("asking again for one's own lock is granted")
    func again() throws {
        let file = try open()
        defer { Descriptor.close(file) }
        #expect(try Descriptor.tryLock(file))
        #expect(try Descriptor.tryLock(file))
    }

    @Test("closing another descriptor of the file does not free the lock")
    func otherDescriptor() throws {
        let (first, second, third) = (try open(), try open(), try open())
        defer { for number in [first, third] { Descriptor.close(number) } }
        #expect(try Descriptor.tryLock(first))
        Descriptor.close(second)
        #expect(try !Descriptor.tryLock(third))
    }

    @Test("the lock lives as long as a duplicate of its descriptor")
    func duplicate() throws {
        let (first, second) = (try open(), try open())
        defer { Descriptor.close(second) }
        #expect(try Descriptor.tryLock(first))
        let copy = dup(first)
        Descriptor.close(first)
        #expect(try !Descriptor.tryLock(second))
        Descriptor.close(copy)
        // A program that another test starts just now may hold a copy until its exec.
        #expect(try eventually { try Descriptor.tryLock(second) })
    }

    @Test("what is not open cannot be locked")
    func notOpen() {
        #expect(throws: Errno.badDescriptor) { try Descriptor.tryLock(-1) }
    }
}
