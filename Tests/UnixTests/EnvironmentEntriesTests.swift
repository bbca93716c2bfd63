import Testing
import Unix

@Suite("Entries of the environment", .timeLimit(.minutes(20)))
struct EnvironmentEntriesTests {
    @Test("every variable is there as the bytes of NAME=value, in the order of environ")
    func all() async {
        await #expect(processExitsWith: .success) {
            clearenv()
            for (name, value) in [("B", "2"), ("A", "1"), ("EMPTY", ""), ("EQUALS", "a=b=c")] {
                setenv(name, value, 1)
            }
            let entries = Environment.entries.map { String(decoding: $0, as: UTF8.self) }
            #expect(entries == ["B=2", "A=1", "EMPTY=", "EQUALS=a=b=c"])
        }
    }

    @Test("what is not UTF-8 stays as it is")
    func notUTF8() async {
        await #expect(processExitsWith: .success) {
            clearenv()
            let value: [CChar] = [-1, -2, 0x41, -128, 0]
            setenv("ODD", value, 1)
            #expect(Environment.entries == [Array("ODD=".utf8) + [0xFF, 0xFE, 0x41, 0x80]])
        }
    }

    @Test("without any variable there is none, also when there is no list at all")
    func none() async {
        await #expect(processExitsWith: .success) {
            clearenv()
            #expect(Environment.entries.isEmpty)
            setenv("A", "1", 1)
            unsetenv("A")
            #expect(Environment.entries.isEmpty)
        }
    }

    @Test("what was taken out is not there any more")
    func taken() async {
        await #expect(processExitsWith: .success) {
            setenv("UNIX_TEST", "value", 1)
            #expect(Environment.entries.contains(Array("UNIX_TEST=value".utf8)))
            _ = Environment.take("UNIX_TEST")
            #expect(!Environment.entries.contains { $0.starts(with: "UNIX_TEST=".utf8) })
        }
    }
}
