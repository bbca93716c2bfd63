import Testing
import Text
import Unix

@testable import DaemonCore

@Suite("Hostile log messages", .timeLimit(.minutes(20)))
struct LogEscapingTests {
    @Test(
        "control characters are written out",
        arguments: [
            ("a\nb", #"a\nb"#), ("a\rb", #"a\rb"#), ("a\r\nb", #"a\r\nb"#), ("a\tb", #"a\tb"#), ("\0", #"\x00"#),
            ("\u{1B}[31m", #"\x1b[31m"#), ("\u{7}", #"\x07"#), ("\u{1F}", #"\x1f"#), ("\u{7F}", #"\x7f"#),
            ("\u{80}", #"\x80"#), ("\u{85}", #"\x85"#), ("\u{9B}2J", #"\x9b2J"#), ("\u{9F}", #"\x9f"#),
            ("\u{2028}", #"\u2028"#), ("\u{2029}", #"\u2029"#), ("\u{202E}", #"\u202e"#),
            ("\u{61C}x", #"\u061cx"#),
            ("\u{2066}", #"\u2066"#), ("\u{200F}", #"\u200f"#), ("\u{E0041}", #"\U000e0041"#),
            ("e\u{301}\n", "e\u{301}\\n"),
        ])
    func controls(message: String, written: String) {
        #expect(LogRecord(message).line().hasSuffix(" INFO \(written)\n"))
        #expect(LogRecord("x", [(message, message)]).line().hasSuffix(" INFO x \(written)=\(written)\n"))
    }

    @Test(
        "everything else stays as it is",
        arguments: [
            "grüße", "日本語", "\u{A0}", "\u{2027}", "\u{202F}", "\u{1F468}\u{200D}\u{1F469}", #"\n is not a newline"#,
            "£¢",
        ])
    func printable(message: String) { #expect(LogRecord(message).line().hasSuffix(" INFO \(message)\n")) }

    private static let scalars: [Unicode.Scalar] =
        (0...0x2FF).compactMap { Unicode.Scalar($0 as UInt32) } + [
            "\u{2028}", "\u{2029}", "\u{202E}", "\u{61C}", "\u{E0001}", "\u{301}", "\u{1F468}", "\u{FFFE}",
        ]

    static func message(_ random: inout Seeded) -> String {
        var message = ""
        for _ in 0..<Int.random(in: 0...20, using: &random) {
            let isRare = Int.random(in: 0..<4, using: &random) == 0
            let anyScalar = Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &random))
            message.unicodeScalars.append(
                isRare ? anyScalar ?? "\u{FFFD}" : scalars.randomElement(using: &random) ?? "x")
        }
        return message
    }

    @Test("no message makes a second line or holds a control character, in any form")
    func oneLine() {
        var random = Seeded(1)
        let (identity, time) = (Array("testd pid=42 ".utf8), LogTime.of(WallTime(seconds: 0, microseconds: 0)))
        for _ in 0..<5000 {
            let record = LogRecord(Self.message(&random), [(Self.message(&random), Self.message(&random))])
            let syslog = record.syslog(WallTime(seconds: 0, microseconds: 0), name: "testd", pid: 42)
            let lines = [
                record.text(time, identity), record.journal(identity), record.json(time, name: "testd", pid: 42),
                syslog + [UInt8(ascii: "\n")],
            ]
            for line in lines {
                let text = String(decoding: line, as: UTF8.self).unicodeScalars
                let isClean = text.dropLast().allSatisfy { scalar in
                    scalar.properties.generalCategory != .control && !VisibleText.isHidden(scalar)
                }
                if !isClean || text.last != "\n" {
                    Issue.record("\(record.message.unicodeScalars.map(\.value)): \(line)")
                }
            }
        }
    }
}
