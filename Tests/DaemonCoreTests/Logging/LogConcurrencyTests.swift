import Testing
import Unix

@testable import DaemonCore

@Suite("Many writers of one log", .timeLimit(.minutes(20)))
struct LogConcurrencyTests {
    private let folder = TemporaryFolder()

    /// Which numbers each writer wrote, in the order of the file; an issue for each line that is none of theirs.
    private func numbers(writers: Int) throws -> [[Int]] {
        var numbers = [[Int]](repeating: [], count: writers)
        let shape = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{6} [A-Z0-9+-]+: testd pid=\d+ INFO writer (\d+) line (\d+) x{40}/
        for line in try folder.contents("log").split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if let match = line.wholeMatch(of: shape), let writer = Int(match.1), let number = Int(match.2) {
                numbers[writer].append(number)
            } else {
                Issue.record("torn line: \(line)")
            }
        }
        return numbers
    }

    private static let filling = String(repeating: "x", count: 40)

    @Test("8 threads write 5,000 lines each, and none is torn, lost or out of its thread's order")
    func threads() throws {
        let log = try Log.testing(folder["log"])
        try inThreads(8) { writer in
            for number in 0..<5000 { log.info("writer \(writer) line \(number) \(Self.filling)") }
        }
        let found = try numbers(writers: 8)
        #expect(found.allSatisfy { $0 == Array(0..<5000) })
    }

    @Test("processes that share the file tear no line either")
    func processes() async throws {
        let path = folder["log"]
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    await #expect(processExitsWith: .success) { [path = path as String, writer = writer as Int] in
                        let log = try Log.testing(path)
                        for number in 0..<1000 { log.info("writer \(writer) line \(number) \(Self.filling)") }
                    }
                }
            }
        }
        let found = try numbers(writers: 4)
        #expect(found.allSatisfy { $0 == Array(0..<1000) })
    }
}
