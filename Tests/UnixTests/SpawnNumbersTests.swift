import Testing
import Unix

#if os(Linux)
/// Which descriptor comes to have which number, where numbers of ours and of the child's meet.
@Suite("Numbers of a spawned program's descriptors", .timeLimit(.minutes(20)))
struct SpawnNumbersTests {
    @Test("a number that no process can have is an error, and no trap")
    func largest() throws {
        let ends = try FileDescriptor.pipe()
        var spawn = Spawn("/bin/true", [])
        // The second is in the way of the first: it is moved above both.
        spawn.descriptors = [(ends.read.number, ends.write.number), (.max, ends.read.number)]
        #expect(throws: Errno.self) { try spawn.start() }
    }

    @Test("0 and 2 can be replaced, and the others stay ours")
    func standard() throws {
        let input = try FileDescriptor.pipe()
        let errors = try FileDescriptor.pipe()
        let found = try OpenInChild.links([0, 2], [(0, input.read.number), (2, errors.write.number)])
        #expect(try found == [OpenInChild.link(input.read.number), OpenInChild.link(errors.write.number)])
    }

    @Test("one of our standard descriptors can have another number in the child, while its own is replaced")
    func standardMoved() throws {
        let input = try FileDescriptor.pipe()
        let ours = try output(of: Spawn("/usr/bin/readlink", ["/proc/self/fd/0"]))
        let found = try OpenInChild.links([0, 7], [(0, input.read.number), (7, 0)])
        #expect(try found == [OpenInChild.link(input.read.number), ours.trimmed])
    }

    @Test("three that change places in a ring come to be the right ones")
    func ring() throws {
        let pipes = try (0..<3).map { _ in try FileDescriptor.pipe().release() }
        defer { for ends in pipes { for number in [ends.read, ends.write] { Descriptor.close(number) } } }
        let numbers = pipes.map(\.read)
        let next = [numbers[1], numbers[2], numbers[0]]
        let found = try OpenInChild.links(numbers, zip(numbers, next).map { ($0, $1) })
        #expect(try found == next.map(OpenInChild.link))
    }

    @Test("a chain, in either order of its declaration", arguments: [false, true])
    func chain(isReversed: Bool) throws {
        let one = try FileDescriptor.pipe()
        let two = try FileDescriptor.pipe()
        let (first, second) = (one.read.number, two.read.number)
        let moves: [(child: Int32, ours: Int32)] = [(60, first), (first, second)]
        let found = try OpenInChild.links([60, first], isReversed ? moves.reversed() : moves)
        #expect(try found == [OpenInChild.link(first), OpenInChild.link(second)])
    }

    @Test("every order of five descriptors on five numbers, some of them kept", arguments: 0..<20)
    func shuffled(seed: Int) throws {
        var random = Seeded(UInt64(seed))
        let pipes = try (0..<5).map { _ in try FileDescriptor.pipe().release() }
        defer { for ends in pipes { for number in [ends.read, ends.write] { Descriptor.close(number) } } }
        let numbers = pipes.map(\.read)
        let sources = numbers.shuffled(using: &random)
        let order = zip(numbers, sources).map { (child: $0, ours: $1) }.shuffled(using: &random)
        #expect(try OpenInChild.links(numbers, order) == sources.map(OpenInChild.link))
    }

    @Test("nothing of the moves stays open here, whether the program starts or not")
    func nothingLeft() async {
        await #expect(processExitsWith: .success) {
            let one = try FileDescriptor.pipe()
            let two = try FileDescriptor.pipe()
            let (first, second) = (one.read.number, two.read.number)
            let before = openDescriptors()
            for executable in ["/bin/true", "/nonexistent"] {
                var spawn = Spawn(executable, [])
                spawn.descriptors = [(first, second), (second, first)]
                if let pid = try? spawn.start() { _ = try Child.reap(pid, waiting: true) }
                #expect(openDescriptors() == before)
            }
            #expect(fcntl(first, F_GETFD) == FD_CLOEXEC && fcntl(second, F_GETFD) == FD_CLOEXEC)
        }
    }

    @Test("a descriptor that is not open is an error, and no child", arguments: [(50, 9999), (9999, 9999), (0, -1)])
    func notOpen(child: Int32, ours: Int32) throws {
        var spawn = Spawn("/bin/true", [])
        spawn.descriptors = [(child, ours)]
        #expect(throws: Errno.badDescriptor) { try spawn.start() }
    }

    @Test("a number beyond the limit of open descriptors is an error, and no child")
    func beyondLimit() async {
        await #expect(processExitsWith: .success) {
            openFilesLimit.soft = 64
            var spawn = Spawn("/bin/true", [])
            spawn.descriptors = [(64, 0)]
            #expect(throws: Errno.badDescriptor) { try spawn.start() }
        }
    }

    @Test("many strays without close-on-exec are all closed, up to the highest number")
    func strays() async {
        await #expect(processExitsWith: .success) {
            openFilesLimit.soft = min(4096, openFilesLimit.hard)
            for number in [3, 4, 64, 65, 1000, Int32(openFilesLimit.soft - 1)] where !Descriptor.isOpen(number) {
                #expect(dup2(0, number) == number)
            }
            let names = try output(of: Spawn("/bin/ls", ["/proc/self/fd"])).split(separator: "\n")
            // The last is that of the folder itself.
            #expect(names == ["0", "1", "2", "3"])
        }
    }

    @Test("a declared descriptor shares its offset and flags with ours")
    func sameFile() throws {
        let folder = TemporaryFolder()
        let file = try FileDescriptor.open(try folder.write("0123456789", to: "file"), [])
        var spawn = Spawn("/usr/bin/head", ["-c", "4"])
        spawn.descriptors = [(0, file.number)]
        #expect(try output(of: spawn) == "0123")
        #expect(lseek(file.number, 0, SEEK_CUR) >= 4)
    }
}

extension String {
    /// Without the end of its line.
    fileprivate var trimmed: String { hasSuffix("\n") ? String(dropLast()) : self }
}
#endif
