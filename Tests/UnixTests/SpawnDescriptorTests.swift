import Testing
import Unix

#if os(Linux)
/// What a program that is started finds open, by its own folder of descriptors.
@Suite("Descriptors of a spawned program", .timeLimit(.minutes(20)))
struct SpawnDescriptorTests {
    @Test("a declared descriptor has the number that was asked for")
    func declared() throws {
        let ends = try FileDescriptor.pipe()
        let found = try OpenInChild.links([50], [(child: 50, ours: ends.read.number)])
        #expect(try found == [OpenInChild.link(ends.read.number)])
    }

    @Test("one descriptor may be handed on under several numbers")
    func several() throws {
        let ends = try FileDescriptor.pipe()
        let found = try OpenInChild.links([50, 51], [(50, ends.read.number), (51, ends.read.number)])
        #expect(try found == [OpenInChild.link(ends.read.number), OpenInChild.link(ends.read.number)])
    }

    @Test("one that already has the number in this process is handed on too")
    func sameNumber() throws {
        let ends = try FileDescriptor.pipe()
        let number = ends.read.number
        let found = try OpenInChild.links([number], [(child: number, ours: number)])
        #expect(try found == [OpenInChild.link(number)])
        #expect(fcntl(number, F_GETFD) == FD_CLOEXEC)
    }

    @Test("two that change their numbers come to be the right ones")
    func exchanged() throws {
        let one = try FileDescriptor.pipe()
        let two = try FileDescriptor.pipe()
        let (first, second) = (one.read.number, two.read.number)
        let found = try OpenInChild.links(
            [first, second], [(child: first, ours: second), (child: second, ours: first)])
        #expect(try found == [OpenInChild.link(second), OpenInChild.link(first)])
    }

    @Test("nothing beyond the standard ones and the declared is open, whatever a library left open")
    func nothingElse() async {
        await #expect(processExitsWith: .success) {
            let stray = fcntl(0, F_DUPFD, 50)
            #expect(fcntl(stray, F_GETFD) == 0)
            let names = try output(of: Spawn("/bin/sh", ["-c", "cd /proc/self/fd; echo *"]))
            #expect(!names.split(whereSeparator: \.isWhitespace).contains("\(stray)"))
        }
    }

    @Test("what is close-on-exec is not open")
    func closeOnExec() throws {
        let file = try FileDescriptor.open("/dev/null", [])
        let names = try output(of: Spawn("/bin/sh", ["-c", "cd /proc/self/fd; echo *"]))
        #expect(!names.split(whereSeparator: \.isWhitespace).contains("\(file.number)"))
    }
}
#endif
