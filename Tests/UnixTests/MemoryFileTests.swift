import CUnix
import Testing
import Unix

@Suite("MemoryFile", .timeLimit(.minutes(20)))
struct MemoryFileTests {
    private func contents(_ file: borrowing FileDescriptor) -> [UInt8] {
        Descriptor.contents(of: file.number, limit: 4 << 20)
    }

    @Test("has the bytes that it was made with", arguments: [0, 1, 4095, 4096, 4097, 3 << 20])
    func bytes(count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let file = try MemoryFile.make("test", bytes)
        #expect(try FileStatus(descriptor: file.number).size == Int64(count))
        #expect(contents(file) == bytes)
    }

    @Test("is close-on-exec, has no name, and is nobody else's")
    func descriptor() throws {
        let one = try MemoryFile.make("test", [1])
        let two = try MemoryFile.make("test", [2])
        #expect(fcntl(one.number, F_GETFD) == FD_CLOEXEC)
        #expect(try FileStatus(descriptor: one.number).links == 0)
        #expect(contents(one) == [1] && contents(two) == [2])
    }

    #if os(Linux)
    @Test("is told from every other file, however much it looks like one")
    func ours() throws {
        let folder = TemporaryFolder()
        let file = try MemoryFile.make("test", [1])
        #expect(MemoryFile.isOurs(file.number))
        let path = try folder.write("x", to: "file")
        let named = try FileDescriptor.open(path, .readWrite)
        #expect(!MemoryFile.isOurs(named.number))
        #expect(unlink(path) == 0 && !MemoryFile.isOurs(named.number))
        #expect(!MemoryFile.isOurs(try FileDescriptor.pipe().read.number) && !MemoryFile.isOurs(-1))
        let number = "test".withCString { cunix_syscall(Int(SYS_memfd_create), Int(bitPattern: $0), 3, 0, 0, 0, 0) }
        let open = FileDescriptor(owning: Int32(number))
        for seals: Int32 in [0, 2, 4, 8] {
            #expect(fcntl(open.number, 1033, seals) == 0 && !MemoryFile.isOurs(open.number))
        }
        #expect(fcntl(open.number, 1033, 1) == 0 && MemoryFile.isOurs(open.number))
    }

    @Test("is sealed: it can be neither written, cut nor made longer, nor unsealed")
    func sealed() throws {
        let file = try MemoryFile.make("test", [1, 2, 3])
        #expect(throws: Errno.notPermitted) { try Descriptor.write(file.number, [9].span) }
        #expect(pwrite(file.number, "x", 1, 0) == -1 && errno == EPERM)
        for size in [0, 2, 4, 4096] { #expect(ftruncate(file.number, off_t(size)) == -1 && errno == EPERM) }
        let addSeals: Int32 = 1033
        #expect(fcntl(file.number, addSeals, 0) == -1 && errno == EPERM)
        #expect(contents(file) == [1, 2, 3])
    }

    @Test("is sealed for one who opens it anew, and for a writable map")
    func sealedForOthers() throws {
        let file = try MemoryFile.make("test", [1, 2, 3])
        let again = try FileDescriptor.open("/proc/self/fd/\(file.number)", .readWrite)
        #expect(throws: Errno.notPermitted) { try Descriptor.write(again.number, [9].span) }
        #expect(mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.number, 0) == MAP_FAILED && errno == EPERM)
    }
    #endif

    @Test("without a descriptor to be had it is an error")
    func noDescriptor() async {
        await #expect(processExitsWith: .success) {
            openFilesLimit.soft = 3
            #expect(throws: Errno.tooManyOpenFiles) { _ = try MemoryFile.make("test", [1]) }
        }
    }

    @Test("a program that gets it reads it from the start")
    func handedOn() throws {
        let file = try MemoryFile.make("test", Array("state\n".utf8))
        var spawn = Spawn("/bin/cat", ["/dev/fd/3"])
        spawn.descriptors = [(3, file.number)]
        #expect(try output(of: spawn) == "state\n")
    }

    // MARK: An exec

    @Test("an exec hands on arguments and variables byte by byte, and the descriptor")
    func execute() async {
        await #expect(processExitsWith: .exitCode(42)) {
            let file = try MemoryFile.make("test", Array("exit 42\n".utf8))
            try Descriptor.setCloseOnExec(file.number, false)
            let script = "test \"$0\" = name && test \"$(printf '\\377')\" = \"$V\" && . /dev/fd/\(file.number)"
            _ = CurrentProcess.execute(
                "/bin/sh", ["sh", "-c", script, "name"], environment: [Array("V=".utf8) + [0xFF]])
        }
    }

    @Test("an exec that fails says why, and everything goes on")
    func executeFails() {
        #expect(CurrentProcess.execute("/nonexistent", ["x"], environment: []) == .noSuchFile)
        #expect(CurrentProcess.execute("/", ["x"], environment: []) == .permissionDenied)
        // An executable that is another one by then.
        #expect(CurrentProcess.execute("/nonexistent", ["x"], environment: [], if: { false }) == .stale)
    }
}
