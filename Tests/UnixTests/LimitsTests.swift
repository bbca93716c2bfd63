import Testing
import Unix

@Suite("Limits", .timeLimit(.minutes(20)))
struct LimitsTests {
    @Test("open files are raised as far as the hard limit goes")
    func raise() async {
        await #expect(processExitsWith: .success) {
            openFilesLimit = (soft: 100, hard: 200)
            #expect(Limits.raiseOpenFiles(to: 150) == 150)
            #expect(Limits.raiseOpenFiles(to: 100_000) == 200)
            #expect(openFilesLimit == (soft: 200, hard: 200))
        }
    }

    @Test("open files are never lowered")
    func neverLower() async {
        await #expect(processExitsWith: .success) {
            openFilesLimit = (soft: 100, hard: 200)
            #expect(Limits.raiseOpenFiles(to: 10) == 100)
            #expect(Limits.raiseOpenFiles(to: -1) == 100)
        }
    }

    @Test("a process without descriptors left gets an error that says so")
    func noneLeft() async {
        await #expect(processExitsWith: .success) {
            openFilesLimit = (soft: 3, hard: 3)
            #expect(throws: Errno.tooManyOpenFiles) { _ = try FileDescriptor.open("/dev/null", []) }
            #expect(throws: Errno.tooManyOpenFiles) { _ = try FileDescriptor.pipe() }
            #expect(throws: Errno.tooManyOpenFiles) { _ = try Socket.open(AF_UNIX, .stream) }
        }
    }
}
