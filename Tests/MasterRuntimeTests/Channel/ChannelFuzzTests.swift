import DaemonCore
import Testing

@testable import MasterRuntime

/// Frames, frames with bytes changed, and noise, cut anywhere.
@Suite("ChannelInput, with random bytes", .timeLimit(.minutes(20)))
struct ChannelFuzzTests {
    private static let bodies: [[UInt8]] =
        ["", "\n", "show info", "C 1 user 3\n"].map { Array($0.utf8) } + [[0, 0xFF]]
    private static let parts: [[UInt8]] =
        [
            "A", "C", " ", "\n", "0", "1", "9", "user", "admin", "A 1 0\n", "C 2 user 1\n", "-", "4194305",
            "99999999999",
        ].map { Array($0.utf8) } + [[0xFF], [0]]

    private static func frame(_ random: inout Seeded) -> ChannelFrame {
        let level = ControlLevel.allCases[Int(random.next() % 3)]
        return ChannelFrame(
            id: Int(random.next() >> (1 + random.next() % 63)),
            kind: [.answer, .report, .command(level: level)][Int(random.next() % 3)],
            body: bodies[Int(random.next() % UInt64(bodies.count))])
    }

    private static func mutated(_ random: inout Seeded) -> [UInt8] {
        var bytes = frame(&random).bytes + frame(&random).bytes
        for _ in 0...Int(random.next() % 3) {
            let index = Int(random.next() % UInt64(bytes.count))
            switch random.next() % 3 {
            case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: index)
            default: bytes.remove(at: index)
            }
        }
        return bytes
    }

    private static func noise(_ random: inout Seeded) -> [UInt8] {
        (0..<Int(random.next() % 10)).flatMap { _ in parts[Int(random.next() % UInt64(parts.count))] }
    }

    /// Everything that the bytes say, in pieces that are cut at `cut`; nil at the end for a mistake.
    private static func frames(_ bytes: [UInt8], cut: Int, moving: Bool = false) -> [ChannelFrame?] {
        var input = ChannelInput()
        var found: [ChannelFrame?] = []
        for piece in [bytes[..<cut], bytes[cut...]] {
            if moving {
                var other = ChannelInput()
                other.append(input.unread[...])
                input = other
            }
            input.append(piece)
            do {
                while let frame = try input.next() { found.append(frame) }
            } catch {
                return found + [nil]
            }
        }
        return found
    }

    private func run(_ rounds: Int, _ seed: UInt64, _ make: (inout Seeded) -> [UInt8]) {
        var random = Seeded(seed)
        for round in 0..<rounds {
            let bytes = make(&random)
            let cut = Int(random.next() % UInt64(bytes.count + 1))
            let whole = Self.frames(bytes, cut: bytes.count)
            // Written again, the frames are the bytes that they were read from.
            let again = whole.compactMap { $0?.bytes }.flatMap(\.self)
            guard Self.frames(bytes, cut: cut, moving: round % 2 == 0) == whole, bytes.starts(with: again) else {
                Issue.record("seed \(seed), round \(round): \(bytes) cut at \(cut)")
                return
            }
        }
    }

    @Test("Frames with a few bytes changed say the same wherever they are cut", arguments: 1...4)
    func mutations(seed: UInt64) { run(rounds(125_000), seed, Self.mutated) }

    @Test("Noise says the same wherever it is cut", arguments: 5...8)
    func noise(seed: UInt64) { run(rounds(150_000), seed, Self.noise) }

    @Test("Long bodies in pieces, and no more memory than one of them takes", arguments: 9...10)
    func long(seed: UInt64) throws {
        var random = Seeded(seed)
        let frames = (0..<200).map { id in
            let length = Int(random.next() % 40 == 0 ? random.next() % (1 << 20) : random.next() % 2000)
            return ChannelFrame(id: id, kind: .answer, body: [UInt8](repeating: 0x0A, count: length))
        }
        let bytes = frames.flatMap(\.bytes)
        var input = ChannelInput()
        var found = 0
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + Int(random.next() % 65536))
            input.append(bytes[start..<end])
            while let frame = try input.next() {
                #expect(frame == frames[found])
                found += 1
            }
            #expect(input.unread.count <= 1 << 20 + 64)
            start = end
        }
        #expect(found == frames.count)
    }
}
