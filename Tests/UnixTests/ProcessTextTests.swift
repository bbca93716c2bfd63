#if os(Linux)
import TestSupport
import Testing
import Unix

@Suite("What /proc says, whatever it says", .timeLimit(.minutes(20)))
struct ProcessTextTests {
    private func stat(_ name: String = "sleep", user: String = "5", start: String = "100", pages: String = "7")
        -> [UInt8]
    {
        Array("42 (\(name)) S 1 42 42 0 -1 4194304 1 2 3 4 \(user) 6 0 0 20 0 1 0 \(start) 999 \(pages) 18 1 1\n".utf8)
    }

    private func read(_ bytes: [UInt8], now: Int64 = 0) -> ProcessFacts? {
        ProcessText.Stat(bytes).map {
            ProcessFacts($0, ticksPerSecond: 100, pageSize: 4096, at: MonotonicTime(nanoseconds: now))
        }
    }

    @Test("a process's parent, memory, time and age")
    func plain() throws {
        let facts = try #require(read(stat(), now: 3_000_000_000))
        #expect(facts.residentSize == 7 * 4096 && facts.processorTime == .milliseconds(110))
        #expect(facts.age == .seconds(2) && ProcessText.Stat(stat())?.parent == 1)
        #expect(ProcessText.Stat(stat("a) R 9 (b"))?.parent == 1)
    }

    @Test(
        "years of processor time and of uptime, and numbers that no kernel says",
        arguments: [
            "9218880000", "92188800000", "9223372036854775807", "9223372036854775808", "18446744073709551615",
        ])
    func large(number: String) throws {
        for bytes in [stat(user: number), stat(start: number), stat(pages: number)] {
            let facts = try #require(read(bytes, now: .max))
            #expect(facts.processorTime >= .zero && facts.age >= .zero && facts.residentSize > 0)
        }
        let fine = try #require(read(stat(user: "9218880000")))
        #expect(fine.processorTime == .seconds(92_188_800) + .milliseconds(60))
    }

    @Test("what is short, empty, negative or garbage is nothing")
    func garbage() {
        let whole = stat()
        for count in 0..<whole.count - 12 { #expect(read(Array(whole.prefix(count))) == nil) }
        for number in ["-1", "x", "99999999999999999999", "1.5"] { #expect(read(stat(user: number)) == nil) }
    }

    @Test("no bytes make it fall", arguments: 0..<4 as Range<UInt64>)
    func noise(seed: UInt64) {
        var random = Seeded(seed)
        let pieces = [
            "(", ")", " ", "\n", "\t", "1", "-", "18446744073709551615", "SigCgt:", "ffffffffffffffff", "S", "\u{FF}",
        ]
        for _ in 0..<rounds(20_000) {
            var bytes: [UInt8] = Bool.random(using: &random) ? stat() : []
            for _ in 0..<random.next() % 30 {
                bytes += pieces[Int(random.next() % UInt64(pieces.count))].utf8
                if random.next() % 8 == 0 { bytes.removeLast() }
            }
            _ = read(bytes, now: Int64(bitPattern: random.next()))
            _ = ProcessText.catches(Int32(truncatingIfNeeded: random.next()), status: bytes)
            #expect(ProcessText.pids(bytes).allSatisfy { $0 > 0 })
        }
    }

    @Test("a signal is caught where its bit says so, behind any number of groups")
    func caught() {
        let groups = String(repeating: "100000 ", count: 65_536)
        let status = Array("Name:\tx\nGroups:\t\(groups)\nSigCgt:\t0000000000000402\nCapInh:\t0\n".utf8)
        #expect(ProcessText.catches(2, status: status) && ProcessText.catches(11, status: status))
        for signal: Int32 in [.min, -1, 0, 1, 3, 64, 65, .max] { #expect(!ProcessText.catches(signal, status: status)) }
    }

    @Test("every child is seen: the kernel gives a page of them at a time")
    func children() throws {
        // Of four digits at least, so that more than one page of 4096 bytes is needed on a machine that has just booted.
        let count = 1200
        let script = "for i in $(seq \(count)); do sleep 600 & done; echo ready; wait"
        let ends = try FileDescriptor.pipe()
        var spawn = Spawn("/bin/sh", ["-c", script])
        spawn.descriptors = [(1, ends.write.number)]
        let pid = try spawn.start()
        defer {
            try? Signal.kill.send(to: -pid)
            _ = try? Child.reap(pid, waiting: true)
        }
        #expect(Poll.readable(ends.read.number, timeout: .seconds(60)))
        let file = try FileDescriptor.open("/proc/\(pid)/task/\(pid)/children", [])
        #expect(ProcessText.pids(Descriptor.contents(of: file.number, limit: 1 << 25)).count == count)
        #expect(Descriptor.contents(of: file.number, limit: 4700).count == 4700)
    }
}
#endif
