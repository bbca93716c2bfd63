import Foundation
import Testing

@testable import masterd

/// etc/masterd/masterd.cfg is the manual of the configuration.
@Suite("The configuration's manual", .timeLimit(.minutes(20)))
struct ManualTests {
    private static let text = etc("masterd", "masterd.cfg")

    @Test("It explains every keyword at the beginning of a line")
    func keywords() {
        let keywords =
            GlobalKeyword.allCases.map(\.rawValue) + ["bind"] + ServiceKeyword.allCases.map(\.rawValue)
            + ConfigurationParser.SectionKeyword.allCases.map(\.rawValue)
        let lines = Self.text.split(separator: "\n").filter { $0.contains("#") }
        for keyword in keywords {
            // Alone, or behind one that means the same.
            let explained = lines.contains { line in
                let words = line.drop { $0 == " " || $0 == "#" || $0 == "-" }
                return words.hasPrefix("\(keyword) ") || words.hasPrefix("\(keyword):")
                    || line.contains(", \(keyword) ")
                    || line.contains("or \(keyword) ") || line.contains("`no \(keyword) ")
                    || line.contains("`\(keyword) ")
            }
            #expect(explained, "\(keyword)")
        }
    }

    @Test("What it shows is what the parser understands, and every default stands in its explanation")
    func defaults() throws {
        let all = Self.text.replacing(/(?m)^( *)#([a-z])/) { "\($0.1)\($0.2)" }
        let found = try read(all)
        #expect(found.services.map(\.name) == ["echo", "metrics", "migrate", "agent", "cache"])
        #expect(try read(Self.text).services.map(\.name) == ["echo"])
        for text in [
            "Default: 60s.", "default: 50.", "90s for stop-timeout", "default 100ms 30s", "after 1s for a worker",
        ] {
            #expect(Self.text.contains(text), "\(text)")
        }
        let usual = ServiceSection(.worker, "x")
        #expect(GlobalSettings().startTimeout == .seconds(60) && GlobalSettings().maxOldGenerations == 50)
        #expect(Configuration.usualStopTimeout == .seconds(90) && usual.readiness == .alive(.seconds(1)))
        #expect(usual.restart.backoff.base == .milliseconds(100) && usual.restart.backoff.maximum == .seconds(30))
    }
}

/// etc/man/masterd.cfg.5 tells the same for man(1).
@Suite("masterd.cfg(5)", .timeLimit(.minutes(20)))
struct ManualPageTests {
    private static let text = etc("man", "masterd.cfg.5")

    /// The words in bold behind `.TP`, of one section.
    private func keywords(of section: String) throws -> [String] {
        let sections = Self.text.components(separatedBy: "\n.SH ")
        let found = sections.filter { $0.hasPrefix("\(section)\n") || $0.hasPrefix("\"\(section)\"\n") }
        let text = try #require(found.count == 1 ? found.first : nil)
        return text.matches(of: /\n\.TP\n\\fB([^ ]+)\\fR/).map { $0.1.replacingOccurrences(of: "\\-", with: "-") }
    }

    @Test("It has every keyword in its section, and no other")
    func everyKeyword() throws {
        #expect(try keywords(of: "GLOBAL").sorted() == GlobalKeyword.allCases.map(\.rawValue).sorted())
        #expect(try keywords(of: "LISTEN") == ["bind"])
        #expect(try keywords(of: "WORKER AND PROGRAM").sorted() == ServiceKeyword.allCases.map(\.rawValue).sorted())
        for keyword in ConfigurationParser.SectionKeyword.allCases {
            #expect(Self.text.contains("section \\fB\(keyword.rawValue)"), "\(keyword)")
        }
    }

    @Test("Its example has no mistake")
    func example() throws {
        let parts = Self.text.components(separatedBy: "\n.nf\n")
        let example = try #require(parts.last?.components(separatedBy: "\n.fi").first)
        let found = try read(example.replacingOccurrences(of: "\\-", with: "-"))
        #expect(found.services.map(\.name) == ["web", "exporter"])
        #expect(found.services.map(\.onReload) == [.replace, .keep])
    }

    @Test("Its defaults are the parser's")
    func defaults() {
        for text in ["Default: 60s.", "default: 50.", "which is 90s without it", "100ms and 30s by default"] {
            #expect(Self.text.contains(text), "\(text)")
        }
    }
}

private func etc(_ names: String...) -> String {
    let folders = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    let path = (folders.map(String.init) + ["etc"] + names).joined(separator: "/")
    return String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
}
