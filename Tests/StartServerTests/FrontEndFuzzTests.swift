import Testing
import Text
import Unix

@testable import start_server

@Suite("Random command lines of start_server", .timeLimit(.minutes(20)))
struct FrontEndFuzzTests {
    private static let values = [
        "80", "u80", "0", "65536", "localhost:80", "[::1]:80=7", "u[::1]:0", "1.5", "-1", "--", "-", "", "=", "x;y",
        "| cat", "|", "TERM", "sigusr1", "RTMIN+1", "notify", "0.1,2", "٨",
        "e\u{301}", "\u{301}", "--port", "a b", "99999999999999999999", "nan", "\n",
    ]
    private static let pieces = [
        "u", ":", "[", "]", "=", "80", "0", "127.0.0.1", "::1", "localhost", "%1", ";", "-", "65535", "9", " ",
        "\u{301}", ".", "x",
    ]

    private static func word(_ random: inout Seeded) -> String {
        let value = values.randomElement(using: &random) ?? ""
        guard Int.random(in: 0..<10, using: &random) < 7 else { return value }
        let name = SettingsOption.allCases.randomElement(using: &random)?.rawValue ?? ""
        let isWhole = Int.random(in: 0..<3, using: &random) > 0
        let cut = isWhole ? name[...] : name.prefix(Int.random(in: 0...name.utf8.count, using: &random))
        let dashes = ["-", "--", "--", "--", "---"].randomElement(using: &random) ?? "-"
        return dashes + cut + (Bool.random(using: &random) ? "" : "=\(value)")
    }

    /// What must hold for every accepted line.
    private static func isSound(_ settings: Settings) -> Bool {
        let needsPid = [.stop, .restart, .upgrade].contains(settings.action)
        return (settings.action != .run || settings.program.first?.isEmpty == false)
            && (!needsPid || settings.pidFile != nil) && settings.interval >= .zero
            && settings.paths.allSatisfy { !$0.text.isEmpty && !$0.text.utf8.contains(UInt8(ascii: ";")) }
            && settings.ports.allSatisfy { !$0.key.utf8.contains(UInt8(ascii: ";")) }
            && settings.backlog != 0 && settings.maxOldGenerations != 0
    }

    private static func isSound(_ error: UsageError) -> Bool {
        let lines = error.text.split(separator: "\n", omittingEmptySubsequences: false)
        return [1, 255].contains(error.exitStatus) && lines.count > 1 && lines.last == ""
            && lines.dropLast().allSatisfy { $0.utf8.starts(with: "start_server: ".utf8) && $0.utf8.count > 20 }
    }

    @Test("every line gives sound settings or a clear error", arguments: 1...2)
    func commandLines(seed: UInt64) {
        var random = Seeded(seed)
        var accepted = 0
        for round in 0..<rounds(40_000) {
            var words = (0..<Int.random(in: 0...5, using: &random)).map { _ in Self.word(&random) }
            if Bool.random(using: &random) { words += ["--", "prog"] }
            do {
                let settings = try SettingsParser.parse(words)
                accepted += 1
                if Self.isSound(settings) { continue }
            } catch {
                if Self.isSound(error) { continue }
            }
            Issue.record("seed \(seed), round \(round): \(words)")
            return
        }
        #expect(accepted > rounds(1000))
    }

    @Test("every port text gives a port whose key is read back, or a reason", arguments: 3...4)
    func ports(seed: UInt64) {
        var random = Seeded(seed)
        var accepted = 0
        for round in 0..<rounds(40_000) {
            let text = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                Self.pieces.randomElement(using: &random) ?? ""
            }.joined()
            do {
                let port = try PortSpec(parsing: text)
                let again = try PortSpec(parsing: port.key)
                accepted += 1
                let isSame = again.key == port.key && again.port == port.port && again.namesHost == port.namesHost
                if isSame, try port.namesHost || again.address() == port.address() { continue }
            } catch let mistake as PortSpec.Mistake {
                if (try? PortSpec(parsing: text)) == nil && !mistake.reason.isEmpty { continue }
            } catch {}
            Issue.record("seed \(seed), round \(round): '\(text)'")
            return
        }
        #expect(accepted > rounds(1000))
    }

    @Test("letters at random crash nothing")
    func letters() {
        var random = Seeded(5)
        let letters = Array("-=-=u:[];|,. portinterval08٨\u{301}é\n\u{0}\u{200D}\u{1F468}日")
        for _ in 0..<rounds(20_000) {
            let words = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                let count = Int.random(in: 0...12, using: &random)
                return String((0..<count).compactMap { _ in letters.randomElement(using: &random) })
            }
            _ = DurationText.parseSeconds(words.first ?? "")
            _ = Signal(parsing: words.first ?? "")
            _ = try? PortSpec(parsing: words.first ?? "")
            do {
                #expect(Self.isSound(try SettingsParser.parse(words)), "\(words)")
            } catch {
                #expect(Self.isSound(error), "\(words)")
            }
        }
    }
}
