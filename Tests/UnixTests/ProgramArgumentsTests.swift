import Testing
import Unix

@Suite("The command line", .timeLimit(.minutes(20)))
struct ProgramArgumentsTests {
    @Test("its words are those that the system has, byte by byte")
    func same() throws {
        #expect(CurrentProcess.arguments == CommandLine.arguments.map { Array($0.utf8) })
        #if os(Linux)
        let file = try FileDescriptor.open("/proc/self/cmdline", [])
        let words = Descriptor.contents(of: file.number, limit: 1 << 20).split(
            separator: 0, omittingEmptySubsequences: false)
        #expect(CurrentProcess.arguments == words.dropLast().map { Array($0) })
        #endif
    }
}
