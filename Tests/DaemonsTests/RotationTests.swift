import Foundation
import Testing
import Unix

@Suite("Rotation without loss", .blocking, .timeLimit(.minutes(20)))
struct RotationTests {
    /// 4 threads of one daemon and 2 more processes on one log write a million numbered lines while the file is renamed
    /// and all are told to reopen it 200 times.
    @Test("A million lines from three processes over 200 rotations: each is there once, whole, in one of the files")
    func rotation() throws {
        let folder = try Folder()
        let (writers, total, rotations) = ([("a", 4), ("b", 1), ("c", 1)], 1_000_002, 200)
        let each = total / 6
        let running = try writers.map { name, threads in
            try Running(
                folder, Product.faultd,
                [
                    "-f", "--pid-file", folder["\(name).pid"], "--log-file", folder["d.log"], "--fault-main",
                    "write-log",
                    "--fault-tag", name, "--fault-threads", "\(threads)", "--fault-count", "\(each)",
                    "--fault-output", folder["report.\(name)"],
                ], descriptors: [(2, try FileDescriptor.open("/dev/null", .readWrite).release())])
        }
        // A HUP before a program's first line is the system's business, not ours.
        for (name, _) in writers { try #require(eventually { Folder.holder(of: folder["\(name).pid"]) != nil }) }
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
        _ folder: Folder, _ writers: [(String, Int)], _ each: Int, _ rotations: Int
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
