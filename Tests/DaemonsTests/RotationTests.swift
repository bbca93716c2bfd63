import Foundation
import Testing
import Unix

@Suite("Rotation without loss", .blocking, .timeLimit(.minutes(20)))
struct RotationTests {
    /// 4 threads of one daemon and 2 more processes on one log write numbered lines while the file is renamed and all are
    /// told to reopen it: a million lines and 200 times in the thorough tests, a tenth of both otherwise.
    @Test("Lines of three processes over many rotations: each is there once, whole, in one of the files")
    func rotation() throws {
        let folder = try TestDirectory(mode: 0o755)
        let writers = [("a", 4), ("b", 1), ("c", 1)]
        let (each, rotations) = isThorough ? (166_667, 200) : (16_667, 20)
        let total = 6 * each
        let running = try writers.map { name, threads in
            try folder.start(
                Product.faultd,
                [
                    "-f", "--pid-file", folder["\(name).pid"], "--log-file", folder["d.log"], "--fault-main",
                    "write-log",
                    "--fault-tag", name, "--fault-threads", "\(threads)", "--fault-count", "\(each)",
                    "--fault-output", folder["report.\(name)"],
                ], descriptors: [(2, try FileDescriptor.open("/dev/null", .readWrite).release())])
        }
        // A HUP before a program's first line is the system's business, not ours.
        for (name, _) in writers { try #require(eventually { folder.holder(of: "\(name).pid") != nil }) }
        for rotation in 0..<rotations {
            try #require(eventually { folder.exists("d.log") })
            try #require(rename(folder["d.log"], folder["d.log.\(rotation)"]) == 0)
            for process in running { process.send(.hangup) }
        }
        for (name, _) in writers {
            try #require(eventually(within: .seconds(120)) { folder.lines("report.\(name)").contains("written") })
        }
        for process in running {
            process.send(.terminate)
            #expect(process.wait() == .exited(0))
        }
        let result = count(folder, writers, each, rotations)
        #expect(result.torn == 0 && result.double == 0 && result.missing == 0, "\(result)")
        #expect(result.found == total)
    }

    private func count(
        _ folder: TestDirectory, _ writers: [(String, Int)], _ each: Int, _ rotations: Int
    ) -> (found: Int, torn: Int, double: Int, missing: Int) {
        var seen: [String: [Bool]] = [:]
        for (name, threads) in writers {
            for thread in 0..<threads { seen["\(name) \(thread)"] = Array(repeating: false, count: each) }
        }
        var (found, torn, double) = (0, 0, 0)
        for name in ["d.log"] + (0..<rotations).map({ "d.log.\($0)" }) {
            guard let data = FileManager.default.contents(atPath: folder[name]) else { continue }
            for line in data.split(separator: UInt8(ascii: "\n")) {
                let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
                guard words.count >= 7, words[3] == "faultd", words[0].count == 10, words[1].count == 15 else {
                    torn += 1
                    continue
                }
                guard words[5] == "INFO", words[6] == "line" else { continue }
                guard words.count == 10, let number = Int(words[9]), number < each,
                    seen["\(words[7]) \(words[8])"] != nil
                else {
                    torn += 1
                    continue
                }
                found += 1
                if seen["\(words[7]) \(words[8])"]?[number] == true { double += 1 }
                seen["\(words[7]) \(words[8])"]?[number] = true
            }
        }
        return (found, torn, double, seen.values.reduce(0) { $0 + $1.count(where: { !$0 }) })
    }
}
