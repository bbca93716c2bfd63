import Testing
import Text

@testable import masterd

/// In the thorough tests more than a million inputs. Each is short: this is a debug build.
@Suite("Random configurations", .timeLimit(.minutes(20)))
struct ConfigurationFuzzTests {
    private static let environment = ["A": "a b", "LONG": String(repeating: "x", count: 3000), "N": ""]

    /// What must hold of every input: a plan that can be followed, or lines that say why not.
    private static func isSound(_ contents: [UInt8], rereads: Bool) -> Bool {
        let file = ConfigurationFile(path: "f", contents: contents)
        do {
            let configuration = try Configuration.parse([file], environment: environment)
            guard (try? configuration.plan().stages()) != nil else { return false }
            if !rereads { return true }
            return try read(configuration.text, environment: environment) == configuration
        } catch {
            return !error.mistakes.isEmpty && error.mistakes.count <= 1001 && error.mistakes.allSatisfy(isSound)
        }
    }

    private static func isSound(_ mistake: Mistake) -> Bool {
        mistake.text.utf8.count <= 4 * 503 && !mistake.text.utf8.contains(0x0A) && mistake.place.file == "f"
    }

    /// Runs `make` many times; the first unsound input is named.
    private func run(
        _ rounds: Int, _ seed: UInt64, accepting least: Int, make: (inout Seeded) -> [UInt8]
    ) {
        var random = Seeded(seed)
        var accepted = 0
        for round in 0..<rounds {
            let input = make(&random)
            if !Self.isSound(input, rereads: round % 16 == 0) {
                Issue.record("seed \(seed), round \(round): \(String(decoding: input, as: UTF8.self).debugDescription)")
                return
            }
            if least > 0, round % max(1, rounds / 156) == 0,
                mistakes([ConfigurationFile(path: "f", contents: input)]).isEmpty
            {
                accepted += 1
            }
        }
        #expect(accepted >= (isThorough ? least : min(1, least)))
    }

    // MARK: Whole files

    private static let good: [[UInt8]] = [
        "worker w\n command x\n listen l\nlisten l\n bind :1\n",
        "global\n setenv B \"$A\"\nprogram p\n command \"${B-c}\" 'd'\n",
        "program p\n command x\n no option start-on-reload\n", "worker a\n command x\nworker b\n command y\n after a\n",
        "worker w\n command x\n restart always limit 5/60s\n", "worker w\n command x\n readiness after 1s\n",
        "listen l\n bind /s mode 660\nworker w\n command x\n",
        "global\n control-socket /c level user\nworker w\n command x\n",
    ].map { Array($0.utf8) }

    private static let bytes = Array("\n\n  \t#\"'\\$${}[*]:/@%-0159asx.\u{0}\u{7F}\r".utf8) + [0x80, 0xC3, 0xFF]

    @Test("good files with a few bytes changed", arguments: 1...4)
    func mutations(seed: UInt64) {
        run(rounds(10_000), seed, accepting: 3) { random in
            var file = Self.good[Int(random.next() % UInt64(Self.good.count))]
            for _ in 0...random.next() % 2 {
                let index = Int(random.next() % UInt64(file.count))
                let byte = Self.bytes[Int(random.next() % UInt64(Self.bytes.count))]
                switch random.next() % 4 {
                case 0: file[index] = byte
                case 1: file.insert(byte, at: index)
                case 2 where file.count > 1: file.remove(at: index)
                default: file[index] = UInt8(truncatingIfNeeded: random.next())
                }
            }
            return file
        }
    }

    private static let tokens: [[UInt8]] =
        (GlobalKeyword.allCases.map(\.rawValue) + ServiceKeyword.allCases.map(\.rawValue)
        + [
            "\nworker w", "\nprogram p", "\nlisten l", "\nglobal", "\n command x", "\n", "\n ", "\n", "bind", ":1",
            "[::1]:2",
        ]
        + [
            "/a", "log", "file", "command", "udp@:3", "backlog", "mode", "600", "level", "user", "notify", "after",
            "none", "1s", "0s", "9",
            "5/1m",
        ]
        + [
            "on-failure", "always", "backoff", "jitter", "limit", "w", "p", "l", "no", "yes", "keep", "signal", "TERM",
            "#",
        ]
        + ["\"$A\"", "\"${LONG[*]}\"", "\"${N", "'", "\\x41", "file", "drain", "start-on-reload", "A", ""])
        .map { Array($0.utf8) }

    @Test("words in any order", arguments: 5...8)
    func words(seed: UInt64) {
        run(rounds(10_000), seed, accepting: 0) { random in
            var file = random.next() % 2 == 0 ? Array("worker w\n command x\n ".utf8) : []
            for _ in 0..<random.next() % 7 {
                file += Self.tokens[Int(random.next() % UInt64(Self.tokens.count))]
                file.append(0x20)
            }
            return file
        }
    }

    @Test("bytes at random", arguments: 9...12)
    func anything(seed: UInt64) {
        run(rounds(40_000), seed, accepting: 0) { random in
            (0..<random.next() % 12).map { _ in
                let next = random.next()
                return next % 4 == 0
                    ? UInt8(truncatingIfNeeded: next >> 8) : Self.bytes[Int((next >> 8) % UInt64(Self.bytes.count))]
            }
        }
    }

    // MARK: Parts

    @Test("lines: words that are bounded, and come again from their text", arguments: 13...16)
    func lines(seed: UInt64) {
        var random = Seeded(seed)
        for round in 0..<rounds(175_000) {
            let line = (0..<random.next() % 14).map { _ in Self.bytes[Int(random.next() % UInt64(Self.bytes.count))] }
            do {
                let found = try WordReader.words(of: line[...], environment: Self.environment)
                guard round % 8 == 0 || found.size > WordReader.longestLine else { continue }
                let text = found.words.map(word).joined(separator: " ")
                let again = try WordReader.words(of: Array(text.utf8)[...], environment: [:])
                if again == found && found.size <= WordReader.longestLine { continue }
                Issue.record("seed \(seed), round \(round): \(line)")
                return
            } catch {
                if error.text.utf8.count < 100 && error.text.hasSuffix(".") { continue }
                Issue.record("seed \(seed), round \(round): \(error.text)")
                return
            }
        }
    }

    @Test("addresses and times come again from their text", arguments: 17...18)
    func values(seed: UInt64) {
        let pieces = [
            "udp@", "unix:", "[", "]", ":", "::", "/", "a", "80", "1", "0", "127.0.0.1", "%1", "*", ".", "ms", "s", "d",
        ]
        var random = Seeded(seed)
        for _ in 0..<rounds(60_000) {
            let text = (0..<random.next() % 5).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }.joined()
            if let address = try? ListenAddress(parsing: text) {
                guard let again = try? ListenAddress(parsing: address.text), again == address else {
                    Issue.record("seed \(seed): '\(text)'")
                    return
                }
            }
            if let time = DurationText.parse(text), DurationText.parse(DurationText.text(time)) != time {
                Issue.record("seed \(seed): '\(text)'")
                return
            }
        }
    }
}
