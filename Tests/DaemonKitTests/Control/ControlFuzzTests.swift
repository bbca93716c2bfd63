import Testing

@testable import DaemonKit

/// Random sessions: what they mean does not depend on how they come. The seed of a failure is the test's argument.
@Suite("ControlInput, with random bytes")
struct ControlFuzzTests {
    /// What a session is made of: everything that means something, and a little that does not.
    private static let parts: [[UInt8]] =
        [
            " ", "\t", ";", "\\", "\r", "\n", "\n", "<", "<<", " <<E\n", "\nE\n", "E", "a", "show", "ü", "\u{301}",
            "\0",
            " <<\n", "\n\n",
        ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0xE2, 0x82]]

    private static func session(_ random: inout Seeded) -> [UInt8] {
        (0..<Int.random(in: 0..<14, using: &random)).flatMap { _ in parts.randomElement(using: &random) ?? [] }
    }

    @Test("100,000 sessions say the same byte by byte as at once", arguments: 0..<20)
    func pieces(seed: Int) {
        var random = Seeded(UInt64(seed))
        for _ in 0..<5000 {
            let bytes = Self.session(&random)
            let whole = items(bytes, pieces: .max)
            guard items(bytes, pieces: 1) == whole else {
                Issue.record("seed \(seed): \(bytes)")
                return
            }
        }
    }

    @Test("the text of what was understood is understood as the same", arguments: 0..<10)
    func roundTrip(seed: Int) throws {
        var random = Seeded(UInt64(seed))
        for _ in 0..<5000 {
            let line = Self.session(&random).filter { $0 != 0x0A }
            let requests = try ControlLine.parse(line).0
            let text = Array(ControlLine.text(requests).utf8)
            let (again, pattern) = try ControlLine.parse(text)
            guard again == requests, pattern == nil else {
                Issue.record("seed \(seed): \(line) is said as \(text)")
                return
            }
        }
    }

    @Test("what is unread goes on in another input, wherever a session is cut", arguments: 0..<10)
    func unread(seed: Int) {
        var random = Seeded(UInt64(seed))
        for _ in 0..<2000 {
            let bytes = Self.session(&random)
            let cut = Int.random(in: 0...bytes.count, using: &random)
            var one = ControlInput()
            one.append(bytes[..<cut])
            while one.next() != nil {}
            var two = ControlInput(one.unread)
            let isEarly = two.next() != nil
            one.append(bytes[cut...])
            two.append(bytes[cut...])
            guard !isEarly, rest(&one) == rest(&two) else {
                Issue.record("seed \(seed): \(bytes) cut at \(cut)")
                return
            }
        }
    }

    private func rest(_ input: inout ControlInput) -> [ControlInput.Item] {
        var found: [ControlInput.Item] = []
        while let item = input.next() { found.append(item) }
        return found
    }

    @Test("long lines and payloads in any pieces say the same, and never take more than their limits", arguments: 0..<8)
    func large(seed: Int) {
        var random = Seeded(UInt64(seed))
        var bytes: [UInt8] = []
        for _ in 0..<6 {
            let isPayload = Bool.random(using: &random)
            let lines = isPayload ? Int.random(in: 1...90, using: &random) : 1
            if isPayload { bytes += "set <<E\n".utf8 }
            for _ in 0..<lines {
                bytes += [UInt8](
                    repeating: 0x70, count: Int.random(in: 0...(isPayload ? 1500 : 40_000), using: &random))
                bytes.append(0x0A)
            }
            if isPayload { bytes += "E\n".utf8 }
        }
        let whole = items(bytes, pieces: .max)
        var input = ControlInput()
        var found: [ControlInput.Item] = []
        var (start, most) = (0, 0)
        while start < bytes.count {
            let end = min(bytes.count, start + Int.random(in: 1...16_384, using: &random))
            input.append(bytes[start..<end])
            while let item = input.next() { found.append(item) }
            start = end
            most = max(most, input.unread.bytes.count)
        }
        #expect(most <= ControlInput.longestPayload + 64)
        #expect(found == whole, "seed \(seed)")
    }
}
