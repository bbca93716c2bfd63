import DaemonCore
import Foundation
import Testing

@testable import DeploymentFiles

@Suite("Values that would be more than values in a deployment file", .timeLimit(.minutes(20)))
struct HostileValuesTests {
    private static let own: [any DaemonOption] = [Option("motto", default: "", help: "What it says")]
    private static let options = [
        "motto", "log-file", "pid-file", "control-socket", "chdir", "chroot", "bind", "user", "group",
    ]

    private func values(_ words: [String]) -> OptionValues { parse(words, Self.own).values }

    private func word(_ option: String, _ value: String) -> String {
        "--\(option)=\(["user", "group", "motto"].contains(option) ? "" : "/srv/")\(value)"
    }

    @Test(
        "ends of lines, control characters and turns of direction are refused by every kind, in every option",
        arguments: [
            "a\nUser=root", "a\rb", "a\tb", "\u{1B}]0;x\u{7}", "a\u{0B}b", "a\u{85}b", "a\u{2028}b", "a\u{2029}b",
            "a\u{202E}b",
            "a\u{2066}b", "a\u{7F}", "a\u{FFFF}",
        ])
    func controls(value: String) {
        for kind in ServiceFile.allCases {
            for option in Self.options {
                let mistakes = kind.mistakes(testd, values([word(option, value)]))
                #expect(!mistakes.isEmpty, "\(kind) --\(option)")
                #expect(mistakes.allSatisfy { !$0.contains("User=") && !$0.unicodeScalars.contains { $0.value < 32 } })
            }
        }
    }

    @Test("a file without a pid file is printed by no kind")
    func noPidFile() {
        for kind in ServiceFile.allCases {
            #expect(
                kind.mistakes(testd, values(["--pid-file=none"])) == [
                    "option '--pid-file': '\(kind.rawValue)' needs a pid file"
                ])
        }
    }

    @Test(
        "what else means something somewhere is refused, or makes no line more",
        arguments: [
            "a%n", "a\\", "a\\nb", "a\"b", "a'b", "a $(id)", "a`id`", "${HOME}", "a;b", "a #b", "a<b>&c", "]]>", "a: b",
            "- a", "*",
            "a b ", "{}", "|x", "é", "-->",
        ])
    func special(value: String) {
        for kind in ServiceFile.allCases {
            for option in Self.options {
                let hostile = values([word(option, value)])
                guard kind.mistakes(testd, hostile).isEmpty else { continue }
                let lines = kind.text(for: testd, hostile).split(separator: "\n", omittingEmptySubsequences: false)
                let usual = kind.text(for: testd, values([word(option, "plain")])).split(
                    separator: "\n", omittingEmptySubsequences: false)
                #expect(lines.count == usual.count, "\(kind) --\(option)=\(value)")
                // In the next line nothing goes on.
                #expect(
                    lines.count { $0.hasSuffix("\\") } == usual.count { $0.hasSuffix("\\") },
                    "\(kind) --\(option)=\(value)")
            }
        }
    }

    @Test(
        "a value that is quoted comes back as it was",
        arguments: ["a%n", "a\\", "a\"b", "a'b $(id) `id` ${HOME};#", "<&>]]>", "é"])
    func back(value: String) throws {
        let words = values(["--motto=\(value)"])
        for kind in ServiceFile.allCases { #expect(kind.mistakes(testd, words).isEmpty) }
        let plist = try PropertyListSerialization.propertyList(
            from: Data(ServiceFile.launchd.text(for: testd, words).utf8), format: nil)
        let arguments = (plist as? [String: Any])?["ProgramArguments"] as? [String]
        #expect(arguments?.last == "--motto=\(value)")
        let script = ServiceFile.defaults.text(for: testd, words) + "eval \"set -- $DAEMON_OPTS\"; printf %s \"$1\"\n"
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", script]
        let output = Pipe()
        shell.standardOutput = output
        try shell.run()
        #expect(
            String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) == "--motto=\(value)")
        shell.waitUntilExit()
    }

    @Test("an account is a name", arguments: ["a b", "a\"", "root%i", "a\\", "-x", "a:b", "${USER}", "a;b", "a=b"])
    func names(name: String) {
        for option in ["user", "group"] {
            for kind in ServiceFile.allCases { #expect(!kind.mistakes(testd, values(["--\(option)=\(name)"])).isEmpty) }
        }
        #expect(ServiceFile.systemd.mistakes(testd, values(["--user=web-1.x_y@z", "--group=1000"])).isEmpty)
    }

    @Test("a stop may be allowed any time")
    func times() {
        let daemon = Daemon("x", version: "1", gracePeriod: .seconds(Int64.max))
        for kind in ServiceFile.allCases { #expect(!kind.text(for: daemon, values([])).isEmpty) }
    }
}
