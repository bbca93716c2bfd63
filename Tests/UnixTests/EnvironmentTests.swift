import Testing
import Unix

@Suite("Environment", .timeLimit(.minutes(20)))
struct EnvironmentTests {
    @Test("a variable is read, and one that is not there is nil")
    func read() async {
        await #expect(processExitsWith: .success) {
            setenv("UNIX_TEST", "value", 1)
            setenv("UNIX_EMPTY", "", 1)
            #expect(Environment["UNIX_TEST"] == "value")
            #expect(Environment["UNIX_EMPTY"] == "")
            #expect(Environment["UNIX_NONE"] == nil)
        }
    }

    @Test("a variable that is taken is gone, for children too")
    func take() async {
        await #expect(processExitsWith: .success) {
            setenv("UNIX_TEST", "value", 1)
            #expect(Environment.take("UNIX_TEST") == "value")
            #expect(Environment.take("UNIX_TEST") == nil)
            let children = try output(of: Spawn("/usr/bin/env", []))
            #expect(!children.contains("UNIX_TEST"))
        }
    }
}
