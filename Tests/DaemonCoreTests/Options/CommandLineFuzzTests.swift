import Testing

@testable import DaemonCore

@Suite("Random command lines", .timeLimit(.minutes(20)))
struct CommandLineFuzzTests {
    private static let rules: [ReferenceParser.Rule] = [
        .init("port", "p", .port), .init("part", nil, .flag), .init("level", "l", .choice(["a", "b"])),
        .init("name", "n", .text), .init("verbose", "v", .flag), .init("version", "V", .flag),
        .init("verb", nil, .text),
    ]

    private static let port = StandardOption.port
    private static let level = Option("level", short: "l", choices: ["a", "b"], default: "-", help: "")
    private static let name = Option("name", short: "n", default: "-", help: "")
    private static let verb = Option("verb", default: "-", help: "")
    private static let flags = [
        Option(flag: "part", help: ""), Option(flag: "verbose", short: "v", help: ""),
        Option(flag: "version", short: "V", help: ""),
    ]
    private static let options =
        [port.definition, level.definition, name.definition, verb.definition] + flags.map(\.definition)

    private static let values = [
        "80", "0", "65535", "65536", "a", "b", "ab", "", "-1", "-v", "--", "=", "٨", "e\u{301}", "v=1", "--port", "x y",
    ]

    private static let letters = Array("pplnvVvx")

    private static func word(_ random: inout Seeded) -> String {
        let value = values.randomElement(using: &random) ?? ""
        switch Int.random(in: 0..<10, using: &random) {
        case 0...4:
            let name = rules.randomElement(using: &random)?.name ?? ""
            let isWhole = Bool.random(using: &random)
            let cut = isWhole ? name[...] : name.prefix(Int.random(in: 0...name.utf8.count, using: &random))
            return "--\(cut)" + (Bool.random(using: &random) ? "" : "=\(value)")
        case 5...7:
            let cluster = (0..<Int.random(in: 0...3, using: &random)).map { _ in
                letters.randomElement(using: &random) ?? "p"
            }
            return "-" + String(cluster) + (Bool.random(using: &random) ? "" : value)
        default:
            return value
        }
    }

    @Test(
        "there are mistakes exactly where the rules say so, and the values are those that the rules accept",
        arguments: 1...4)
    func againstReference(seed: UInt64) {
        var random = Seeded(seed)
        for round in 0..<rounds(25_000) {
            let words = (0..<Int.random(in: 0...5, using: &random)).map { _ in Self.word(&random) }
            let line = CommandLineParser(words, options: Self.options)
            let reference = ReferenceParser(words, Self.rules)
            let accepted = reference.accepted
            let isSame =
                line.mistakes.count == reference.mistakes
                && line.values[Self.port] == accepted["port"].flatMap { UInt16($0) }
                && line.values[Self.level] == accepted["level"] ?? "-"
                && line.values[Self.name] == accepted["name"] ?? "-"
                && line.values[Self.verb] == accepted["verb"] ?? "-"
                && Self.flags.allSatisfy { line.values[$0] == (accepted[$0.definition.name] != nil) }
            if !isSame {
                Issue.record(
                    "seed \(seed), round \(round): \(words): \(line.mistakes), expected \(reference.mistakes): \(accepted)"
                )
                return
            }
        }
    }

    @Test("no letters, however odd, are a crash or an empty mistake")
    func oddLetters() {
        var random = Seeded(5)
        let options = OptionList.standard.offered(by: testd)
        let letters = Array("-=-=fdpbug pos٨\u{301}é\n\u{0}\u{200D}\u{1F468}日")
        for _ in 0..<3000 {
            let words = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                String(
                    (0..<Int.random(in: 0...12, using: &random)).map { _ in letters.randomElement(using: &random) ?? "-"
                    })
            }
            let line = CommandLineParser(words, options: options)
            #expect(line.mistakes.allSatisfy { $0.contains("'") }, "\(words)")
        }
    }
}
