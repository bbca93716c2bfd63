import Testing

@testable import MasterRuntime

/// Random sessions: what they mean does not depend on how they come. The seed of a failure is the test's argument.
@Suite("ControlInput, with random bytes", .timeLimit(.minutes(20)))
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

    /// Short, so that a million of them are soon read by a debug build.
    private static func shortSession(_ random: inout Seeded) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<random.next() % 9 { bytes += parts[Int(random.next() % UInt64(parts.count))] }
        return bytes
    }

    @Test("sessions say the same byte by byte as at once", arguments: 0..<20)
    func pieces(seed: Int) {
        var random = Seeded(UInt64(seed))
        for _ in 0..<rounds(5000) {
            let bytes = Self.session(&random)
            let whole = items(bytes, pieces: .max)
            guard items(bytes, pieces: 1) == whole else {
                Issue.record("seed \(seed): \(bytes)")
                return
            }
        }
    }

    @Test(
        "a line is commands or a mistake, and its text is understood as the same", arguments: 0..<8)
    func lines(seed: UInt64) throws {
        var random = Seeded(seed)
        for _ in 0..<rounds(130_000) {
            var line = Self.shortSession(&random)
            line.removeAll { $0 == 0x0A }
            let (requests, _) = try ControlLine.parse(line)
            let isSound = requests.allSatisfy { !$0.words.isEmpty && $0.payload == nil && !$0.words.contains("") }
            let (again, pattern) = try ControlLine.parse(ControlLine.text(requests).utf8)
            guard isSound, again == requests, pattern == nil else {
                Issue.record("seed \(seed): \(line)")
                return
            }
        }
    }

    @Test("sessions that are cut somewhere go on in another input as they would have", arguments: 0..<8)
    func cuts(seed: UInt64) {
        var random = Seeded(seed)
        for _ in 0..<rounds(130_000) {
            let bytes = Self.shortSession(&random)
            let cut = Int(random.next() % UInt64(bytes.count + 1))
            var one = ControlInput()
            one.append(bytes[..<cut])
            var before: [ControlInput.Item] = []
            while let item = one.next() { before.append(item) }
            var two = ControlInput(one.unread)
            let isEarly = two.next() != nil
            one.append(bytes[cut...])
            two.append(bytes[cut...])
            let after = rest(&one)
            guard !isEarly, rest(&two) == after, before + after == items(bytes, pieces: .max),
                one.unread == two.unread, one.unread.bytes.count <= bytes.count
            else {
                Issue.record("seed \(seed): \(bytes) cut at \(cut)")
                return
            }
        }
    }

    @Test("inputs with lines and payloads near their limits go on in another input", arguments: 0..<4)
    func longCuts(seed: UInt64) {
        var random = Seeded(seed)
        for _ in 0..<8 {
            var bytes: [UInt8] = []
            for _ in 0..<4 {
                let limit = random.next() % 2 == 0 ? ControlLine.longestLine : ControlInput.longestPayload
                let filler: UInt8 = random.next() % 2 == 0 ? 0xFF : 0x61
                bytes += Self.shortSession(&random)
                bytes += [UInt8](repeating: filler, count: limit - 3 + Int(random.next() % 6))
                bytes += Self.shortSession(&random)
            }
            var (one, two) = (ControlInput(), ControlInput())
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + 1 + Int(random.next() % 40_000))
                one.append(bytes[start..<end])
                two.append(bytes[start..<end])
                guard rest(&one) == rest(&two), one.unread == two.unread,
                    one.unread.bytes.count <= ControlLine.longestLine + 2 * ControlInput.longestPayload + 1
                else {
                    Issue.record("seed \(seed): \(bytes.count) bytes, at \(start)")
                    return
                }
                two = ControlInput(two.unread)
                start = end
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
